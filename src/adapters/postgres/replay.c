/* replay.c: a replay keeps others from writing, makes the projections anew in one transaction, and lets them write again. */
#include "adapters/postgres/replay.h"

#include <assert.h>

#include "adapters/postgres/rows.h"
#include "adapters/postgres/session.h"
#include "adapters/sql/migration_files.h"

#define DRAIN_TRIES 12           /* of lock_timeout each: a transaction whose client is gone is ended by the server before */
#define REPLAY_ANSWER_MS 3600000 /* emptying tables of many millions of rows is one statement */

void replay_fence(struct postgres_store *store, const struct changes *changes, bool is_locking)
{
	assert(changes != NULL && !changes->is_replay);
	scalar_uint(&store->parameters, 0, changes->epoch);
	store_send(store, is_locking ? FENCE : CHECK_FENCE);
}

enum store_result replay_enter_epoch(struct postgres_store *store, const PGresult *answer, struct view *view)
{
	assert(view != NULL);
	struct tuple tuple = {.answer = answer};
	uint64_t epoch = PQntuples(answer) == 1 ? field_uint(tuple, 0) : 0;
	if (epoch == 0)
		return STORE_CORRUPT;
	if (field_int(tuple, 1) != 0) {
		connection_complain(&store->connection, REPLAYING_PROBLEM, REPLAYING_ADVICE);
		return STORE_DOWN;
	}
	if (field_int(tuple, 2) > migration_latest(embedded_postgres_migrations)) { /* since the session was made */
		connection_complain(&store->connection, NEWER_PROBLEM, "end this program");
		return STORE_DOWN;
	}
	return view_enter_epoch(view, epoch) ? STORE_OK : STORE_BUSY;
}

static enum store_result query(struct postgres_store *store, enum store_statement statement, PGresult **ret_answer)
{
	assert(ret_answer != NULL);
	enum store_result result = connection_query(&store->connection, statement, &store->parameters, ret_answer);
	parameters_clear(&store->parameters);
	return result;
}

/* Until everybody who writes has ended; nobody new begins. */
static enum store_result raise_epoch(struct postgres_store *store)
{
	assert(store != NULL);
	PGresult *answer;
	enum store_result result = STORE_BUSY;
	for (int tries = 0; result == STORE_BUSY && tries < DRAIN_TRIES; tries++)
		result = query(store, RAISE_EPOCH, &answer);
	if (result != STORE_OK)
		return result;
	struct tuple tuple = {.answer = answer};
	store->epoch = PQntuples(answer) == 1 ? field_uint(tuple, 0) : 0;
	PQclear(answer);
	return store->epoch == 0 ? STORE_CORRUPT : STORE_OK;
}

enum store_result postgres_replay_begin(struct store *port)
{
	assert(port != NULL);
	struct postgres_store *store = store_of(port);
	PGresult *answer;
	store->connection.answer_timeout_ms = REPLAY_ANSWER_MS;
	enum store_result result = STORE_BUSY; /* while what a killed one had begun is being rolled back */
	for (int tries = 0; result == STORE_BUSY && tries < DRAIN_TRIES; tries++) {
		scalar_int(&store->parameters, 0, 1);
		result = query(store, UPDATE_REPLAYING, &answer);
	}
	if (result != STORE_OK)
		return result;
	PQclear(answer);
	return raise_epoch(store);
}

/* Begins a transaction that only the replay which raised the epoch last can commit: it changes both rows of meta, and then nobody else
 * can. */
static enum store_result claim(struct postgres_store *store)
{
	assert(store->epoch > 0);
	enum store_result result = connection_begin(&store->connection);
	if (result != STORE_OK)
		return result;
	store_send(store, UNLIMIT_STATEMENTS);
	store_send(store, UNLIMIT_PAUSES);
	store_send(store, BEGIN_WRITE);
	scalar_int(&store->parameters, 0, 0);
	store_send(store, UPDATE_REPLAYING);
	scalar_uint(&store->parameters, 0, store->epoch);
	store_send(store, CLAIM_EPOCH);
	return STORE_OK;
}

static enum store_result finish(struct postgres_store *store)
{
	assert(store->connection.handle != NULL);
	enum store_result result = connection_finish(&store->connection, NULL, 0);
	return result == STORE_UNKNOWN ? STORE_DOWN : result; /* done or not, it can be begun again */
}

enum store_result postgres_replay_clear(struct store *port)
{
	static const enum store_statement deletes[] = {DELETE_SALES,  DELETE_SEATS,    DELETE_HOLDS,
	                                               DELETE_ORDERS, DELETE_PAYMENTS, DELETE_REFUNDS};
	struct postgres_store *store = store_of(port);
	assert(store->epoch > 0);
	enum store_result result = claim(store);
	if (result != STORE_OK)
		return result;
	for (size_t i = 0; i < ARRAY_LENGTH(deletes); i++)
		store_send(store, deletes[i]);
	return finish(store);
}

enum store_result replay_write(struct postgres_store *store, const struct changes *changes, const struct row **rows)
{
	assert(changes->is_replay && (rows != NULL || changes->row_count == 0));
	if (!connection_has_transaction(&store->connection))
		return STORE_DOWN;
	if (changes->row_count == 0)
		return STORE_OK;
	enum store_result result = connection_begin(&store->connection);
	if (result != STORE_OK)
		return result;
	store_write_rows(store, changes, rows, changes->row_count);
	return finish(store);
}

enum store_result postgres_replay_end(struct store *port, bool is_done)
{
	struct postgres_store *store = store_of(port);
	assert(store->epoch > 0);
	enum store_result result = STORE_OK;
	if (!is_done) {
		connection_rollback(&store->connection);
		result = claim(store);
	} else if (!connection_has_transaction(&store->connection)) {
		return STORE_DOWN;
	} else {
		result = connection_begin(&store->connection);
	}
	if (result != STORE_OK)
		return result;
	store_send(store, COMMIT);
	return finish(store);
}
