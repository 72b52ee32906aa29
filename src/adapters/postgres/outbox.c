/* outbox.c: the outbox port. Every call is one statement or two, and none needs a transaction. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "base/list.h"
#include "domain/changes.h"

/* Entries read at once: few events wait, or the entries are large. */
#define ENTRIES_MAX 256

enum {
	SELECT_LEASES,
	UPDATE_LEASES,
	RELEASE_LEASES,
	SELECT_ENTRIES,
	SELECT_EVENTS,
	DELETE_ENTRIES,
	COUNT_ENTRIES,
	SELECT_OLDEST,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[SELECT_LEASES] = "SELECT partition, owner, lease_until FROM outbox_partitions",
	/* Only those that are still as they were read: another may have taken them since. */
	[UPDATE_LEASES] = "UPDATE outbox_partitions SET owner = $1::uuid, lease_until = $2::int8"
			  " FROM unnest($3::int8[], $4::uuid[], $5::int8[]) AS d (partition, owner, lease_until)"
			  " WHERE outbox_partitions.partition = d.partition AND outbox_partitions.owner = d.owner"
			  " AND outbox_partitions.lease_until = d.lease_until RETURNING outbox_partitions.partition",
	[RELEASE_LEASES] = "UPDATE outbox_partitions SET owner = '00000000-0000-0000-0000-000000000000'::uuid, lease_until = 0"
			   " WHERE owner = $1::uuid",
	[SELECT_ENTRIES] = "SELECT id, events FROM outbox WHERE partition = $1::int8 AND id > $2::uuid ORDER BY id LIMIT $3::int8",
	[SELECT_EVENTS] = "SELECT " EVENT_COLUMNS " FROM unnest($1::uuid[]) WITH ORDINALITY AS d (key, number)"
			  " JOIN events ON id = d.key ORDER BY d.number",
	[DELETE_ENTRIES] = "DELETE FROM outbox USING unnest($1::int8[], $2::uuid[]) AS d (partition, id)"
			   " WHERE outbox.partition = d.partition AND outbox.id = d.id",
	[COUNT_ENTRIES] = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE partition >= 0 LIMIT 100000) AS entries",
	[SELECT_OLDEST] =
		"SELECT (SELECT o.id FROM outbox o WHERE o.partition = p.partition ORDER BY o.id LIMIT 1) FROM outbox_partitions p",
};

struct postgres_outbox {
	struct outbox port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
};

struct lease {
	struct uuid owner;
	uint64_t until_ms; /* 0: free */
};

static struct postgres_outbox *outbox_of(struct outbox *port)
{
	return container_of(port, struct postgres_outbox, port);
}

/* Runs the statement with what is in the parameters, and empties them. *ret_answer is the caller's, for PQclear. */
static enum store_result query(struct postgres_outbox *outbox, uint32_t statement, PGresult **ret_answer)
{
	enum store_result result = connection_query(&outbox->connection, statement, &outbox->parameters, ret_answer);
	parameters_clear(&outbox->parameters);
	return result;
}

/* The same, without an answer. */
static enum store_result run(struct postgres_outbox *outbox, uint32_t statement)
{
	PGresult *answer;
	enum store_result result = query(outbox, statement, &answer);
	if (result == STORE_OK)
		PQclear(answer);
	return result;
}

static enum store_result read_leases(struct postgres_outbox *outbox, struct lease leases[static OUTBOX_PARTITIONS])
{
	PGresult *answer;
	enum store_result result = query(outbox, SELECT_LEASES, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		uint64_t partition = field_uint(tuple, 0);
		if (partition < OUTBOX_PARTITIONS)
			leases[partition] = (struct lease){.owner = field_uuid(tuple, 1), .until_ms = field_uint(tuple, 2)};
	}
	PQclear(answer);
	return STORE_OK;
}

