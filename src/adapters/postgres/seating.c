/* seating.c: seatings, each chunk in one exchange. A replay and a chunk do not meet: a chunk holds the fence of replay.h, as all who write
 * do. */
#include <assert.h>

#include "adapters/postgres/replay.h"
#include "adapters/postgres/rows.h"

#define SWEPT_MS 60000 /* nobody waits for these to be cleared */

struct found {
	bool is_there; /* the event, or one whose making had the key */
	bool is_left;
	uint64_t version, written; /* of the seating; 0: there is none */
	uint64_t epoch;
};

static struct postgres_store *begin_call(struct store *port)
{
	struct postgres_store *store = store_of(port);
	assert(store->transaction == TRANSACTION_NONE);
	store->connection.deadline_ns = port->deadline_ns;
	return store;
}

static enum store_result query(struct postgres_store *store, enum store_statement statement, PGresult **ret_answer)
{
	assert(ret_answer != NULL);
	enum store_result result = connection_query(&store->connection, statement, &store->parameters, ret_answer);
	parameters_clear(&store->parameters);
	return result;
}

static enum store_result find(struct postgres_store *store, const struct uuid *event_id, const struct idempotency *key,
                              struct found *ret_found)
{
	assert(event_id != NULL && ret_found != NULL);
	static const struct uuid no_key;
	PGresult *answer;
	scalar_uuid(&store->parameters, 0, event_id);
	if (key == NULL)
		scalar_uuid(&store->parameters, 1, &no_key);
	else
		scalar_bytes(&store->parameters, 1, (struct slice){.data = (const char *)key->key, .length = KEY_HASH_LENGTH});
	scalar_int(&store->parameters, 2, SEATING_LEFT_MS);
	enum store_result result = query(store, FIND_SEATING, &answer);
	if (result != STORE_OK)
		return result;
	struct tuple tuple = {.answer = answer};
	*ret_found = (struct found){
		.is_there = field_int(tuple, 0) > 0,
		.version = field_uint(tuple, 1),
		.written = field_uint(tuple, 2),
		.is_left = field_int(tuple, 3) > 0,
		.epoch = field_uint(tuple, 4),
	};
	PQclear(answer);
	return ret_found->epoch == 0 ? STORE_CORRUPT : STORE_OK;
}

/* Opens the transaction of a chunk. */
static enum store_result open_chunk(struct postgres_store *store, uint64_t epoch)
{
	enum store_result result = connection_begin(&store->connection);
	if (result != STORE_OK)
		return result;
	const struct changes fenced = {.epoch = epoch};
	store_send(store, BEGIN_SEATS);
	store_send(store, SYNC_LATER);
	replay_fence(store, &fenced, true);
	return STORE_OK;
}

static enum store_result insert_seating(struct postgres_store *store, const struct seating *seating)
{
	assert(seating->epoch > 0);
	enum store_result result = open_chunk(store, seating->epoch);
	if (result != STORE_OK)
		return result;
	scalar_uuid(&store->parameters, 0, &seating->event_id);
	scalar_uint(&store->parameters, 1, seating->version);
	scalar_uint(&store->parameters, 2, seating->epoch);
	store_send(store, INSERT_SEATING);
	store_send(store, COMMIT);
	return connection_finish(&store->connection, NULL, 0);
}

static enum store_result begin(struct store *port, struct seating *seating, const struct idempotency *key, enum seating_state *ret_state)
{
	assert(seating->version > 0 && seating->seat_count > 0 && ret_state != NULL);
	struct postgres_store *store = begin_call(port);
	struct found found;
	enum store_result result = find(store, &seating->event_id, key, &found);
	if (result != STORE_OK)
		return result;
	bool is_taken = found.is_left || found.version != 0;
	*ret_state = found.is_there ? SEATING_NEEDLESS : found.is_left ? SEATING_LEFT : is_taken ? SEATING_OTHERS : SEATING_BEGUN;
	if (*ret_state != SEATING_BEGUN)
		return STORE_OK;
	seating->written = 0;
	seating->epoch = found.epoch;
	return insert_seating(store, seating);
}

