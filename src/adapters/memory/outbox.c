/* outbox.c: the outbox port in memory. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/memory/contents.h"

#define LAG_ENTRIES_MAX 100000

struct memory_outbox {
	struct outbox port;
	struct memory_database *database;
};

static struct memory_database *enter(struct outbox *port)
{
	struct memory_database *database = container_of(port, struct memory_outbox, port)->database;
	pthread_mutex_lock(&database->lock);
	return database;
}

static enum store_result memory_lease(struct outbox *port, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms,
                                      uint32_t partitions_max, uint32_t *ret_partitions)
{
	struct memory_database *database = enter(port);
	uint32_t partitions = 0, count = 0;
	/* Its own first, so that renewing never swaps one partition for another. */
	for (int wants_own = 1; wants_own >= 0; wants_own--) {
		for (uint32_t i = 0; i < OUTBOX_PARTITIONS && count < partitions_max; i++) {
			struct lease *lease = &database->leases[i];
			bool is_own = lease->until_ms != 0 && uuid_equal(&lease->owner, owner);
			bool is_lapsed = lease->until_ms <= now_ms;
			if ((partitions & (1U << i)) != 0 || (wants_own ? !is_own : !is_lapsed))
				continue;
			*lease = (struct lease){.owner = *owner, .until_ms = now_ms + lease_ms};
			partitions |= 1U << i;
			count++;
		}
	}
	pthread_mutex_unlock(&database->lock);
	*ret_partitions = partitions;
	return STORE_OK;
}

static enum store_result memory_release(struct outbox *port, const struct uuid *owner)
{
	struct memory_database *database = enter(port);
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++)
		if (uuid_equal(&database->leases[i].owner, owner))
			database->leases[i] = (struct lease){.until_ms = 0};
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

/* The row's events; false: out of memory. */
static bool fill_entry(const struct memory_database *database, const struct outbox_row *row, struct arena *arena,
                       struct outbox_entry *ret_entry)
{
	struct event_record *records = arena_allocate_array(arena, row->count, sizeof *records);
	if (records == NULL)
		return false;
	for (uint32_t i = 0; i < row->count; i++) {
		const struct event_record *record = contents_event(database, &row->event_ids[i]);
		assert(record != NULL);
		records[i] = *record;
	}
	*ret_entry = (struct outbox_entry){.id = row->id, .records = records, .count = row->count};
	return true;
}

static enum store_result memory_next(struct outbox *port, uint8_t partition, const struct uuid *after, uint32_t events_max,
                                     struct arena *arena, struct outbox_batch *ret_batch)
{
	assert(partition < OUTBOX_PARTITIONS && events_max > 0);
	const struct memory_database *database = enter(port);
	struct outbox_batch batch = {.entries = arena_allocate_array(arena, events_max, sizeof *batch.entries)};
	bool has_memory = batch.entries != NULL;
	uint32_t events = 0;
	for (uint32_t i = 0; has_memory && i < database->outbox_count; i++) {
		const struct outbox_row *row = &database->outbox[i];
		if (row->partition != partition || (after != NULL && uuid_compare(&row->id, after) <= 0))
			continue;
		if (batch.count > 0 && events + row->count > events_max)
			break;
		has_memory = fill_entry(database, row, arena, &batch.entries[batch.count]);
		events += row->count;
		batch.count++;
		if (events >= events_max)
			break;
	}
	pthread_mutex_unlock(&container_of(port, struct memory_outbox, port)->database->lock);
	if (!has_memory)
		return STORE_CORRUPT;
	*ret_batch = batch;
	return STORE_OK;
}

static bool is_named(const struct outbox_row *row, const struct outbox_key *keys, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (row->partition == keys[i].partition && uuid_equal(&row->id, &keys[i].id))
			return true;
	return false;
}

static enum store_result memory_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	struct memory_database *database = enter(port);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < database->outbox_count; i++)
		if (!is_named(&database->outbox[i], keys, count))
			database->outbox[kept++] = database->outbox[i];
	database->outbox_count = kept;
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

static enum store_result memory_lag(struct outbox *port, struct outbox_lag *ret_lag)
{
	struct memory_database *database = enter(port);
	struct outbox_lag lag = {.entries = database->outbox_count < LAG_ENTRIES_MAX ? database->outbox_count : LAG_ENTRIES_MAX};
	for (uint32_t i = 0; i < database->outbox_count; i++)
		if (lag.oldest_ms == 0 || database->outbox[i].written_ms < lag.oldest_ms)
			lag.oldest_ms = database->outbox[i].written_ms;
	pthread_mutex_unlock(&database->lock);
	*ret_lag = lag;
	return STORE_OK;
}

static void memory_free(struct outbox *port)
{
	free(container_of(port, struct memory_outbox, port));
}

static const struct outbox_operations operations = {
	.lease = memory_lease,
	.release = memory_release,
	.next = memory_next,
	.acknowledge = memory_acknowledge,
	.lag = memory_lag,
	.free = memory_free,
};

enum error memory_outbox_new(struct memory_database *database, struct outbox **ret_outbox)
{
	assert(database != NULL);
	struct memory_outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return ERR_NO_MEMORY;
	outbox->port = (struct outbox){.operations = &operations};
	outbox->database = database;
	*ret_outbox = &outbox->port;
	return OK;
}
