/* store.h: shared by the files of the store. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/seating_statements.h"
#include "base/buffer.h"
#include "base/list.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "ports/store.h"

enum store_statement {
	BEGIN_WRITE,
	BEGIN_LOAD,
	COMMIT,
	LIMIT_LOCK_WAIT,
	LOAD_SALES,
	LOAD_SEATS,
	LOAD_HOLDS,
	LOAD_ORDERS,
	LOAD_PAYMENTS,
	LOAD_REFUNDS,
	LOAD_KEYS,
	CHECK_SALES,
	CHECK_SEATS,
	CHECK_HOLDS,
	CHECK_ORDERS,
	CHECK_PAYMENTS,
	CHECK_REFUNDS,
	CHECK_KEYS,
	UPDATE_SALES,
	UPDATE_SEATS,
	UPDATE_HOLDS,
	UPDATE_ORDERS,
	UPDATE_PAYMENTS,
	UPDATE_REFUNDS,
	INSERT_SALES,
	INSERT_SEATS,
	INSERT_HOLDS,
	INSERT_ORDERS,
	INSERT_PAYMENTS,
	INSERT_REFUNDS,
	INSERT_EVENTS,
	INSERT_OUTBOX,
	INSERT_AUDIT,
	ABANDON_COMMIT,
	SELECT_EVENT,
	FENCE,
	CHECK_FENCE,
	LOAD_EPOCH,
	UPDATE_REPLAYING,
	RAISE_EPOCH,
	CLAIM_EPOCH,
	UNLIMIT_STATEMENTS,
	UNLIMIT_PAUSES,
	DELETE_SALES,
	DELETE_SEATS,
	DELETE_HOLDS,
	DELETE_ORDERS,
	DELETE_PAYMENTS,
	DELETE_REFUNDS,
#define X(name, sql) name,
	SEATING_STATEMENTS(X)
#undef X
		STORE_STATEMENT_COUNT,
};

/* FENCE and LOAD_EPOCH, in SQL (replay.h). */
#define FENCE_SQL(lock) \
	"SELECT 1 / (CASE WHEN $1::int8 IN (0, e.value) AND (SELECT r.value FROM meta AS r WHERE r.name = 'replaying') = 0" \
	" THEN 1 ELSE 0 END) FROM meta AS e WHERE e.name = 'epoch'" lock
#define EPOCH_SQL \
	"SELECT e.value, r.value, f.value FROM meta AS e CROSS JOIN meta AS r CROSS JOIN meta AS f" \
	" WHERE e.name = 'epoch' AND r.name = 'replaying' AND f.name = 'schema_floor'"

/* Not on CockroachDB, which has no advisory locks: there nobody waits for a turn. */
#define LOCK_SHARDS "SELECT pg_advisory_lock(d.key) FROM unnest($1::int8[]) AS d (key)"
#define UNLOCK_SHARDS "SELECT pg_advisory_unlock_all()"

/* The transaction of begin (ports/store.h). */
enum transaction_state {
	TRANSACTION_NONE,
	TRANSACTION_WANTED, /* it is opened by the next load */
	TRANSACTION_OPEN,
};

struct postgres_store {
	struct store port;
	struct connection connection;
	enum transaction_state transaction;
	bool has_locks;  /* the session may have locks of shards */
	bool wants_turn; /* the next load locks these: */
	struct shard_set shards;
	struct parameters parameters;                  /* of the statement that is being sent */
	struct buffer scratch;                         /* a column while it is written */
	uint64_t epoch;                                /* that this store's replay has raised; 0: it has none */
	struct seat_label seats[SEATS_PER_HOLD_LIMIT]; /* a hold's while it is read */
	struct order_item items[SEATS_PER_HOLD_LIMIT]; /* an order's */
};

static inline struct postgres_store *store_of(struct store *port)
{
	return container_of(port, struct postgres_store, port);
}

/* Sends the statement with the store's parameters, and empties them. */
static inline void store_send(struct postgres_store *store, enum store_statement statement)
{
	connection_send(&store->connection, statement, &store->parameters);
	parameters_clear(&store->parameters);
}

enum store_result postgres_load(struct store *port, const struct needs *needs, struct view *view);
enum store_result postgres_commit(struct store *port, const struct changes *changes);

/* For replay.c: sends what writes the rows, which are sorted. */
void store_write_rows(struct postgres_store *store, const struct changes *changes, const struct row **rows, uint32_t count);
/* For seating.c: sends what writes seats of a new event, at most SEATS_PER_STATEMENT, of which `sent` are written. */
void store_send_seats(struct postgres_store *store, const struct uuid *event_id, uint64_t version, uint32_t sent,
                      const struct layout_seat *seats, uint32_t count);
extern const struct seating_operations postgres_seating_operations;
enum store_result postgres_replay_begin(struct store *port);
enum store_result postgres_replay_clear(struct store *port);
enum store_result postgres_replay_end(struct store *port, bool is_done);
