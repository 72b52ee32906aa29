/* sqlite.h: the store, reader, outbox and catalog ports on one SQLite file: the embedded default.
 *
 * The file is in WAL mode: readers never wait for the writer. Any number of processes may have it open; one of them writes at a time, so
 * one store for each process is the best (a second only makes both wait and forget their views). A store syncs every commit.
 *
 * Every function that opens says why it cannot in `message`, in one line for people, untouched on success. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/audit.h"
#include "ports/catalog.h"
#include "ports/outbox.h"
#include "ports/privacy.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

#define SQLITE_MESSAGE_MAX 512

/* The options of a migration, and the callbacks for when it is committed; each may be NULL. */
struct sqlite_migration {
	bool keeps_backup; /* a copy of the file as it was: PATH.schema-NNN.TIME, by the last migration that it had. A new file has none */
	void (*kept)(void *context, const char *path);
	void (*applied)(void *context, const char *name);
	void *context;
};

/* Makes the file when there is none and applies the migrations it lacks, all or none, under its write lock. migration: NULL: no copy, and
 * nobody is told. ERR_CORRUPT: a migration that was applied is not the one that this program has, or this program does not have it.
 * ERR_SYSTEM: the file cannot be opened, copied or written. */
must_check enum error sqlite_migrate(const char *path, const struct sqlite_migration *migration, char message[static SQLITE_MESSAGE_MAX]);

/* The file has been migrated. ERR_SYSTEM, ERR_NO_MEMORY; ERR_CORRUPT: a replay was begun and not ended, unless `for_replay`. */
must_check enum error sqlite_store_open(const char *path, bool for_replay, struct store **ret_store,
                                        char message[static SQLITE_MESSAGE_MAX]);

/* For a file that is thrown away: migrated, and of no use after a crash. */
must_check enum error sqlite_scratch_open(const char *path, struct store **ret_store, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_scratch_reader_open(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX]);

/* For those who only look: nothing is written, not even a file beside this one while nobody else has it open. Their ping says whether a
 * replay was begun and not ended. sqlite_look: whether the schema is this program's; ERR_CORRUPT: it is older, newer or another;
 * ERR_SYSTEM. */
must_check enum error sqlite_look(const char *path, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_reader_open_to_look(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_catalog_open_to_look(const char *path, struct catalog **ret_catalog, char message[static SQLITE_MESSAGE_MAX]);

/* Copies the file as of one moment into `to`, which is there and empty, syncs the copy and checks that it is whole. is_in_use: others may
 * work on `from` meanwhile; else it is only read, and nobody writes to it. ERR_CORRUPT: it is damaged, or no SQLite file; ERR_SYSTEM. */
must_check enum error sqlite_copy(const char *from, bool is_in_use, const char *to, char message[static SQLITE_MESSAGE_MAX]);
/* Whether a file that nobody writes to is a store, of this program or another version: it has the first migration. ERR_CORRUPT: it is
 * empty, or a database of something else; ERR_SYSTEM. */
must_check enum error sqlite_check_store(const char *path, char message[static SQLITE_MESSAGE_MAX]);

/* Before another file takes this one's place: brings its log into the file, so that it is whole without one, and ends the log. A file that
 * is not there is fine. ERR_SYSTEM: somebody else has it open, or it cannot be written; ERR_CORRUPT: it is damaged, and was left as it
 * is. */
must_check enum error sqlite_retire(const char *path, char message[static SQLITE_MESSAGE_MAX]);
/* Removes the logs beside a file, which SQLite would apply to whatever file has this name. ERR_SYSTEM. */
enum error sqlite_remove_logs(const char *path, char message[static SQLITE_MESSAGE_MAX]);

/* The file has been migrated. ERR_SYSTEM, ERR_NO_MEMORY. */
must_check enum error sqlite_reader_open(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_outbox_open(const char *path, struct outbox **ret_outbox, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_seat_feed_open(const char *path, struct seat_feed **ret_feed, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_privacy_open(const char *path, struct privacy **ret_privacy, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_audit_open(const char *path, struct audit **ret_audit, char message[static SQLITE_MESSAGE_MAX]);
must_check enum error sqlite_catalog_open(const char *path, struct catalog **ret_catalog, char message[static SQLITE_MESSAGE_MAX]);
