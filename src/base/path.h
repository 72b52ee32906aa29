/* path.h: the parts of a file's name, and whether two names are of one file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/* Writes the folder of the path, with its slash at the end, and "." for a path without a folder. False: it does not fit. */
must_check bool path_folder(const char *path, char *folder, size_t size);
/* The part behind the last slash. */
const char *path_name(const char *path);
/* Whether both names are of one file or folder, which is there. */
bool path_is_same_file(const char *one, const char *other);
