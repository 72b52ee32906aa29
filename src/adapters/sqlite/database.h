/* database.h: a connection to the file with its prepared statements, and the values that go in and out. Private to the SQLite adapter.
 *
 * Used by one thread at a time. Statements are prepared when it opens, and never after. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/sqlite/sqlite.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/outside.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "ports/store.h"

#define DATABASE_STATEMENTS_MAX 48

struct database {
	sqlite3 *handle;
	sqlite3_stmt *statements[DATABASE_STATEMENTS_MAX];
	uint32_t statement_count;
};

struct database_options {
	const char *path;
	const char *const *statements; /* SQL, in the order of the caller's enumeration; NULL: none */
	uint32_t statement_count;
	uint32_t cache_kib; /* of pages, at most */
	bool creates;       /* the file when there is none */
	bool is_scratch;    /* nobody wants what is in it after a crash */
	bool looks;         /* writes nothing, and can read what may not be written */
	bool syncs;         /* every commit survives a power cut; else those before the next sync of anybody */
};

/* ERR_SYSTEM, with a message; *ret_database is untouched then. */
must_check enum error database_open(const struct database_options *options, struct database *ret_database,
                                    char message[static SQLITE_MESSAGE_MAX]);
/* The busy handler of an open database. A caller that sets another one sets this one again. */
int database_wait_for_lock(void *context, int tries);
/* Takes one that is all zero. */
void database_release(struct database *database);

/* Runs SQL that answers no rows. SQLITE_OK, or the error. */
must_check int database_execute(struct database *database, const char *sql);
/* Steps a statement that answers no rows, and resets it. SQLITE_OK, or the error. */
must_check int database_run(struct database *database, uint32_t statement);
/* database_run of a statement that begins a transaction. An earlier one that could not be rolled back, because there was no memory for it,
 * is rolled back before; SQLITE_NOMEM when there still is none. */
int database_begin(struct database *database, uint32_t statement);
/* Steps a statement that answers at most one row, which is read before database_reset. SQLITE_ROW, SQLITE_DONE, or the error. */
static inline int database_step(struct database *database, uint32_t statement)
{
	outside_begin();
	int code = sqlite3_step(database->statements[statement]);
	outside_end();
	return code;
}
static inline void database_reset(struct database *database, uint32_t statement)
{
	sqlite3_reset(database->statements[statement]);
}

/* A port's result for SQLite's; SQLITE_OK, SQLITE_ROW and SQLITE_DONE are STORE_OK. */
enum store_result database_result(int code);
/* Ends a transaction that failed, if it is not ended yet. */
void database_rollback(struct database *database);
/* Writes "what: why" into the message. */
void database_explain(struct database *database, const char *what, char message[static SQLITE_MESSAGE_MAX]);

/* Binding borrows: the value lives until the statement is reset. It fails only for an index that is none. */
void bind_int(sqlite3_stmt *statement, int index, int64_t value);
void bind_uint(sqlite3_stmt *statement, int index, uint64_t value); /* at most INT64_MAX; greater is bound as that */
void bind_uuid(sqlite3_stmt *statement, int index, const struct uuid *value);
void bind_text(sqlite3_stmt *statement, int index, struct slice value);
void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length);

/* Columns are read defensively: one of another length than expected reads as zero. */
uint64_t column_uint(sqlite3_stmt *statement, int index);
struct uuid column_uuid(sqlite3_stmt *statement, int index);
/* Borrowed until the next step. */
struct slice column_text(sqlite3_stmt *statement, int index);
/* A copy; data is NULL when the arena is full. */
must_check struct slice column_copy(sqlite3_stmt *statement, int index, struct arena *arena);
