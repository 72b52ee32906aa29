/* file_owner.h: files that root makes in the folder of another user belong to that user. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

/* Gives an open file the owner and group of the folder that its path names, when the process is root. A process of another user can only
 * make files of its own, and the file stays as it is. False: errno says why. */
must_check bool file_owner_as_folder(int file, const char *path);
