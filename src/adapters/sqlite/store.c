/* store.c: the store port: its statements, its life, and all of it but load.c and commit.c. */
#include "adapters/sqlite/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/sql/stored_audit.h"
#include "adapters/sqlite/migrations.h"
#include "adapters/sqlite/rows.h"

#define CACHE_KIB 8192
#define SCRATCH_CACHE_KIB 262144
#define SCRATCH_MAX (64 * 1024 * 1024)

_Static_assert(HOLD_ACTIVE == 1 && ORDER_PENDING == 1, "db/sqlite/001_core.sql says so in its indexes");
_Static_assert(SEAT_AVAILABLE + 1 == 2, "INSERT_SEAT says so");

static const char *const statements[STORE_STATEMENT_COUNT] = {
	[BEGIN_READ] = "BEGIN",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[SELECT_POSITION] = "SELECT max(position), (SELECT value FROM meta WHERE name = 'schema_floor'),"
			    " (SELECT value FROM meta WHERE name = 'epoch') FROM events",
	[SELECT_EVENT] = "SELECT 1 FROM events WHERE id = ?",
	[OVERWRITE_LOG] = "UPDATE meta SET value = value + 1 WHERE name = 'pings'",
	[SELECT_ANSWER] = "SELECT id, stream_id, fingerprint, data FROM events WHERE position = ?",
	[SELECT_KEY] = "SELECT position FROM keys WHERE idempotency_key = ?",
	[SELECT_LATER_KEYS] = "SELECT position, idempotency_key FROM events WHERE position > ?",
	[SELECT_KEYS_POSITION] = "SELECT value FROM meta WHERE name = 'keys_position'",
	[SELECT_SALE] = "SELECT " SALE_COLUMNS " FROM sales WHERE event_id = ?",
	[SELECT_SEAT] = "SELECT " SEAT_COLUMNS " FROM seats WHERE event_id = ? AND seat = ?",
	[SELECT_HOLD] = "SELECT " HOLD_COLUMNS " FROM holds WHERE hold_id = ?",
	[SELECT_ORDER] = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id = ?",
	[SELECT_PAYMENT] =
		"SELECT " PAYMENT_COLUMNS ", (SELECT data FROM events WHERE id = applied_by) FROM payments WHERE transaction_id = ?",
	[SELECT_REFUND] = "SELECT " REFUND_COLUMNS ", (SELECT data FROM events WHERE id = closed_by) FROM refunds WHERE refund_id = ?",
	[INSERT_EVENT] = "INSERT INTO events (" EVENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_KEY] = "INSERT OR IGNORE INTO keys (idempotency_key, position) VALUES (?, ?)",
	[INSERT_SALE] = "INSERT INTO sales (" SALE_COLUMNS ", first_seat) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_SEAT] = "INSERT INTO seats (event_id, seat, section, row, price, version, position, status, holder_id)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, 2, zeroblob(16))",
	[INSERT_HOLD] = "INSERT INTO holds (" HOLD_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_ORDER] = "INSERT INTO orders (" ORDER_COLUMNS ")"
			 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_PAYMENT] = "INSERT INTO payments (" PAYMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_REFUND] = "INSERT INTO refunds (" REFUND_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_SEAT_CHANGES] = "INSERT INTO seat_changes (position, part, event_id, seats) VALUES (?, ?, ?, ?)",
	[INSERT_OUTBOX] = "INSERT INTO outbox (partition, id, events, trace_states) VALUES (?, ?, ?, nullif(?, ''))",
	[INSERT_AUDIT] = "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[UPDATE_KEYS_POSITION] = "UPDATE meta SET value = max(value, ?) WHERE name = 'keys_position'",
	[UPDATE_SALE] = "UPDATE sales SET sequence = ?3, status = ?4, version = ?5, settled = ?6 WHERE event_id = ?1 AND version = ?2",
	[UPDATE_SEAT] = "UPDATE seats SET status = ?4, holder_id = ?5, version = ?6 WHERE event_id = ?1 AND seat = ?2 AND version = ?3",
	[UPDATE_HOLD] = "UPDATE holds SET sequence = ?3, status = ?4, version = ?5 WHERE hold_id = ?1 AND version = ?2",
	[UPDATE_ORDER] =
		"UPDATE orders SET sequence = ?3, status = ?4, version = ?5, paid = ?6, kept = ?7, refunds_due = ?8, refunded = ?9,"
		" refund_count = ?10, refunds_open = ?11, paid_with = ?12 WHERE order_id = ?1 AND version = ?2",
	[UPDATE_PAYMENT] = "UPDATE payments SET status = ?3, amount = ?4, currency = ?5, refund_id = ?6, second_refund_id = ?7,"
			   " applied_by = ?8, version = ?9 WHERE transaction_id = ?1 AND version = ?2",
	[UPDATE_REFUND] =
		"UPDATE refunds SET status = ?3, done_at = ?4, closed_by = ?5, version = ?6 WHERE refund_id = ?1 AND version = ?2",
