/* store_file.h: a file that takes its name only when it is complete: a backup, or a store that is put back.
 *
 * Until then it is NAME.partial, which is locked, readable by its owner alone, and written over when somebody has left it behind. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "adapters/sqlite/sqlite.h"

#define STORE_FILE_PATH_MAX 4096

struct store_file {
	char path[STORE_FILE_PATH_MAX];
	char partial[STORE_FILE_PATH_MAX + 16];
	bool may_replace;
	int lock;
};

/* Whether `name` is the file `path`, by whatever name, or one that SQLite or a restore has beside it. */
bool store_file_is_of(const char *name, const char *path);
/* Makes the partial file, empty. may_replace: the name may be that of a regular file. False: message says why. */
must_check bool store_file_begin(const char *path, bool may_replace, struct store_file *ret_file, char message[static SQLITE_MESSAGE_MAX]);
/* For a store: the file gets owner, group and mode of the store that it replaces, if the owner of the folder can read and write that one;
 * else it is the folder's owner's alone. False, with the partial file removed: the process cannot make it a file that the owner of the
 * folder can use. */
must_check bool store_file_inherit(struct store_file *file, char message[static SQLITE_MESSAGE_MAX]);
/* Gives the file its name, durably: a crash leaves what had the name before, or the new file. False, with the partial file removed. */
must_check bool store_file_finish(struct store_file *file, char message[static SQLITE_MESSAGE_MAX]);
/* Removes the partial file. */
void store_file_abandon(struct store_file *file);
