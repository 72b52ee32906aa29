/* outbox.c: the outbox port. Every call is one statement or a few, and none needs a transaction. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "adapters/sql/trace_states.h"
#include "base/list.h"
#include "state/changes.h"

#define CALL_MS 4000 /* of one call, with the session made again: a publisher that hangs is to notice before its leases end */
#define NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::int8"

enum {
	COUNT_PUBLISHER,
	EXPIRE_PUBLISHERS,
	REMOVE_PUBLISHER,
	SELECT_LEASES,
	UPDATE_LEASES,
	RELEASE_LEASES,
	SELECT_ENTRIES,
	SELECT_EVENTS,
	DELETE_ENTRIES,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[COUNT_PUBLISHER] = "INSERT INTO outbox_publishers (owner, alive_until) VALUES ($1::uuid, " NOW_MS " + $2::int8)"
			    " ON CONFLICT (owner) DO UPDATE SET alive_until = excluded.alive_until",
	/* Publishers that have not been heard of for too long. */
	[EXPIRE_PUBLISHERS] = "DELETE FROM outbox_publishers WHERE alive_until <= " NOW_MS " OR alive_until > " NOW_MS " + $1::int8",
	[REMOVE_PUBLISHER] = "DELETE FROM outbox_publishers WHERE owner = $1::uuid",
	[SELECT_LEASES] = "SELECT partition, owner, lease_until, " NOW_MS ", (SELECT count(*) FROM outbox_publishers)"
			  " FROM outbox_partitions WHERE partition >= 0",
	/* $1 is the owner; only those that are still as they were read: another may have taken them since. */
	[UPDATE_LEASES] = "UPDATE outbox_partitions"
			  " SET owner = d.next, lease_until = CASE d.next WHEN $1::uuid THEN " NOW_MS " + $2::int8 ELSE 0 END"
			  " FROM unnest($3::int8[], $4::uuid[], $5::int8[], $6::uuid[]) AS d (partition, owner, lease_until, next)"
			  " WHERE outbox_partitions.partition = d.partition AND outbox_partitions.owner = d.owner"
			  " AND outbox_partitions.lease_until = d.lease_until"
			  " RETURNING outbox_partitions.partition, outbox_partitions.owner",
	[RELEASE_LEASES] = "UPDATE outbox_partitions SET owner = '00000000-0000-0000-0000-000000000000'::uuid, lease_until = 0"
			   " WHERE owner = $1::uuid",
	/* $2 events at most, or the first entry; those that are known are among them, and passed over here. */
	[SELECT_ENTRIES] = "SELECT partition, id, events, trace_states"
			   " FROM (SELECT o.partition, o.id, o.events, o.trace_states, sum(length(o.events)) OVER (ORDER BY o.id) AS total"
			   " FROM outbox_partitions p CROSS JOIN LATERAL (SELECT partition, id, events, trace_states FROM outbox"
			   " WHERE partition = p.partition ORDER BY id LIMIT $3::int8) AS o"
			   " WHERE p.partition >= 0 AND p.owner = $1::uuid AND p.lease_until > " NOW_MS
			   " AND p.partition <> ALL ($5::int8[])) AS entries"
			   " WHERE total <= $2::int8 * 16 OR total = length(events) ORDER BY id LIMIT $4::int8",
	/* Of event.created, 1, without the layout, which is its last member and may be megabytes. No text has an unescaped quotation mark
	 * in it, so none looks like a member. */
	[SELECT_EVENTS] = "SELECT id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint,"
			  " CASE WHEN type = 1 AND right(data, 2) = ']}'"
			  " THEN split_part(split_part(data, ',\"sections\":[', 1), ',\"seats\":[', 1) || '}'"
			  " ELSE data END FROM unnest($1::uuid[]) WITH ORDINALITY AS d (key, number)"
			  " JOIN events ON id = d.key ORDER BY d.number",
	[DELETE_ENTRIES] = "DELETE FROM outbox USING unnest($1::int8[], $2::uuid[]) AS d (partition, id)"
			   " WHERE outbox.partition = d.partition AND outbox.id = d.id",
};