#define X(name, sql) [name] = (sql),
	SEATING_STATEMENTS(X)
#undef X
};

int store_last_position(struct sqlite_store *store, int64_t *ret_position)
{
	assert(ret_position != NULL);
	assert(sqlite3_get_autocommit(store->database.handle) == 0);
	sqlite3_stmt *row = store->database.statements[SELECT_POSITION];
	int code = database_step(&store->database, SELECT_POSITION);
	bool is_forbidden = code == SQLITE_ROW && sqlite3_column_int64(row, 1) > migrations_known();
	if (code == SQLITE_ROW) {
		*ret_position = sqlite3_column_int64(row, 0);
		store->found_epoch = column_uint(row, 2);
	}
	database_reset(&store->database, SELECT_POSITION);
	if (is_forbidden)
		return SQLITE_READONLY;
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* A commit whose sync failed is not seen, but is in the write-ahead log, where a restart would find it: until something is written over
 * it. */
static enum store_result sqlite_resolve(struct store *port, const struct changes *changes, bool *ret_committed)
{
	assert(ret_committed != NULL);
	assert(changes->event_count > 0);
	struct sqlite_store *store = store_of(port);
	bind_uuid(store->database.statements[SELECT_EVENT], 1, &changes->events[0].id);
	int code = database_step(&store->database, SELECT_EVENT);
	database_reset(&store->database, SELECT_EVENT);
	bool is_committed = code == SQLITE_ROW;
	if (code == SQLITE_DONE)
		code = store_sync_at_once(store);
	if (code == SQLITE_OK)
		code = database_run(&store->database, OVERWRITE_LOG);
	enum store_result result = database_result(code);
	if (result == STORE_OK)
		*ret_committed = is_committed;
	return result;
}

/* A replay is one transaction from begin to end, which keeps every other writer out; when the process ends SQLite takes it back. */
static enum store_result execute(struct sqlite_store *store, const char *sql)
{
	assert(sql != NULL);
	int code = database_execute(&store->database, sql);
	if (code != SQLITE_OK)
		database_rollback(&store->database);
	return database_result(code);
}

static enum store_result sqlite_replay_begin(struct store *port)
{
	assert(port != NULL);
	store_of(port)->seen_position = -1;
	int code = store_sync_at_once(store_of(port));
	return code == SQLITE_OK ? execute(store_of(port), "BEGIN IMMEDIATE") : database_result(code);
}

static enum store_result sqlite_replay_clear(struct store *port)
{
	if (sqlite3_get_autocommit(store_of(port)->database.handle) != 0)
		return STORE_STALE;
	return execute(store_of(port), "DELETE FROM sales; DELETE FROM seats; DELETE FROM holds; DELETE FROM orders; DELETE FROM payments;"
	                               "DELETE FROM refunds");
}

/* The mark is one that an earlier version of the program has left: it wrote the projections bit by bit. */
static enum store_result sqlite_replay_end(struct store *port, bool is_done)
{
	assert(port != NULL);
	struct sqlite_store *store = store_of(port);
	if (sqlite3_get_autocommit(store->database.handle) != 0)
		return STORE_STALE;
	if (is_done)
		return execute(store, "UPDATE meta SET value = 0 WHERE name = 'replaying';"
		                      "UPDATE meta SET value = value + 1 WHERE name = 'epoch'; COMMIT");
	database_rollback(&store->database);
	return STORE_OK;
}

static void sqlite_free(struct store *port)
{
	assert(port != NULL);
	struct sqlite_store *store = store_of(port);
	database_release(&store->database);
	writers_leave(store->writers);
	key_index_release(&store->index);
	buffer_release(&store->scratch);
	buffer_release(&store->trace_states);
	free(store);
}

static const struct store_operations operations = {
	.load = sqlite_load,
	.commit = sqlite_commit,
	.resolve = sqlite_resolve,
	.replay_begin = sqlite_replay_begin,
	.replay_clear = sqlite_replay_clear,
	.replay_end = sqlite_replay_end,
	.free = sqlite_free,
};

void store_settle(struct sqlite_store *store, bool is_patient)
{
	assert(!store->has_turn);
	if (store->writers != NULL && checkpointer_settle(writers_checkpointer(store->writers), is_patient))
		(void)sqlite3_wal_checkpoint_v2(store->database.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int store_take_turn(struct sqlite_store *store)
{
	assert(!store->has_turn);
	int code = store->writers == NULL ? SQLITE_OK : writers_take_turn(store->writers);
	store->has_turn = code == SQLITE_OK;
	return code;
}

void store_end_turn(struct sqlite_store *store)
{
	assert(store->has_turn);
	store->has_turn = false;
	if (store->writers != NULL)
		writers_end_turn(store->writers);
}

/* SQLite reads this PRAGMA when it prepares it, so it is no prepared statement. */
int store_sync_later(struct sqlite_store *store)
{
	assert(sqlite3_get_autocommit(store->database.handle) != 0);
	if (store->writers == NULL) /* it never syncs */
		return SQLITE_OK;
	store->syncs_later = true;
	return database_execute(&store->database, "PRAGMA synchronous = NORMAL");
}

int store_sync_at_once(struct sqlite_store *store)
{
	int code = store->syncs_later ? database_execute(&store->database, "PRAGMA synchronous = FULL") : SQLITE_OK;
	assert(sqlite3_get_autocommit(store->database.handle) != 0);
	store->syncs_later &= code != SQLITE_OK;
	return code;
}

static int notice_commit(void *context, sqlite3 *handle, const char *schema, int wal_pages)
{
	struct sqlite_store *store = context;
	assert(store->database.handle == handle && wal_pages >= 0);
	(void)handle;
	(void)schema;
	checkpointer_note(writers_checkpointer(store->writers), (uint32_t)wal_pages);
	if (!store->has_turn)
		store_settle(store, false);
	return SQLITE_OK;
}

static enum error check_replay(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	static const char *const select[] = {"SELECT value FROM meta WHERE name = 'replaying'"};
	const struct database_options options = {.path = path, .statements = select, .statement_count = 1, .cache_kib = 64};
	struct database database;
	enum error error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	int code = database_step(&database, 0);
	bool is_replaying = code == SQLITE_ROW && sqlite3_column_int64(database.statements[0], 0) != 0;
	if (code != SQLITE_ROW) {
		database_explain(&database, path, message);
		error = ERR_SYSTEM;
	} else if (is_replaying) {
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "%s: a replay was begun and not ended: run the replay again", path);
		error = ERR_CORRUPT;
	}
	database_release(&database);
	return error;
}

static enum error open_store(const char *path, bool is_scratch, struct store **ret_store, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_store != NULL);
	struct sqlite_store *store = calloc(1, sizeof *store);
	if (store == NULL)
		return ERR_NO_MEMORY;
	store->port = (struct store){.operations = &operations, .seating = &sqlite_seating_operations, .has_local_reads = true};
	store->seen_position = -1;
	key_index_init(&store->index);
	buffer_init(&store->scratch, NULL, SCRATCH_MAX);
	buffer_init(&store->trace_states, NULL, SCRATCH_MAX);
	const struct database_options options = {
		.path = path,
		.statements = statements,
		.statement_count = STORE_STATEMENT_COUNT,
		.cache_kib = is_scratch ? SCRATCH_CACHE_KIB : CACHE_KIB,
		.is_scratch = is_scratch,
		.syncs = true,
	};
	enum error error = database_open(&options, &store->database, message);
	if (error == OK && !is_scratch)
		error = writers_join(path, &store->writers, message);
	if (error != OK) {
		sqlite_free(&store->port);
		return error;
	}
	if (!is_scratch)
		(void)sqlite3_wal_hook(store->database.handle, notice_commit, store);
	*ret_store = &store->port;
	return OK;
}

enum error sqlite_store_open(const char *path, bool for_replay, struct store **ret_store, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_store != NULL);
	enum error error = for_replay ? OK : check_replay(path, message);
	return error != OK ? error : open_store(path, false, ret_store, message);
}

enum error sqlite_scratch_open(const char *path, struct store **ret_store, char message[static SQLITE_MESSAGE_MAX])
{
	return open_store(path, true, ret_store, message);
}
