/* store.c: the store port: its statements, its life, and all of it but load.c and commit.c. */
#include "adapters/postgres/store.h"

#include <assert.h>
#include <stdlib.h>

#include "adapters/postgres/rows.h"
#include "adapters/sql/stored_audit.h"

#define SCRATCH_MAX (64 * 1024 * 1024)

/* Arrays are unnested in lists of columns: in a FROM the server stores each array's elements away before it uses the first. */

/* Fails the transaction, with division by zero, unless $1 rows are found. A constant would be folded while planning, and fail always. */
#define GUARD(rows) "WITH found AS (" rows ") SELECT 1 / (CASE WHEN count(*) = $1::int8 THEN 1 ELSE 0 END) FROM found"
/* Rows of a table with an id whose version, 0 without a row, is the expected one. */
#define CHECK(table, id) \
	GUARD("SELECT 1 FROM (SELECT unnest($2::int8[]), unnest($3::uuid[])) AS d (expected, key) LEFT JOIN " table " ON " id " = d.key" \
	      " WHERE coalesce(" table ".version, 0) = d.expected")

/* Writes sales, lists those that were written for the catalog, and answers `result` of them. */
#define LISTING(write, result) \
	"WITH changed AS (" write "), listed AS (INSERT INTO catalog_changes (event_id, version) SELECT event_id, version FROM changed" \
	" ON CONFLICT (event_id) DO UPDATE SET version = excluded.version) SELECT " result " FROM changed"
/* Updates seats, lists their positions for the maps in memory, and fails unless there are $1 of them. */
#define FEEDING(update) \
	"WITH changed AS (" update " RETURNING seats.event_id, seats.position), fed AS (INSERT INTO seat_changes (event_id, seats)" \
	" SELECT event_id, array_agg(position) FROM changed GROUP BY event_id)" \
	" SELECT 1 / (CASE WHEN count(*) = $1::int8 THEN 1 ELSE 0 END) FROM changed"
/* Of the keys $2 those whose row has another version than $1 says, 0 without a row; -1 is the version of none. */
#define LOAD(table, columns, id) \
	"SELECT " columns ", d.key FROM (SELECT unnest($1::int8[]), unnest($2::uuid[])) AS d (known, key) LEFT JOIN " table " ON " id \
	" = d.key WHERE coalesce(version, 0) <> d.known"

