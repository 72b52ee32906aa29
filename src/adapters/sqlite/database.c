/* database.c: opening, running, and what SQLite's results mean. */
#include "adapters/sqlite/database.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/now.h"
#include "base/word_search.h"

/* A writer waits so long for another: a checkpoint or the commit of an event with a million seats ends before. */
#define BUSY_SHORT_NS 100000
#define BUSY_LONG_NS 2000000
#define BUSY_SHORT_TRIES 20
#define BUSY_TRIES (BUSY_SHORT_TRIES + 1000) /* 2 s */
#define TURN_NS 20000000
#define TURNS_MAX 10
#define ROLLBACKS_MAX 3 /* one may find no memory where the next one does */

/* Without its count of every byte SQLite need not lock for each allocation. */
static void configure_library(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Most transactions take less than a few milliseconds: SQLite's own pauses are too long for them. */
int database_wait_for_lock(void *context, int tries)
{
	assert(tries >= 0);
	(void)context;
	if (tries >= BUSY_TRIES)
		return 0;
	pause_ns(tries < BUSY_SHORT_TRIES ? BUSY_SHORT_NS : BUSY_LONG_NS);
	return 1;
}

void database_explain(struct database *database, const char *what, char message[static SQLITE_MESSAGE_MAX])
{
	assert(database != NULL && what != NULL);
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%s: %s", what,
	               database->handle == NULL ? "out of memory" : sqlite3_errmsg(database->handle));
}

static const char *journal_of(const struct database_options *options)
{
	assert(options != NULL);
	if (options->is_scratch)
		return "PRAGMA journal_mode = MEMORY;";
	return options->looks ? "PRAGMA query_only = ON;" : "PRAGMA journal_mode = WAL;";
}

static int configure(struct database *database, const struct database_options *options)
{
	assert(database->handle != NULL);
	char sql[512];
	(void)sqlite3_extended_result_codes(database->handle, 1);
	(void)sqlite3_busy_handler(database->handle, database_wait_for_lock, NULL);
	/* Checkpoints are the checkpointer's; the WAL shrinks again when an event with a million seats has made it large. Deleted rows need
	 * not be overwritten with zeros. */
	int length = snprintf(sql, sizeof sql,
	                      "%s PRAGMA synchronous = %s; PRAGMA cache_size = -%u; PRAGMA wal_autocheckpoint = 0;"
	                      "PRAGMA journal_size_limit = 100663296; PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;"
	                      "PRAGMA cell_size_check = ON",
	                      journal_of(options),
	                      options->is_scratch ? "OFF"
	                      : options->syncs    ? "FULL"
	                                          : "NORMAL",
	                      options->cache_kib);
	assert(length > 0 && (size_t)length < sizeof sql);
	(void)length;
	return database_execute(database, sql);
}

/* Of two that turn a new file to WAL one is told that it is busy, at once and without database_wait_for_lock, since waiting might be for
 * each other. */
static int configure_in_turn(struct database *database, const struct database_options *options)
{
	assert(database != NULL && options != NULL);
	int code = configure(database, options);
	for (int tries = 0; (code & 0xff) == SQLITE_BUSY && tries < TURNS_MAX; tries++) {
		pause_ns(TURN_NS);
		code = configure(database, options);
	}
	return code;
}

static int prepare(struct database *database, const struct database_options *options)
{
	assert(database->handle != NULL && database->statement_count == 0);
	assert(options->statements != NULL || options->statement_count == 0);
	assert(options->statement_count <= DATABASE_STATEMENTS_MAX);
	for (uint32_t i = 0; i < options->statement_count; i++) {
		int code = sqlite3_prepare_v3(database->handle, options->statements[i], -1, SQLITE_PREPARE_PERSISTENT,
		                              &database->statements[i], NULL);
		if (code != SQLITE_OK)
			return code;
		database->statement_count = i + 1;
	}
	return SQLITE_OK;
}

static int open_to_write(const struct database_options *options, sqlite3 **ret_handle)
{
	assert(!options->looks);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options->creates ? SQLITE_OPEN_CREATE : 0);
	return sqlite3_open_v2(options->path, ret_handle, flags, NULL);
}

/* A file in WAL mode that is open has a WAL beside it. Without one nobody writes, and SQLite would make files there to read it: it is told
 * that nobody will. */
