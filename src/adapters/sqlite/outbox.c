/* outbox.c: the outbox port. Its commits are not synced: an acknowledgement that a power cut takes back is only published again. */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sql/trace_states.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"
#include "base/now.h"
#include "state/changes.h"

#define CACHE_KIB 1024

enum {
	BEGIN_READ,
	BEGIN_WRITE,
	COMMIT,
	EXPIRE_PUBLISHERS,
	COUNT_PUBLISHER,
	COUNT_PUBLISHERS,
	SELECT_LEASES,
	UPDATE_LEASE,
	RELEASE_LEASES,
	SELECT_ENTRIES,
	SELECT_EVENT,
	DELETE_ENTRY,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[BEGIN_READ] = "BEGIN",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	/* The owner, and publishers that have not been heard of for too long. */
	[EXPIRE_PUBLISHERS] = "DELETE FROM outbox_publishers WHERE owner = ?1 OR alive_until <= ?2 OR alive_until > ?3",
	[COUNT_PUBLISHER] = "INSERT INTO outbox_publishers (owner, alive_until) VALUES (?, ?)",
	[COUNT_PUBLISHERS] = "SELECT count(*) FROM outbox_publishers",
	[SELECT_LEASES] = "SELECT partition, owner, lease_until FROM outbox_partitions ORDER BY partition",
	[UPDATE_LEASE] = "UPDATE outbox_partitions SET owner = ?2, lease_until = ?3 WHERE partition = ?1",
	[RELEASE_LEASES] = "UPDATE outbox_partitions SET owner = zeroblob(16), lease_until = 0 WHERE owner = ?",
	/* In the order of their commits. */
	[SELECT_ENTRIES] =
		("SELECT o.partition, o.id, o.events, o.trace_states FROM outbox o JOIN outbox_partitions p ON p.partition = o.partition"
                 " WHERE p.owner = ? AND p.lease_until > ? AND ? >> o.partition & 1 = 0 ORDER BY o.position"),
	/* Of event.created, 1, without the layout, which is its last member and may be megabytes. No text has an unescaped
	 * quotation mark in it, so none looks like a member. */
	[SELECT_EVENT] = ("SELECT id, stream_id, sequence, type, occurred_at, actor, trace, idempotency_key, fingerprint,"
                          " CASE WHEN type = 1 AND instr(data, ',\"sections\":[') + instr(data, ',\"seats\":[') > 0"
                          " THEN substr(data, 1, instr(data, ',\"sections\":[') + instr(data, ',\"seats\":[') - 1) || '}'"
                          " ELSE data END FROM events WHERE position = ?"),
	[DELETE_ENTRY] = "DELETE FROM outbox WHERE partition = ? AND id = ?",
};

struct sqlite_outbox {
	struct outbox port;
	struct database database;
};

static struct database *database_of(struct outbox *port)
{
	assert(port != NULL);
	return &container_of(port, struct sqlite_outbox, port)->database;
}

static int read_leases(struct database *database, struct outbox_lease leases[static OUTBOX_PARTITIONS])
{
	assert(sqlite3_get_autocommit(database->handle) == 0);
	sqlite3_stmt *select = database->statements[SELECT_LEASES];
	int code;
	while ((code = database_step(database, SELECT_LEASES)) == SQLITE_ROW) {
		uint64_t partition = column_uint(select, 0);
		if (partition < OUTBOX_PARTITIONS)
			leases[partition] = (struct outbox_lease){.owner = column_uuid(select, 1), .until_ms = column_uint(select, 2)};
	}
	database_reset(database, SELECT_LEASES);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int update_lease(struct database *database, uint32_t partition, const struct uuid *owner, uint64_t until_ms)
{
	assert(partition < OUTBOX_PARTITIONS && owner != NULL);
	sqlite3_stmt *update = database->statements[UPDATE_LEASE];
	bind_int(update, 1, partition);
	bind_uuid(update, 2, owner);
	bind_uint(update, 3, until_ms);
	return database_run(database, UPDATE_LEASE);
}

/* Takes and renews the share, and gives back what is beyond it. */
static int write_leases(struct database *database, const struct outbox_lease leases[static OUTBOX_PARTITIONS], uint32_t share,
                        const struct uuid *owner, uint64_t until_ms)
{
	assert(share >> OUTBOX_PARTITIONS == 0);
	assert(!uuid_is_nil(owner));
	static const struct uuid nobody;
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < OUTBOX_PARTITIONS; i++) {
		if ((share >> i & 1) != 0)
			code = update_lease(database, i, owner, until_ms);
		else if (uuid_equal(&leases[i].owner, owner))
			code = update_lease(database, i, &nobody, 0);
	}
	return code;
}