struct postgres_outbox {
	struct outbox port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
};

/* The answer of SELECT_LEASES. */
struct leases {
	struct outbox_lease of[OUTBOX_PARTITIONS];
	uint64_t now_ms;
	uint64_t publishers;
};

static struct postgres_outbox *outbox_of(struct outbox *port)
{
	assert(port != NULL);
	return container_of(port, struct postgres_outbox, port);
}

/* Runs the statement with what is in the parameters, and empties them. *ret_answer is the caller's, for PQclear. */
static enum store_result query(struct postgres_outbox *outbox, uint32_t statement, PGresult **ret_answer)
{
	assert(statement < STATEMENT_COUNT && ret_answer != NULL);
	outbox->connection.deadline_ns = 0;
	outbox->connection.deadline_ns = connection_deadline_ns(&outbox->connection, CALL_MS);
	enum store_result result = connection_query(&outbox->connection, statement, &outbox->parameters, ret_answer);
	parameters_clear(&outbox->parameters);
	return result;
}

/* The same, without an answer. */
static enum store_result run(struct postgres_outbox *outbox, uint32_t statement)
{
	assert(statement != SELECT_LEASES && statement != SELECT_ENTRIES && statement != SELECT_EVENTS);
	PGresult *answer;
	enum store_result result = query(outbox, statement, &answer);
	if (result == STORE_OK)
		PQclear(answer);
	return result;
}

/* With the owner counted among the publishers. */
static enum store_result read_leases(struct postgres_outbox *outbox, const struct uuid *owner, uint64_t lease_ms, struct leases *ret_leases)
{
	assert(!uuid_is_nil(owner) && ret_leases != NULL);
	scalar_uuid(&outbox->parameters, 0, owner);
	scalar_uint(&outbox->parameters, 1, lease_ms);
	enum store_result result = run(outbox, COUNT_PUBLISHER);
	if (result != STORE_OK)
		return result;
	scalar_uint(&outbox->parameters, 0, lease_ms);
	result = run(outbox, EXPIRE_PUBLISHERS);
	if (result != STORE_OK)
		return result;
	PGresult *answer;
	result = query(outbox, SELECT_LEASES, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		uint64_t partition = field_uint(tuple, 0);
		ret_leases->now_ms = field_uint(tuple, 3);
		ret_leases->publishers = field_uint(tuple, 4);
		if (partition < OUTBOX_PARTITIONS)
			ret_leases->of[partition] = (struct outbox_lease){.owner = field_uuid(tuple, 1), .until_ms = field_uint(tuple, 2)};
	}
	PQclear(answer);
	return STORE_OK;
}

/* Puts as $3 to $6 the partitions that the owner takes, and those that it gives up. False: none. */
static bool put_share(struct postgres_outbox *outbox, const struct leases *leases, uint32_t share, const struct uuid *owner)
{
	assert(share >> OUTBOX_PARTITIONS == 0);
	static const struct uuid nobody;
	bool has_any = false;
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++) {
		bool takes = (share >> i & 1) != 0;
		if (!takes && !uuid_equal(&leases->of[i].owner, owner))
			continue;
		array_int(&outbox->parameters, 2, i);
		array_uuid(&outbox->parameters, 3, &leases->of[i].owner);
		array_uint(&outbox->parameters, 4, leases->of[i].until_ms);
		array_uuid(&outbox->parameters, 5, takes ? owner : &nobody);
		has_any = true;
	}
	return has_any;
}

