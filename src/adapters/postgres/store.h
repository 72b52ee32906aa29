/* store.h: what the files of the store share. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
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
	LOAD_KEYS,
	CHECK_SALES,
	CHECK_SEATS,
	CHECK_HOLDS,
	CHECK_ORDERS,
	CHECK_PAYMENTS,
	CHECK_KEYS,
	UPDATE_SALES,
	UPDATE_SEATS,
	UPDATE_HOLDS,
	UPDATE_ORDERS,
	INSERT_SALES,
	INSERT_SEATS,
	INSERT_HOLDS,
	INSERT_ORDERS,
	INSERT_PAYMENTS,
	INSERT_EVENTS,
	INSERT_OUTBOX,
	ABANDON_COMMIT,
	SELECT_EVENT,
	UPDATE_REPLAYING,
	EMPTY_PROJECTIONS,
	STORE_STATEMENT_COUNT,
};

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
	struct seat_label seats[SEATS_PER_HOLD_LIMIT]; /* a hold's while it is read */
	struct order_item items[SEATS_PER_HOLD_LIMIT]; /* an order's */
};

static inline struct postgres_store *store_of(struct store *port)
{
	return container_of(port, struct postgres_store, port);
}

/* Sends the statement with what is in the store's parameters, and empties them. */
static inline void store_send(struct postgres_store *store, enum store_statement statement)
{
	connection_send(&store->connection, statement, &store->parameters);
	parameters_clear(&store->parameters);
}

enum store_result postgres_load(struct store *port, const struct needs *needs, struct view *view);
enum store_result postgres_commit(struct store *port, const struct changes *changes);