/* Forgets the owner, and the publishers that have not been heard of for too long. */
static int expire_publishers(struct database *database, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms)
{
	assert(!uuid_is_nil(owner));
	sqlite3_stmt *expire = database->statements[EXPIRE_PUBLISHERS];
	bind_uuid(expire, 1, owner);
	bind_uint(expire, 2, now_ms);
	bind_uint(expire, 3, now_ms + lease_ms);
	return database_run(database, EXPIRE_PUBLISHERS);
}

/* Counts the publishers, with this one. */
static int count_publishers(struct database *database, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms, uint64_t *ret_count)
{
	assert(lease_ms > 0 && ret_count != NULL);
	sqlite3_stmt *count = database->statements[COUNT_PUBLISHER];
	int code = expire_publishers(database, owner, now_ms, lease_ms);
	if (code != SQLITE_OK)
		return code;
	bind_uuid(count, 1, owner);
	bind_uint(count, 2, now_ms + lease_ms);
	code = database_run(database, COUNT_PUBLISHER);
	if (code != SQLITE_OK)
		return code;
	code = database_step(database, COUNT_PUBLISHERS);
	if (code == SQLITE_ROW)
		*ret_count = column_uint(database->statements[COUNT_PUBLISHERS], 0);
	database_reset(database, COUNT_PUBLISHERS);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Commits when all went well. */
static enum store_result end(struct database *database, int code)
{
	assert(code != SQLITE_ROW && code != SQLITE_DONE);
	if (code == SQLITE_OK)
		code = database_run(database, COMMIT);
	database_rollback(database);
	return database_result(code);
}

static enum store_result sqlite_lease(struct outbox *port, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
                                      uint32_t *ret_partitions)
{
	assert(owner != NULL && ret_partitions != NULL);
	struct database *database = database_of(port);
	struct outbox_lease leases[OUTBOX_PARTITIONS] = {0};
	uint32_t share = 0;
	uint64_t publishers = 0;
	int code = database_begin(database, BEGIN_WRITE);
	if (code != SQLITE_OK)
		return database_result(code);
	uint64_t now_ms = wall_now_ms();
	code = count_publishers(database, owner, now_ms, lease_ms, &publishers);
	if (code == SQLITE_OK)
		code = read_leases(database, leases);
	if (code == SQLITE_OK) {
		share = outbox_share(leases, owner, publishers, now_ms, lease_ms, keeps_all);
		code = write_leases(database, leases, share, owner, now_ms + lease_ms);
	}
	enum store_result result = end(database, code);
	if (result == STORE_OK)
		*ret_partitions = share;
	return result;
}

static enum store_result sqlite_release(struct outbox *port, const struct uuid *owner)
{
	assert(owner != NULL);
	struct database *database = database_of(port);
	int code = database_begin(database, BEGIN_WRITE);
	if (code != SQLITE_OK)
		return database_result(code);
	bind_uuid(database->statements[RELEASE_LEASES], 1, owner);
	code = database_run(database, RELEASE_LEASES);
	if (code == SQLITE_OK)
		code = expire_publishers(database, owner, 0, UINT64_MAX); /* no other */
	return end(database, code);
}

static enum store_result read_event(struct database *database, const char *position_bytes, struct arena *arena,
                                    struct event_record *ret_record)
{
	assert(position_bytes != NULL && ret_record != NULL);
	uint64_t position;
	memcpy(&position, position_bytes, sizeof position);
	bind_uint(database->statements[SELECT_EVENT], 1, le64toh(position));
	int code = database_step(database, SELECT_EVENT);
	bool is_right = code == SQLITE_ROW && stored_event_read(statement_columns(database->statements[SELECT_EVENT]), arena, ret_record);
	database_reset(database, SELECT_EVENT);
	return code == SQLITE_DONE || (code == SQLITE_ROW && !is_right) ? STORE_CORRUPT : database_result(code);
}

/* The events of the entry that SELECT_ENTRIES is at, whose array is there. STORE_CORRUPT: one is not there, or cannot be read. */
static enum store_result read_records(struct database *database, struct slice positions, struct arena *arena, struct outbox_entry *entry)
{
	assert(positions.data != NULL || positions.length == 0);
	enum store_result result =
		entry->count == 0 || positions.length % sizeof(uint64_t) != 0 || entry->records == NULL ? STORE_CORRUPT : STORE_OK;
	for (uint32_t i = 0; result == STORE_OK && i < entry->count; i++)
		result = read_event(database, positions.data + i * sizeof(uint64_t), arena, &entry->records[i]);
	return result;
}

static enum store_result read_entries(struct outbox *port, uint32_t events_max, struct arena *arena, struct outbox_batch *ret_batch)
{
	assert(events_max > 0 && ret_batch != NULL);
	struct database *database = database_of(port);
	assert(sqlite3_get_autocommit(database->handle) == 0);
	struct outbox_batch batch = {.entries = arena_allocate_array(arena, OUTBOX_ENTRIES_MAX, sizeof *batch.entries)};
	enum store_result result = batch.entries == NULL ? STORE_DOWN : STORE_OK;
	uint32_t events = 0;
	int code = SQLITE_DONE;
	while (result == STORE_OK && events < events_max && batch.count < OUTBOX_ENTRIES_MAX &&
	       (code = database_step(database, SELECT_ENTRIES)) == SQLITE_ROW) {
		struct slice positions = column_text(database->statements[SELECT_ENTRIES], 2);
		struct outbox_entry entry = {
			.key.partition = (uint8_t)(column_uint(database->statements[SELECT_ENTRIES], 0) % OUTBOX_PARTITIONS),
			.key.id = column_uuid(database->statements[SELECT_ENTRIES], 1),
			.count = (uint32_t)(positions.length / sizeof(uint64_t)),
		};
		if (outbox_knows(port, &entry.key.id))
			continue;
		if (batch.count > 0 && events + entry.count > events_max)
			break;
		entry.records = arena_allocate_array(arena, entry.count, sizeof *entry.records);
		result = read_records(database, positions, arena, &entry);
		if (result == STORE_OK)
			trace_states_read(column_text(database->statements[SELECT_ENTRIES], 3), arena, entry.records, entry.count);
		outbox_batch_add(&batch, &entry, result == STORE_OK);
		result = result == STORE_CORRUPT ? STORE_OK : result;
		events += entry.count;
	}
	if (result == STORE_OK)
		result = database_result(code);
	if (result == STORE_OK)
		*ret_batch = batch;
	return result;
}

static enum store_result sqlite_next(struct outbox *port, const struct uuid *owner, uint32_t events_max, struct arena *arena,
                                     struct outbox_batch *ret_batch)
{
	assert(arena != NULL && ret_batch != NULL);
	assert(!uuid_is_nil(owner) && events_max > 0);
	struct database *database = database_of(port);
	int code = database_begin(database, BEGIN_READ);
	if (code != SQLITE_OK)
		return database_result(code);
	bind_uuid(database->statements[SELECT_ENTRIES], 1, owner);
	bind_uint(database->statements[SELECT_ENTRIES], 2, wall_now_ms());
	bind_uint(database->statements[SELECT_ENTRIES], 3, port->left_out);
	enum store_result result = read_entries(port, events_max, arena, ret_batch);
	database_reset(database, SELECT_ENTRIES);
	database_rollback(database);
	return result;
}

static enum store_result sqlite_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	assert(keys != NULL || count == 0);
	struct database *database = database_of(port);
	sqlite3_stmt *delete = database->statements[DELETE_ENTRY];
	int code = database_begin(database, BEGIN_WRITE);
	if (code != SQLITE_OK)
		return database_result(code);
	for (uint32_t i = 0; code == SQLITE_OK && i < count; i++) {
		bind_int(delete, 1, keys[i].partition);
		bind_uuid(delete, 2, &keys[i].id);
		code = database_run(database, DELETE_ENTRY);
	}
	return end(database, code);
}

static void sqlite_free(struct outbox *port)
{
	assert(port != NULL);
	struct sqlite_outbox *outbox = container_of(port, struct sqlite_outbox, port);
	database_release(&outbox->database);
	free(outbox);
}

static const struct outbox_operations operations = {
	.lease = sqlite_lease,
	.release = sqlite_release,
	.next = sqlite_next,
	.acknowledge = sqlite_acknowledge,
	.free = sqlite_free,
};

enum error sqlite_outbox_open(const char *path, struct outbox **ret_outbox, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_outbox != NULL);
	struct sqlite_outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return ERR_NO_MEMORY;
	outbox->port = (struct outbox){.operations = &operations};
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB};
	enum error error = database_open(&options, &outbox->database, message);
	if (error != OK) {
		free(outbox);
		return error;
	}
	*ret_outbox = &outbox->port;
	return OK;
}
