/* outbox.c: the outbox port. Its commits are not synced: an acknowledgement that a power cut takes back is only published again. */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"
#include "domain/changes.h"

#define CACHE_KIB 1024
#define LAG_ENTRIES_MAX "100000"

enum {
	BEGIN_READ,
	BEGIN_WRITE,
	COMMIT,
	SELECT_LEASES,
	UPDATE_LEASE,
	RELEASE_LEASES,
	SELECT_ENTRIES,
	SELECT_EVENT,
	DELETE_ENTRY,
	COUNT_ENTRIES,
	SELECT_OLDEST,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[BEGIN_READ] = "BEGIN",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[SELECT_LEASES] = "SELECT partition, owner, lease_until FROM outbox_partitions ORDER BY partition",
	[UPDATE_LEASE] = "UPDATE outbox_partitions SET owner = ?2, lease_until = ?3 WHERE partition = ?1",
	[RELEASE_LEASES] = "UPDATE outbox_partitions SET owner = zeroblob(16), lease_until = 0 WHERE owner = ?",
	[SELECT_ENTRIES] = "SELECT id, events FROM outbox WHERE partition = ? AND id > ? ORDER BY id",
	[SELECT_EVENT] = ("SELECT " EVENT_COLUMNS " FROM events WHERE position = ?"),
	[DELETE_ENTRY] = "DELETE FROM outbox WHERE partition = ? AND id = ?",
	[COUNT_ENTRIES] =
		("SELECT count(*) FROM (SELECT id FROM outbox INDEXED BY outbox_order WHERE partition >= 0 LIMIT " LAG_ENTRIES_MAX ")"),
	[SELECT_OLDEST] = "SELECT id FROM outbox ORDER BY position LIMIT 1",
};

struct sqlite_outbox {
	struct outbox port;
	struct database database;
};

struct lease {
	struct uuid owner;
	uint64_t until_ms; /* 0: free */
};

static struct database *database_of(struct outbox *port)
{
	return &container_of(port, struct sqlite_outbox, port)->database;
}

static int read_leases(struct database *database, struct lease leases[static OUTBOX_PARTITIONS])
{
	sqlite3_stmt *select = database->statements[SELECT_LEASES];
	int code;
	while ((code = database_step(database, SELECT_LEASES)) == SQLITE_ROW) {
		uint64_t partition = column_uint(select, 0);
		if (partition < OUTBOX_PARTITIONS)
			leases[partition] = (struct lease){.owner = column_uuid(select, 1), .until_ms = column_uint(select, 2)};
	}
	database_reset(database, SELECT_LEASES);
	return code == SQLITE_DONE ? SQLITE_OK : code;
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

static int write_leases(struct database *database, uint32_t partitions, const struct uuid *owner, uint64_t until_ms)
{
	sqlite3_stmt *update = database->statements[UPDATE_LEASE];
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < OUTBOX_PARTITIONS; i++) {
		if ((partitions & (1U << i)) == 0)
			continue;
		bind_int(update, 1, i);
		bind_uuid(update, 2, owner);
		bind_uint(update, 3, until_ms);
		code = database_run(database, UPDATE_LEASE);
	}
	return code;
}

/* Commits when all went well. */
static enum store_result end(struct database *database, int code)
{
	if (code == SQLITE_OK)
		code = database_run(database, COMMIT);
	database_rollback(database);
	return database_result(code);
}

static enum store_result sqlite_lease(struct outbox *port, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms,
                                      uint32_t partitions_max, uint32_t *ret_partitions)
{
	struct database *database = database_of(port);
	struct lease leases[OUTBOX_PARTITIONS] = {0};
	uint32_t partitions = 0;
	int code = database_run(database, BEGIN_WRITE);
	if (code != SQLITE_OK)
		return database_result(code);
	code = read_leases(database, leases);
	if (code == SQLITE_OK) {
		partitions = choose_partitions(leases, owner, now_ms, partitions_max);
		code = write_leases(database, partitions, owner, now_ms + lease_ms);
	}
	enum store_result result = end(database, code);
	if (result == STORE_OK)
		*ret_partitions = partitions;
	return result;
}

static enum store_result sqlite_release(struct outbox *port, const struct uuid *owner)
{
	struct database *database = database_of(port);
	bind_uuid(database->statements[RELEASE_LEASES], 1, owner);
	return database_result(database_run(database, RELEASE_LEASES));
}

static enum store_result read_event(struct database *database, const char *position_bytes, struct arena *arena,
                                    struct event_record *ret_record)
{
	uint64_t position;
	memcpy(&position, position_bytes, sizeof position);
	bind_uint(database->statements[SELECT_EVENT], 1, le64toh(position));
	int code = database_step(database, SELECT_EVENT);
	bool is_right = code == SQLITE_ROW && sqlite_read_event(database->statements[SELECT_EVENT], arena, ret_record);
	database_reset(database, SELECT_EVENT);
	return code == SQLITE_DONE || (code == SQLITE_ROW && !is_right) ? STORE_CORRUPT : database_result(code);
}