/* The owner's own first, so that renewing never swaps one partition for another; then free and lapsed ones. */
static uint32_t choose_partitions(const struct lease leases[static OUTBOX_PARTITIONS], const struct uuid *owner, uint64_t now_ms,
                                  uint32_t maximum)
{
	uint32_t chosen = 0, count = 0;
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS && count < maximum; i++) {
		if (leases[i].until_ms == 0 || !uuid_equal(&leases[i].owner, owner))
			continue;
		chosen |= 1U << i;
		count++;
	}
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS && count < maximum; i++) {
		if ((chosen & (1U << i)) != 0 || leases[i].until_ms > now_ms)
			continue;
		chosen |= 1U << i;
		count++;
	}
	return chosen;
}

static enum store_result postgres_lease(struct outbox *port, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms,
                                        uint32_t partitions_max, uint32_t *ret_partitions)
{
	struct postgres_outbox *outbox = outbox_of(port);
	struct lease leases[OUTBOX_PARTITIONS] = {0};
	enum store_result result = read_leases(outbox, leases);
	if (result != STORE_OK)
		return result;
	uint32_t chosen = choose_partitions(leases, owner, now_ms, partitions_max), partitions = 0;
	if (chosen == 0) {
		*ret_partitions = 0;
		return STORE_OK;
	}
	scalar_uuid(&outbox->parameters, 0, owner);
	scalar_uint(&outbox->parameters, 1, now_ms + lease_ms);
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++) {
		if ((chosen & (1U << i)) == 0)
			continue;
		array_int(&outbox->parameters, 2, i);
		array_uuid(&outbox->parameters, 3, &leases[i].owner);
		array_uint(&outbox->parameters, 4, leases[i].until_ms);
	}
	PGresult *answer;
	result = query(outbox, UPDATE_LEASES, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++)
		partitions |= 1U << field_uint((struct tuple){.answer = answer, .row = row}, 0) % OUTBOX_PARTITIONS;
	PQclear(answer);
	*ret_partitions = partitions;
	return STORE_OK;
}

static enum store_result postgres_release(struct outbox *port, const struct uuid *owner)
{
	struct postgres_outbox *outbox = outbox_of(port);
	scalar_uuid(&outbox->parameters, 0, owner);
	return run(outbox, RELEASE_LEASES);
}

/* How many events the entry in the answer's row has. */
static uint32_t count_events(const PGresult *answer, int row)
{
	return (uint32_t)(field_text((struct tuple){.answer = answer, .row = row}, 1).length / sizeof(struct uuid));
}

/* How many entries from the first on are within the maximum, one at least; all their events are put as $1. */
static uint32_t choose_entries(struct postgres_outbox *outbox, const PGresult *answer, uint32_t events_max, uint32_t *ret_events)
{
	uint32_t entries = 0, events = 0;
	while (entries < (uint32_t)PQntuples(answer)) {
		struct slice ids = field_text((struct tuple){.answer = answer, .row = (int)entries}, 1);
		uint32_t count = count_events(answer, (int)entries);
		if (entries > 0 && events + count > events_max)
			break;
		for (uint32_t i = 0; i < count; i++) {
			struct uuid id;
			memcpy(id.bytes, ids.data + i * sizeof id, sizeof id);
			array_uuid(&outbox->parameters, 0, &id);
		}
		events += count;
		entries++;
	}
	*ret_events = events;
	return entries;
}

/* All events of the entries, in order. */
static enum store_result read_records(struct postgres_outbox *outbox, uint32_t count, struct arena *arena,
                                      struct event_record **ret_records)
{
	PGresult *answer;
	enum store_result result = query(outbox, SELECT_EVENTS, &answer);
	if (result != STORE_OK)
		return result;
	struct event_record *records = arena_allocate_array(arena, count, sizeof *records);
	bool is_right = records != NULL && (uint32_t)PQntuples(answer) == count;
	for (uint32_t i = 0; is_right && i < count; i++)
		is_right = tuple_read_event((struct tuple){.answer = answer, .row = (int)i}, arena, &records[i]);
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_records = records;
	return STORE_OK;
}