static int open_to_look(const char *path, sqlite3 **ret_handle)
{
	assert(path != NULL && ret_handle != NULL);
	char uri[3 * 4096 + 32] = "file:", wal[4096 + 8];
	size_t length = 5;
	for (const char *c = path; *c != '\0' && length < sizeof uri - 32; c++) {
		bool is_plain = *c == '/' || *c == '.' || *c == '-' || *c == '_' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
		                (*c >= 'A' && *c <= 'Z');
		length += (size_t)snprintf(uri + length, 4, is_plain ? "%c" : "%%%02X", (unsigned char)*c);
	}
	(void)snprintf(wal, sizeof wal, "%s-wal", path);
	struct stat status;
	bool is_at_rest = stat(wal, &status) != 0;
	(void)snprintf(uri + length, sizeof uri - length, "%s", is_at_rest ? "?immutable=1" : "");
	return sqlite3_open_v2(uri, ret_handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
}

static struct slice text_of(sqlite3_value *value)
{
	const char *data = (const char *)sqlite3_value_text(value);
	return (struct slice){.data = data, .length = data == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

/* has_words(text, words): word_search_matches */
static void has_words(sqlite3_context *context, int count, sqlite3_value **values)
{
	assert(count == 2);
	(void)count;
	sqlite3_result_int(context, word_search_matches(text_of(values[1]), text_of(values[0])));
}

static int add_functions(sqlite3 *handle)
{
	return sqlite3_create_function_v2(handle, "has_words", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, has_words, NULL, NULL, NULL);
}

enum error database_open(const struct database_options *options, struct database *ret_database, char message[static SQLITE_MESSAGE_MAX])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	assert(options != NULL && options->path != NULL && ret_database != NULL);
	(void)pthread_once(&once, configure_library);
	struct database database = {0};
	int code = options->looks ? open_to_look(options->path, &database.handle) : open_to_write(options, &database.handle);
	if (code == SQLITE_OK)
		code = configure_in_turn(&database, options);
	if (code == SQLITE_OK)
		code = add_functions(database.handle);
	if (code == SQLITE_OK)
		code = prepare(&database, options);
	if (code != SQLITE_OK) {
		database_explain(&database, options->path, message);
		database_release(&database);
		return ERR_SYSTEM;
	}
	*ret_database = database;
	return OK;
}

void database_release(struct database *database)
{
	assert(database != NULL && database->statement_count <= DATABASE_STATEMENTS_MAX);
	for (uint32_t i = 0; i < database->statement_count; i++)
		(void)sqlite3_finalize(database->statements[i]);
	(void)sqlite3_close(database->handle);
	*database = (struct database){0};
}

int database_execute(struct database *database, const char *sql)
{
	assert(database->handle != NULL && sql != NULL);
	outside_begin();
	int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	outside_end();
	return code;
}

int database_run(struct database *database, uint32_t statement)
{
	assert(statement < database->statement_count);
	outside_begin();
	int code = sqlite3_step(database->statements[statement]);
	int reset = sqlite3_reset(database->statements[statement]);
	outside_end();
	return code == SQLITE_ROW ? SQLITE_OK : reset;
}

enum store_result database_result(int code)
{
	switch (code & 0xff) { /* the primary code */
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_BUSY;
	case SQLITE_CONSTRAINT:
		return STORE_STALE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* the statements are right: the tables are not what they were prepared for */
	case SQLITE_MISMATCH:
		return STORE_CORRUPT;
	default: /* full, read-only, input and output, permissions, memory */
		return STORE_DOWN;
	}
}

void database_rollback(struct database *database)
{
	assert(database->handle != NULL);
	for (int i = 0; i < ROLLBACKS_MAX && sqlite3_get_autocommit(database->handle) == 0; i++)
		(void)sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

int database_begin(struct database *database, uint32_t statement)
{
	database_rollback(database);
	return sqlite3_get_autocommit(database->handle) == 0 ? SQLITE_NOMEM : database_run(database, statement);
}

void bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
	assert(index >= 1 && index <= sqlite3_bind_parameter_count(statement));
	(void)sqlite3_bind_int64(statement, index, value);
}

void bind_uint(sqlite3_stmt *statement, int index, uint64_t value)
{
	assert(index >= 1 && index <= sqlite3_bind_parameter_count(statement));
	(void)sqlite3_bind_int64(statement, index, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void bind_uuid(sqlite3_stmt *statement, int index, const struct uuid *value)
{
	assert(index >= 1 && index <= sqlite3_bind_parameter_count(statement));
	assert(value != NULL);
	(void)sqlite3_bind_blob(statement, index, value->bytes, sizeof value->bytes, SQLITE_STATIC);
}

void bind_text(sqlite3_stmt *statement, int index, struct slice value)
{
	assert(index >= 1 && index <= sqlite3_bind_parameter_count(statement));
	assert(value.data != NULL || value.length == 0);
	(void)sqlite3_bind_text64(statement, index, value.length == 0 ? "" : value.data, value.length, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length)
{
	assert(index >= 1 && index <= sqlite3_bind_parameter_count(statement));
	assert(bytes != NULL || length == 0);
	(void)sqlite3_bind_blob64(statement, index, length == 0 ? "" : bytes, length, SQLITE_STATIC);
}

uint64_t column_uint(sqlite3_stmt *statement, int index)
{
	assert(index >= 0 && index < sqlite3_data_count(statement));
	int64_t value = sqlite3_column_int64(statement, index);
	return value < 0 ? 0 : (uint64_t)value;
}

struct uuid column_uuid(sqlite3_stmt *statement, int index)
{
	assert(index >= 0 && index < sqlite3_data_count(statement));
	struct uuid value = {0};
	const void *bytes = sqlite3_column_blob(statement, index);
	if (bytes != NULL && sqlite3_column_bytes(statement, index) == (int)sizeof value.bytes)
		memcpy(value.bytes, bytes, sizeof value.bytes);
	return value;
}

struct slice column_text(sqlite3_stmt *statement, int index)
{
	assert(index >= 0 && index < sqlite3_data_count(statement));
	const void *bytes = sqlite3_column_blob(statement, index);
	return (struct slice){.data = bytes, .length = (size_t)sqlite3_column_bytes(statement, index)};
}

struct slice column_copy(sqlite3_stmt *statement, int index, struct arena *arena)
{
	assert(arena != NULL);
	return arena_copy(arena, column_text(statement, index));
}
