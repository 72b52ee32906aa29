/* watched_files.h: files of SQLite whose syncs and writes a test sees, holds up or lets fail. */
#pragma once

#include <sqlite3.h>

/* Files that are opened from now on for what `kind` says, SQLITE_OPEN_WAL or SQLITE_OPEN_MAIN_DB, are watched. `write` may be NULL. Not while others are
 * watched. */
void watch_files(int kind, int (*sync)(sqlite3_file *file, int flags),
                 int (*write)(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset));
/* No watched file is open. */
void watch_no_files(void);

/* Pass the call on to the system. */
int watched_sync(sqlite3_file *file, int flags);
int watched_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset);