static enum store_result read_entries(struct postgres_outbox *outbox, const PGresult *answer, uint32_t events_max, struct arena *arena,
                                      struct outbox_batch *ret_batch)
{
	uint32_t events;
	struct event_record *records;
	struct outbox_batch batch = {.count = choose_entries(outbox, answer, events_max, &events)};
	batch.entries = arena_allocate_array(arena, batch.count, sizeof *batch.entries);
	if (batch.entries == NULL || events == 0) {
		parameters_clear(&outbox->parameters);
		return STORE_CORRUPT;
	}
	enum store_result result = read_records(outbox, events, arena, &records);
	if (result != STORE_OK)
		return result;
	for (uint32_t i = 0; i < batch.count; i++) {
		batch.entries[i] = (struct outbox_entry){
			.id = field_uuid((struct tuple){.answer = answer, .row = (int)i}, 0),
			.records = records,
			.count = count_events(answer, (int)i),
		};
		records += batch.entries[i].count;
	}
	*ret_batch = batch;
	return STORE_OK;
}

static enum store_result postgres_next(struct outbox *port, uint8_t partition, const struct uuid *after, uint32_t events_max,
                                       struct arena *arena, struct outbox_batch *ret_batch)
{
	assert(partition < OUTBOX_PARTITIONS && events_max > 0);
	static const struct uuid before_all;
	struct postgres_outbox *outbox = outbox_of(port);
	PGresult *answer;
	scalar_int(&outbox->parameters, 0, partition);
	scalar_uuid(&outbox->parameters, 1, after == NULL ? &before_all : after);
	scalar_int(&outbox->parameters, 2, events_max < ENTRIES_MAX ? events_max : ENTRIES_MAX);
	enum store_result result = query(outbox, SELECT_ENTRIES, &answer);
	if (result != STORE_OK)
		return result;
	if (PQntuples(answer) == 0)
		*ret_batch = (struct outbox_batch){0};
	else
		result = read_entries(outbox, answer, events_max, arena, ret_batch);
	PQclear(answer);
	return result;
}

static enum store_result postgres_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	struct postgres_outbox *outbox = outbox_of(port);
	if (count == 0)
		return STORE_OK;
	for (uint32_t i = 0; i < count; i++) {
		array_int(&outbox->parameters, 0, keys[i].partition);
		array_uuid(&outbox->parameters, 1, &keys[i].id);
	}
	return run(outbox, DELETE_ENTRIES);
}

static enum store_result postgres_lag(struct outbox *port, struct outbox_lag *ret_lag)
{
	struct postgres_outbox *outbox = outbox_of(port);
	struct outbox_lag lag = {0};
	PGresult *answer;
	enum store_result result = query(outbox, COUNT_ENTRIES, &answer);
	if (result != STORE_OK)
		return result;
	lag.entries = field_uint((struct tuple){.answer = answer}, 0);
	PQclear(answer);
	result = query(outbox, SELECT_OLDEST, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		struct uuid id = field_uuid(tuple, 0);
		uint64_t written_ms = hlc_milliseconds(uuid_stamp(&id));
		if (!field_is_null(tuple, 0) && (lag.oldest_ms == 0 || written_ms < lag.oldest_ms))
			lag.oldest_ms = written_ms;
	}
	PQclear(answer);
	*ret_lag = lag;
	return STORE_OK;
}

static void postgres_free(struct outbox *port)
{
	struct postgres_outbox *outbox = outbox_of(port);
	connection_release(&outbox->connection);
	parameters_release(&outbox->parameters);
	free(outbox);
}

static const struct outbox_operations operations = {
	.lease = postgres_lease,
	.release = postgres_release,
	.next = postgres_next,
	.acknowledge = postgres_acknowledge,
	.lag = postgres_lag,
	.free = postgres_free,
};

enum error postgres_outbox_open(const char *dsn, struct outbox **ret_outbox, char message[static POSTGRES_MESSAGE_MAX])
{
	struct postgres_outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return ERR_NO_MEMORY;
	outbox->port = (struct outbox){.operations = &operations};
	parameters_init(&outbox->parameters);
	enum error error = connection_open(dsn, statements, STATEMENT_COUNT, &outbox->connection, message);
	if (error != OK) {
		free(outbox);
		return error;
	}
	*ret_outbox = &outbox->port;
	return OK;
}