/* The entry that SELECT_ENTRIES is at, with its events. */
static enum store_result read_entry(struct database *database, struct slice positions, struct arena *arena, struct outbox_entry *ret_entry)
{
	struct outbox_entry entry = {
		.id = column_uuid(database->statements[SELECT_ENTRIES], 0),
		.count = (uint32_t)(positions.length / sizeof(uint64_t)),
	};
	entry.records = arena_allocate_array(arena, entry.count, sizeof *entry.records);
	enum store_result result = entry.records == NULL ? STORE_CORRUPT : STORE_OK;
	for (uint32_t i = 0; result == STORE_OK && i < entry.count; i++)
		result = read_event(database, positions.data + i * sizeof(uint64_t), arena, &entry.records[i]);
	if (result == STORE_OK)
		*ret_entry = entry;
	return result;
}

static enum store_result read_entries(struct database *database, uint32_t events_max, struct arena *arena, struct outbox_batch *ret_batch)
{
	struct outbox_batch batch = {.entries = arena_allocate_array(arena, events_max, sizeof *batch.entries)};
	enum store_result result = batch.entries == NULL ? STORE_CORRUPT : STORE_OK;
	uint32_t events = 0;
	int code = SQLITE_DONE;
	while (result == STORE_OK && events < events_max && (code = database_step(database, SELECT_ENTRIES)) == SQLITE_ROW) {
		struct slice positions = column_text(database->statements[SELECT_ENTRIES], 1);
		uint32_t count = (uint32_t)(positions.length / sizeof(uint64_t));
		if (count == 0)
			result = STORE_CORRUPT;
		else if (batch.count > 0 && events + count > events_max)
			break;
		else
			result = read_entry(database, positions, arena, &batch.entries[batch.count++]);
		events += count;
	}
	if (result == STORE_OK)
		result = database_result(code);
	if (result == STORE_OK)
		*ret_batch = batch;
	return result;
}

static enum store_result sqlite_next(struct outbox *port, uint8_t partition, const struct uuid *after, uint32_t events_max,
                                     struct arena *arena, struct outbox_batch *ret_batch)
{
	assert(partition < OUTBOX_PARTITIONS && events_max > 0);
	struct database *database = database_of(port);
	int code = database_run(database, BEGIN_READ);
	if (code != SQLITE_OK)
		return database_result(code);
	bind_int(database->statements[SELECT_ENTRIES], 1, partition);
	bind_bytes(database->statements[SELECT_ENTRIES], 2, after, after == NULL ? 0 : sizeof *after);
	enum store_result result = read_entries(database, events_max, arena, ret_batch);
	database_reset(database, SELECT_ENTRIES);
	database_rollback(database);
	return result;
}

static enum store_result sqlite_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	struct database *database = database_of(port);
	sqlite3_stmt *delete = database->statements[DELETE_ENTRY];
	int code = database_run(database, BEGIN_WRITE);
	if (code != SQLITE_OK)
		return database_result(code);
	for (uint32_t i = 0; code == SQLITE_OK && i < count; i++) {
		bind_int(delete, 1, keys[i].partition);
		bind_uuid(delete, 2, &keys[i].id);
		code = database_run(database, DELETE_ENTRY);
	}
	return end(database, code);
}

static enum store_result sqlite_lag(struct outbox *port, struct outbox_lag *ret_lag)
{
	struct database *database = database_of(port);
	struct outbox_lag lag = {0};
	int code = database_step(database, COUNT_ENTRIES);
	if (code == SQLITE_ROW)
		lag.entries = column_uint(database->statements[COUNT_ENTRIES], 0);
	database_reset(database, COUNT_ENTRIES);
	if (database_result(code) != STORE_OK)
		return database_result(code);
	code = database_step(database, SELECT_OLDEST);
	if (code == SQLITE_ROW) {
		struct uuid id = column_uuid(database->statements[SELECT_OLDEST], 0);
		lag.oldest_ms = hlc_milliseconds(uuid_stamp(&id));
	}
	database_reset(database, SELECT_OLDEST);
	if (database_result(code) == STORE_OK)
		*ret_lag = lag;
	return database_result(code);
}

static void sqlite_free(struct outbox *port)
{
	struct sqlite_outbox *outbox = container_of(port, struct sqlite_outbox, port);
	database_release(&outbox->database);
	free(outbox);
}

static const struct outbox_operations operations = {
	.lease = sqlite_lease,
	.release = sqlite_release,
	.next = sqlite_next,
	.acknowledge = sqlite_acknowledge,
	.lag = sqlite_lag,
	.free = sqlite_free,
};

enum error sqlite_outbox_open(const char *path, struct outbox **ret_outbox, char message[static SQLITE_MESSAGE_MAX])
{
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