static const char *const statements[STORE_STATEMENT_COUNT] = {
	[BEGIN_WRITE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
	[BEGIN_LOAD] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
	[COMMIT] = "COMMIT",

	/* Locks of the session: they are had before the transaction takes its snapshot, or that would be older than what they guard. */
	[LIMIT_LOCK_WAIT] = "SELECT set_config('lock_timeout', $1::text, true)",

	[LOAD_SALES] = LOAD("sales", SALE_COLUMNS, "event_id"),
	[LOAD_SEATS] = "SELECT " SEAT_COLUMNS ", d.key, d.label"
		       " FROM (SELECT unnest($1::int8[]), unnest($2::uuid[]), unnest($3::bytea[])) AS d (known, key, label)"
		       " LEFT JOIN seats ON event_id = d.key AND seat = d.label WHERE coalesce(version, 0) <> d.known",
	[LOAD_HOLDS] = LOAD("holds", HOLD_COLUMNS, "hold_id"),
	[LOAD_ORDERS] = LOAD("orders", ORDER_COLUMNS, "order_id"),
	[LOAD_PAYMENTS] = "SELECT " PAYMENT_COLUMNS ", d.key, (SELECT data FROM events WHERE id = applied_by)"
			  " FROM unnest($1::bytea[]) AS d (key) LEFT JOIN payments ON transaction_id = d.key",
	[LOAD_REFUNDS] = "SELECT " REFUND_COLUMNS ", d.key, (SELECT data FROM events WHERE id = closed_by)"
			 " FROM unnest($1::uuid[]) AS d (key) LEFT JOIN refunds ON refund_id = d.key",
	[LOAD_KEYS] = "SELECT id, stream_id, fingerprint, data, d.key FROM unnest($1::uuid[]) AS d (key)"
		      " LEFT JOIN events ON idempotency_key = d.key AND idempotency_key IS NOT NULL",

	[CHECK_SALES] = CHECK("sales", "event_id"),
	[CHECK_SEATS] = GUARD("SELECT 1 FROM (SELECT unnest($2::int8[]), unnest($3::uuid[]),"
                              " unnest($4::bytea[])) AS d (expected, key, label)"
                              " LEFT JOIN seats ON event_id = d.key AND seat = d.label WHERE coalesce(seats.version, 0) = d.expected"),
	[CHECK_HOLDS] = CHECK("holds", "hold_id"),
	[CHECK_ORDERS] = CHECK("orders", "order_id"),
	[CHECK_PAYMENTS] = GUARD("SELECT 1 FROM (SELECT unnest($2::int8[]), unnest($3::bytea[])) AS d (expected, key)"
                                 " LEFT JOIN payments ON transaction_id = d.key WHERE coalesce(payments.version, 0) = d.expected"),
	[CHECK_REFUNDS] = CHECK("refunds", "refund_id"),
	[CHECK_KEYS] = GUARD("SELECT 1 FROM unnest($2::uuid[]) AS d (key)"
                             " JOIN events ON idempotency_key = d.key AND idempotency_key IS NOT NULL"),

	[UPDATE_SALES] = LISTING("UPDATE sales SET sequence = d.sequence, status = d.status, settled = d.settled, version = d.version"
                                 " FROM (SELECT unnest($2::int8[]), unnest($3::uuid[]), unnest($4::int8[]), unnest($5::int8[]),"
                                 " unnest($6::int8[]), unnest($7::int8[]))"
                                 " AS d (expected, key, sequence, status, version, settled)"
                                 " WHERE sales.event_id = d.key AND sales.version = d.expected RETURNING sales.event_id, sales.version",
                                 "1 / (CASE WHEN count(*) = $1::int8 THEN 1 ELSE 0 END)"),
	[UPDATE_SEATS] = FEEDING("UPDATE seats SET status = d.status, holder_id = d.holder_id, version = d.version"
                                 " FROM (SELECT unnest($2::int8[]), unnest($3::uuid[]), unnest($4::bytea[]), unnest($5::int8[]),"
                                 " unnest($6::uuid[]), unnest($7::int8[]))"
                                 " AS d (expected, key, label, status, holder_id, version)"
                                 " WHERE seats.event_id = d.key AND seats.seat = d.label AND seats.version = d.expected"),
	[UPDATE_HOLDS] = GUARD("UPDATE holds SET sequence = d.sequence, status = d.status, version = d.version"
                               " FROM (SELECT unnest($2::int8[]), unnest($3::uuid[]), unnest($4::int8[]), unnest($5::int8[]),"
                               " unnest($6::int8[]))"
                               " AS d (expected, key, sequence, status, version)"
                               " WHERE holds.hold_id = d.key AND holds.version = d.expected RETURNING 1"),
	[UPDATE_ORDERS] = GUARD("UPDATE orders SET sequence = d.sequence, status = d.status, version = d.version, paid = d.paid,"
                                " kept = d.kept, refunds_due = d.refunds_due, refunded = d.refunded, refund_count = d.refund_count,"
                                " refunds_open = d.refunds_open, paid_with = d.paid_with FROM (SELECT unnest($2::int8[]),"
                                " unnest($3::uuid[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]),"
                                " unnest($8::int8[]), unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[]),"
                                " unnest($12::int8[]), unnest($13::bytea[]))"
                                " AS d (expected, key, sequence, status, version, paid, kept, refunds_due, refunded, refund_count,"
                                " refunds_open, paid_with)"
                                " WHERE orders.order_id = d.key AND orders.version = d.expected RETURNING 1"),
	[UPDATE_PAYMENTS] = GUARD("UPDATE payments SET status = d.status, amount = d.amount, currency = d.currency,"
                                  " refund_id = d.refund_id, second_refund_id = d.second_refund_id, applied_by = d.applied_by,"
                                  " version = d.version FROM (SELECT unnest($2::int8[]), unnest($3::bytea[]), unnest($4::int8[]),"
                                  " unnest($5::int8[]), unnest($6::text[]), unnest($7::uuid[]), unnest($8::uuid[]),"
                                  " unnest($9::uuid[]), unnest($10::int8[]))"
                                  " AS d (expected, key, status, amount, currency, refund_id, second_refund_id, applied_by, version)"
                                  " WHERE payments.transaction_id = d.key AND payments.version = d.expected RETURNING 1"),
	[UPDATE_REFUNDS] = GUARD("UPDATE refunds SET status = d.status, done_at = d.done_at, closed_by = d.closed_by,"
                                 " version = d.version FROM (SELECT unnest($2::int8[]), unnest($3::uuid[]), unnest($4::int8[]),"
                                 " unnest($5::int8[]), unnest($6::uuid[]), unnest($7::int8[]))"
                                 " AS d (expected, key, status, done_at, closed_by, version)"
                                 " WHERE refunds.refund_id = d.key AND refunds.version = d.expected RETURNING 1"),

	[INSERT_SALES] = LISTING(
		"INSERT INTO sales (" SALE_COLUMNS ") SELECT unnest($1::uuid[]), unnest($2::int8[]), unnest($3::int8[]),"
		" unnest($4::text[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]), unnest($8::int8[]), unnest($9::int8[])"
		" RETURNING event_id, version",
		"count(*)"),
	/* $1 to $3: the event, the version and the position before the first. */
	[INSERT_SEATS] = "INSERT INTO seats (event_id, seat, position, section, row_name, price, status, holder_id, version)"
			 " SELECT $1::uuid, seat, $3::int8 + number, section, row_name, price, 1,"
			 " '00000000-0000-0000-0000-000000000000'::uuid, $2::int8"
			 " FROM unnest($4::bytea[], $5::text[], $6::text[], $7::int8[]) WITH ORDINALITY"
			 " AS d (seat, section, row_name, price, number)",
	[INSERT_HOLDS] = "INSERT INTO holds (" HOLD_COLUMNS ") SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::text[]),"
			 " unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]), unnest($8::text[]),"
			 " unnest($9::int8[])",
	[INSERT_ORDERS] = "INSERT INTO orders (" ORDER_COLUMNS ") SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]),"
			  " unnest($4::text[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]), unnest($8::text[]),"
			  " unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[]), unnest($12::int8[]), unnest($13::int8[]),"
			  " unnest($14::int8[]), unnest($15::int8[]), unnest($16::bytea[]), unnest($17::int8[]), unnest($18::int8[]),"
			  " unnest($19::text[]), unnest($20::int8[])",
	[INSERT_PAYMENTS] = "INSERT INTO payments (" PAYMENT_COLUMNS ") SELECT unnest($1::bytea[]), unnest($2::uuid[]),"
			    " unnest($3::int8[]), unnest($4::int8[]), unnest($5::text[]), unnest($6::uuid[]), unnest($7::uuid[]),"
			    " unnest($8::uuid[]), unnest($9::int8[])",
	[INSERT_REFUNDS] = "INSERT INTO refunds (" REFUND_COLUMNS ") SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]),"
			   " unnest($4::bytea[]), unnest($5::int8[]), unnest($6::text[]), unnest($7::int8[]), unnest($8::int8[]),"
			   " unnest($9::int8[]), unnest($10::int8[]), unnest($11::uuid[]), unnest($12::int8[])",
	/* $11: the first's id. It fails as a guard does when these events have been given up. */
	[INSERT_EVENTS] = "INSERT INTO events (" EVENT_COLUMNS ") SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::int8[]),"
			  " unnest($4::int8[]), unnest($5::int8[]), unnest($6::text[]), unnest($7::bytea[]), unnest($8::uuid[]),"
			  " unnest($9::uuid[]), unnest($10::text[])"
			  " WHERE 1 = (SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM abandoned_commits"
			  " WHERE first_event_id = $11::uuid)",
	[INSERT_OUTBOX] = "INSERT INTO outbox (partition, id, events, trace_states)"
			  " SELECT partition, id, events, nullif(trace_states, '')"
			  " FROM unnest($1::int8[], $2::uuid[], $3::bytea[], $4::text[]) AS d (partition, id, events, trace_states)",

	[INSERT_AUDIT] = "INSERT INTO audit (" AUDIT_COLUMNS ") " AUDIT_UNNEST,

	[ABANDON_COMMIT] = "INSERT INTO abandoned_commits SELECT $1::uuid WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = $1::uuid)"
			   " ON CONFLICT (first_event_id) DO NOTHING",
	[SELECT_EVENT] = "SELECT 1 FROM events WHERE id = $1::uuid",
	[UPDATE_REPLAYING] = "UPDATE meta SET value = $1::int8 WHERE name = 'replaying'",
	[FENCE] = FENCE_SQL(" FOR SHARE OF e"),
	[CHECK_FENCE] = FENCE_SQL(""),
	[LOAD_EPOCH] = EPOCH_SQL,
	/* With the mark, which another replay may have taken away meanwhile. */
	[RAISE_EPOCH] = "WITH raised AS (UPDATE meta SET value = CASE name WHEN 'epoch' THEN value + 1 ELSE 1 END"
			" WHERE name IN ('epoch', 'replaying') RETURNING name, value) SELECT value FROM raised WHERE name = 'epoch'",
	[CLAIM_EPOCH] = "WITH found AS (UPDATE meta SET value = value WHERE name = 'epoch' AND value = $1::int8 RETURNING 1)"
			" SELECT 1 / (CASE WHEN count(*) = 1 THEN 1 ELSE 0 END) FROM found",
	[UNLIMIT_STATEMENTS] = "SET statement_timeout = 0",
	[UNLIMIT_PAUSES] = "SET idle_in_transaction_session_timeout = 300000",
	/* Readers go on with what was there until the commit: truncating would empty the tables for them, too. */
	[DELETE_SALES] = "DELETE FROM sales WHERE true",
	[DELETE_SEATS] = "DELETE FROM seats WHERE true",
	[DELETE_HOLDS] = "DELETE FROM holds WHERE true",
	[DELETE_ORDERS] = "DELETE FROM orders WHERE true",
	[DELETE_PAYMENTS] = "DELETE FROM payments WHERE true",
	[DELETE_REFUNDS] = "DELETE FROM refunds WHERE true",
#define X(name, sql) [name] = (sql),
	SEATING_STATEMENTS(X)
#undef X
};

_Static_assert(HOLD_ACTIVE == 1 && ORDER_PENDING == 1, "db/postgres/001_core.sql says so in its indexes");
_Static_assert(SEAT_AVAILABLE == 1, "INSERT_SEATS says so");

static void postgres_take_turn(struct store *port, const struct shard_set *shards)
{
	assert(shards != NULL);
	struct postgres_store *store = store_of(port);
	assert(!shard_set_is_empty(shards));
	store->wants_turn = true;
	store->shards = *shards;
}

static void postgres_end_turn(struct store *port)
{
	assert(port != NULL);
	struct postgres_store *store = store_of(port);
	store->wants_turn = false;
	if (!store->has_locks)
		return;
	store->has_locks = false;
	if (store->connection.handle == NULL)
		return; /* they went with the session */
	if (connection_begin(&store->connection) != STORE_OK) {
		connection_drop(&store->connection); /* and so they do when there is no time left to give them back */
		return;
	}
	connection_send_sql(&store->connection, UNLOCK_SHARDS, NULL);
	if (connection_finish(&store->connection, NULL, 0) != STORE_OK)
		connection_drop(&store->connection);
}

static void postgres_begin(struct store *port)
{
	struct postgres_store *store = store_of(port);
	assert(store->transaction == TRANSACTION_NONE);
	store->transaction = TRANSACTION_WANTED;
}

static void postgres_end(struct store *port)
{
	assert(port != NULL);
	struct postgres_store *store = store_of(port);
	if (store->transaction == TRANSACTION_OPEN)
		connection_rollback(&store->connection);
	store->transaction = TRANSACTION_NONE;
}

/* The answer to a COMMIT was lost, and what was sent may still be on its way. So events that are not there are given up: appending them
 * reads abandoned_commits and this reads the events, so of two serializable transactions that do not see each other one fails. */
static enum store_result postgres_resolve(struct store *port, const struct changes *changes, bool *ret_committed)
{
	assert(ret_committed != NULL);
	enum { BEGUN, ABANDONED, SELECTED, ANSWERS };
	assert(changes->event_count > 0);
	struct postgres_store *store = store_of(port);
	PGresult *answers[ANSWERS];
	enum store_result result = STORE_UNKNOWN;
	store->connection.deadline_ns = port->deadline_ns;
	bool had_session = store->connection.handle != NULL;
	for (int tries = 0; connection_may_repeat(&store->connection, had_session, result) && tries < 2; tries++) {
		result = connection_begin(&store->connection);
		if (result != STORE_OK)
			return result;
		store_send(store, BEGIN_WRITE);
		scalar_uuid(&store->parameters, 0, &changes->events[0].id);
		store_send(store, ABANDON_COMMIT);
		scalar_uuid(&store->parameters, 0, &changes->events[0].id);
		store_send(store, SELECT_EVENT);
		store_send(store, COMMIT);
		result = connection_finish(&store->connection, answers, ANSWERS);
	}
	if (result != STORE_OK)
		return result == STORE_BUSY ? STORE_BUSY : STORE_DOWN;
	*ret_committed = PQntuples(answers[SELECTED]) > 0;
	for (int i = 0; i < ANSWERS; i++)
		PQclear(answers[i]);
	return STORE_OK;
}

static void postgres_free(struct store *port)
{
	assert(port != NULL);
	struct postgres_store *store = store_of(port);
	connection_release(&store->connection);
	parameters_release(&store->parameters);
	buffer_release(&store->scratch);
	free(store);
}

static const struct store_operations operations = {
	.take_turn = postgres_take_turn,
	.end_turn = postgres_end_turn,
	.begin = postgres_begin,
	.end = postgres_end,
	.load = postgres_load,
	.commit = postgres_commit,
	.resolve = postgres_resolve,
	.replay_begin = postgres_replay_begin,
	.replay_clear = postgres_replay_clear,
	.replay_end = postgres_replay_end,
	.free = postgres_free,
};

enum error postgres_store_open(const char *dsn, bool for_replay, struct store **ret_store, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_store != NULL);
	struct postgres_store *store = calloc(1, sizeof *store);
	if (store == NULL)
		return ERR_NO_MEMORY;
	store->port = (struct store){.operations = &operations, .seating = &postgres_seating_operations, .has_local_reads = false};
	parameters_init(&store->parameters);
	buffer_init(&store->scratch, NULL, SCRATCH_MAX);
	enum error error = connection_open(dsn, statements, STORE_STATEMENT_COUNT, &store->connection, message);
	if (error != OK) {
		postgres_free(&store->port);
		return error;
	}
	store->connection.refuses_replay = !for_replay;
	*ret_store = &store->port;
	return OK;
}