static enum store_result postgres_lease(struct outbox *port, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
                                        uint32_t *ret_partitions)
{
	assert(lease_ms > 0 && ret_partitions != NULL);
	struct postgres_outbox *outbox = outbox_of(port);
	struct leases leases = {0};
	enum store_result result = read_leases(outbox, owner, lease_ms, &leases);
	if (result != STORE_OK)
		return result;
	uint32_t partitions = 0;
	uint32_t share = outbox_share(leases.of, owner, leases.publishers, leases.now_ms, lease_ms, keeps_all);
	if (!put_share(outbox, &leases, share, owner)) {
		*ret_partitions = 0;
		return STORE_OK;
	}
	scalar_uuid(&outbox->parameters, 0, owner);
	scalar_uint(&outbox->parameters, 1, lease_ms);
	PGresult *answer;
	result = query(outbox, UPDATE_LEASES, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		struct uuid written = field_uuid(tuple, 1);
		if (uuid_equal(&written, owner))
			partitions |= 1U << field_uint(tuple, 0) % OUTBOX_PARTITIONS;
	}
	PQclear(answer);
	*ret_partitions = partitions;
	return STORE_OK;
}

static enum store_result postgres_release(struct outbox *port, const struct uuid *owner)
{
	assert(owner != NULL);
	struct postgres_outbox *outbox = outbox_of(port);
	scalar_uuid(&outbox->parameters, 0, owner);
	enum store_result result = run(outbox, RELEASE_LEASES);
	if (result != STORE_OK)
		return result;
	scalar_uuid(&outbox->parameters, 0, owner);
	return run(outbox, REMOVE_PUBLISHER);
}

/* The ids of the events of the entry in the answer's row. */
static struct slice event_ids(const PGresult *answer, uint32_t row)
{
	assert(answer != NULL);
	return field_text((struct tuple){.answer = answer, .row = (int)row}, 2);
}

static bool is_known(const struct postgres_outbox *outbox, const PGresult *answer, uint32_t row)
{
	assert(answer != NULL);
	struct uuid id = field_uuid((struct tuple){.answer = answer, .row = (int)row}, 1);
	return outbox_knows(&outbox->port, &id);
}

/* The answer's rows as far as there is room for the new ones among them. */
static uint32_t count_rows(const struct postgres_outbox *outbox, const PGresult *answer)
{
	assert(answer != NULL);
	uint32_t count = 0;
	for (uint32_t new_count = 0; count < (uint32_t)PQntuples(answer); count++) {
		new_count += !is_known(outbox, answer, count);
		if (new_count > OUTBOX_ENTRIES_MAX)
			break;
	}
	return count;
}

/* Puts the ids of all new entries' events as $1; answers their number. */
static uint32_t put_event_ids(struct postgres_outbox *outbox, const PGresult *answer, uint32_t row_count)
{
	assert(outbox->parameters.count == 0);
	uint32_t count = 0;
	for (uint32_t entry = 0; entry < row_count; entry++)
		if (!is_known(outbox, answer, entry))
			count += array_uuids(&outbox->parameters, 0, event_ids(answer, entry));
	return count;
}

/* The events of the entry, of the answer's rows from *row on, which are in the order of the entries. False: one is not there, or cannot be
 * read. */
static bool read_records(const PGresult *answer, int *row, struct slice ids, struct arena *arena, struct outbox_entry *entry)
{
	assert(row != NULL && entry != NULL);
	bool is_right = entry->count > 0 && ids.length == entry->count * sizeof(struct uuid);
	for (uint32_t i = 0; i < entry->count; i++) {
		struct uuid id;
		memcpy(id.bytes, ids.data + i * sizeof id, sizeof id);
		struct tuple tuple = {.answer = answer, .row = *row};
		struct uuid found = *row < PQntuples(answer) ? field_uuid(tuple, 0) : (struct uuid){0};
		bool is_there = uuid_equal(&found, &id);
		is_right = is_right && is_there && stored_event_read(tuple_columns(&tuple), arena, &entry->records[i]);
		*row += is_there;
	}
	return is_right;
}