static enum store_result write_chunk(struct postgres_store *store, struct seating *seating, const struct layout_seat *seats, uint32_t count)
{
	enum { BEGUN, SYNCED_LATER, FENCED, ADVANCED, INSERTED, TOOK, ANSWERS };
	PGresult *answers[ANSWERS];
	enum store_result result = open_chunk(store, seating->epoch);
	if (result != STORE_OK)
		return result;
	struct parameters *parameters = &store->parameters;
	scalar_uuid(parameters, 0, &seating->event_id);
	scalar_uint(parameters, 1, seating->version);
	scalar_uint(parameters, 2, seating->epoch);
	scalar_int(parameters, 3, seating->written);
	scalar_int(parameters, 4, count);
	store_send(store, ADVANCE_SEATING);
	store_send_seats(store, &seating->event_id, seating->version, seating->written, seats, count);
	store_send(store, SELECT_TOOK);
	store_send(store, COMMIT);
	result = connection_finish(&store->connection, answers, ANSWERS);
	if (result != STORE_OK)
		return result;
	seating->held_ns = field_uint((struct tuple){.answer = answers[TOOK]}, 0) * 1000;
	for (int i = 0; i < ANSWERS; i++)
		PQclear(answers[i]);
	return STORE_OK;
}

/* Finds out what a lost COMMIT has done. A COMMIT that is still on its way either fails on the rows written since, or has kept them from
 * being written. */
static enum store_result resolve_chunk(struct postgres_store *store, const struct seating *seating, uint32_t count)
{
	struct found found;
	enum store_result result = find(store, &seating->event_id, NULL, &found);
	if (result != STORE_OK)
		return result;
	if (found.version != seating->version)
		return STORE_STALE;
	return found.written == (uint64_t)seating->written + count ? STORE_OK
	       : found.written == seating->written                 ? STORE_BUSY
	                                                           : STORE_STALE;
}

static enum store_result add(struct store *port, struct seating *seating, const struct layout_seat *seats, uint32_t count)
{
	assert(seats != NULL && count > 0 && seating->written + count <= seating->seat_count);
	struct postgres_store *store = begin_call(port);
	bool had_session = store->connection.handle != NULL;
	enum store_result result = write_chunk(store, seating, seats, count);
	if (connection_may_repeat(&store->connection, had_session, result))
		result = resolve_chunk(store, seating, count);
	if (result == STORE_OK)
		seating->written += count;
	return result;
}

/* The first that was left. STORE_STALE: there is none. */
static enum store_result find_left(struct postgres_store *store, struct uuid *ret_event_id)
{
	assert(ret_event_id != NULL);
	PGresult *answer;
	scalar_int(&store->parameters, 0, SWEPT_MS);
	enum store_result result = query(store, FIND_LEFT, &answer);
	if (result != STORE_OK)
		return result;
	bool is_found = PQntuples(answer) == 1;
	if (is_found)
		*ret_event_id = field_uuid((struct tuple){.answer = answer}, 0);
	PQclear(answer);
	return is_found ? STORE_OK : STORE_STALE;
}

/* From the end of the layout on, so that no row is looked for twice. STORE_STALE: it is not to be cleared. */
static enum store_result clear_some(struct postgres_store *store, const struct uuid *event_id, uint64_t version, uint32_t limit,
                                    uint64_t *ret_left)
{
	enum { BEGUN, SYNCED_LATER, FENCED, GIVEN_UP, ANSWERS };
	PGresult *answers[ANSWERS];
	enum store_result result = open_chunk(store, 0);
	if (result != STORE_OK)
		return result;
	scalar_uuid(&store->parameters, 0, event_id);
	scalar_uint(&store->parameters, 1, version);
	scalar_int(&store->parameters, 2, SEATING_LEFT_MS);
	scalar_int(&store->parameters, 3, limit);
	store_send(store, GIVE_UP_SEATING);
	scalar_uuid(&store->parameters, 0, event_id);
	store_send(store, CLEAR_SEATS);
	scalar_uuid(&store->parameters, 0, event_id);
	store_send(store, DELETE_SEATING);
	store_send(store, COMMIT);
	result = connection_finish(&store->connection, answers, ANSWERS);
	if (result != STORE_OK)
		return result;
	*ret_left = field_uint((struct tuple){.answer = answers[GIVEN_UP]}, 1);
	for (int i = 0; i < ANSWERS; i++)
		PQclear(answers[i]);
	return STORE_OK;
}

static enum store_result clear(struct store *port, const struct seating *seating, uint32_t limit, bool *ret_has_more)
{
	assert(limit > 0 && ret_has_more != NULL);
	struct postgres_store *store = begin_call(port);
	struct uuid event_id = seating == NULL ? (struct uuid){0} : seating->event_id;
	uint64_t left = 0;
	enum store_result result = seating == NULL ? find_left(store, &event_id) : STORE_OK;
	if (result == STORE_OK)
		result = clear_some(store, &event_id, seating == NULL ? 0 : seating->version, limit, &left);
	*ret_has_more = result == STORE_OK && left > 0;
	return result == STORE_STALE ? STORE_OK : result;
}

const struct seating_operations postgres_seating_operations = {
	.chunk_min = 50, .chunk_max = 4000, .wanted_ns = 10000000, .begin = begin, .add = add, .clear = clear};
