/* watched_files.c: a VFS in front of the system's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "watched_files.h"

static sqlite3_vfs *system_files;
static sqlite3_vfs watched;
static const sqlite3_io_methods *system_methods; /* NULL: no file has been opened yet */
static sqlite3_io_methods methods;
static int watched_kind;

static int open_file(sqlite3_vfs *files, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)files;
	int code = system_files->xOpen(system_files, name, file, flags, ret_flags);
	if (code != SQLITE_OK || (flags & watched_kind) == 0)
		return code;
	if (system_methods == NULL) {
		int (*sync)(sqlite3_file *, int) = methods.xSync;
		int (*write)(sqlite3_file *, const void *, int, sqlite3_int64) = methods.xWrite;
		system_methods = file->pMethods;
		methods = *system_methods;
		methods.xSync = sync;
		if (write != NULL)
			methods.xWrite = write;
	}
	file->pMethods = &methods;
	return SQLITE_OK;
}

void watch_files(int kind, int (*sync)(sqlite3_file *file, int flags),
                 int (*write)(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset))
{
	system_files = sqlite3_vfs_find(NULL);
	system_methods = NULL;
	methods = (sqlite3_io_methods){.xSync = sync, .xWrite = write};
	watched_kind = kind;
	watched = *system_files;
	watched.zName = "watched";
	watched.xOpen = open_file;
	assert_int_equal(sqlite3_vfs_register(&watched, 1), SQLITE_OK);
}

void watch_no_files(void)
{
	assert_int_equal(sqlite3_vfs_unregister(&watched), SQLITE_OK);
	assert_int_equal(sqlite3_vfs_register(system_files, 1), SQLITE_OK);
}

int watched_sync(sqlite3_file *file, int flags)
{
	return system_methods->xSync(file, flags);
}

int watched_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	return system_methods->xWrite(file, bytes, length, offset);
}