static enum store_result read_entries(struct postgres_outbox *outbox, const PGresult *answer, struct arena *arena,
                                      struct outbox_batch *ret_batch)
{
	assert(arena != NULL && ret_batch != NULL);
	struct outbox_batch batch = {0};
	uint32_t count = count_rows(outbox, answer), events = put_event_ids(outbox, answer, count);
	batch.entries = arena_allocate_array(arena, count, sizeof *batch.entries);
	struct event_record *records = arena_allocate_array(arena, events, sizeof *records);
	if (batch.entries == NULL || (records == NULL && events > 0)) {
		parameters_clear(&outbox->parameters);
		return STORE_DOWN;
	}
	PGresult *found = NULL;
	enum store_result result = events == 0 ? STORE_OK : query(outbox, SELECT_EVENTS, &found);
	int row = 0;
	for (uint32_t i = 0; result == STORE_OK && i < count; i++) {
		if (is_known(outbox, answer, i))
			continue;
		struct tuple tuple = {.answer = answer, .row = (int)i};
		struct slice ids = event_ids(answer, i);
		struct outbox_entry entry = {
			.key = {.partition = (uint8_t)(field_uint(tuple, 0) % OUTBOX_PARTITIONS), .id = field_uuid(tuple, 1)},
			.records = records,
			.count = (uint32_t)(ids.length / sizeof(struct uuid)),
		};
		bool is_readable = read_records(found, &row, ids, arena, &entry);
		if (is_readable)
			trace_states_read(field_text(tuple, 3), arena, entry.records, entry.count);
		outbox_batch_add(&batch, &entry, is_readable);
		records += entry.count;
	}
	if (result != STORE_OK)
		return result;
	PQclear(found);
	*ret_batch = batch;
	return STORE_OK;
}

static enum store_result postgres_next(struct outbox *port, const struct uuid *owner, uint32_t events_max, struct arena *arena,
                                       struct outbox_batch *ret_batch)
{
	assert(arena != NULL && ret_batch != NULL);
	assert(!uuid_is_nil(owner) && events_max > 0);
	struct postgres_outbox *outbox = outbox_of(port);
	PGresult *answer;
	scalar_uuid(&outbox->parameters, 0, owner);
	const struct outbox_known *known = port->known;
	scalar_int(&outbox->parameters, 1, (int64_t)events_max + (known == NULL ? 0 : known->events));
	scalar_int(&outbox->parameters, 2, OUTBOX_PARTITION_ENTRIES_MAX + outbox_known_most(port));
	scalar_int(&outbox->parameters, 3, OUTBOX_ENTRIES_MAX + (known == NULL ? 0 : known->count));
	array_int(&outbox->parameters, 4, -1); /* so that it is not empty */
	for (uint32_t partition = 0; partition < OUTBOX_PARTITIONS; partition++)
		if ((port->left_out >> partition & 1) != 0)
			array_int(&outbox->parameters, 4, partition);
	enum store_result result = query(outbox, SELECT_ENTRIES, &answer);
	if (result != STORE_OK)
		return result;
	if (PQntuples(answer) == 0)
		*ret_batch = (struct outbox_batch){0};
	else
		result = read_entries(outbox, answer, arena, ret_batch);
	PQclear(answer);
	return result;
}

static enum store_result postgres_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	assert(keys != NULL || count == 0);
	struct postgres_outbox *outbox = outbox_of(port);
	if (count == 0)
		return STORE_OK;
	for (uint32_t i = 0; i < count; i++) {
		array_int(&outbox->parameters, 0, keys[i].partition);
		array_uuid(&outbox->parameters, 1, &keys[i].id);
	}
	return run(outbox, DELETE_ENTRIES);
}

static void postgres_free(struct outbox *port)
{
	assert(port != NULL);
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
	.free = postgres_free,
};

enum error postgres_outbox_open(const char *dsn, struct outbox **ret_outbox, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_outbox != NULL);
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
	outbox->connection.waits_for_session = true;
	*ret_outbox = &outbox->port;
	return OK;
}
