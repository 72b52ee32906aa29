/* outbox.c: the outbox port in memory. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/memory/contents.h"
#include "adapters/memory/database.h"

struct memory_outbox {
	struct outbox port;
	struct memory_database *database;
	struct clock *clock;
};

static struct memory_outbox *outbox_of(struct outbox *port)
{
	assert(port != NULL);
	return container_of(port, struct memory_outbox, port);
}

static struct memory_database *enter(struct outbox *port)
{
	assert(port != NULL);
	struct memory_database *database = outbox_of(port)->database;
	pthread_mutex_lock(&database->lock);
	return database;
}

/* Forgets the owner, and the publishers that have not been heard of for too long. */
static void expire_publishers(struct memory_database *database, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms)
{
	assert(owner != NULL);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < database->publisher_count; i++) {
		const struct outbox_lease *publisher = &database->publishers[i];
		if (!uuid_equal(&publisher->owner, owner) && outbox_is_live(publisher->until_ms, now_ms, lease_ms))
			database->publishers[kept++] = *publisher;
	}
	database->publisher_count = kept;
}

static bool count_publisher(struct memory_database *database, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms)
{
	assert(!uuid_is_nil(owner) && lease_ms > 0);
	void *array = database->publishers;
	expire_publishers(database, owner, now_ms, lease_ms);
	if (!contents_grow(&array, database->publisher_count, &database->publisher_capacity, sizeof *database->publishers))
		return false;
	database->publishers = array;
	database->publishers[database->publisher_count++] = (struct outbox_lease){.owner = *owner, .until_ms = now_ms + lease_ms};
	return true;
}

static enum store_result memory_lease(struct outbox *port, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
                                      uint32_t *ret_partitions)
{
	assert(owner != NULL && ret_partitions != NULL);
	struct memory_database *database = enter(port);
	uint64_t now_ms = clock_now_ms(outbox_of(port)->clock);
	bool has_memory = count_publisher(database, owner, now_ms, lease_ms);
	if (has_memory) {
		uint32_t share = outbox_share(database->leases, owner, database->publisher_count, now_ms, lease_ms, keeps_all);
		for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++) {
			if ((share >> i & 1) != 0)
				database->leases[i] = (struct outbox_lease){.owner = *owner, .until_ms = now_ms + lease_ms};
			else if (uuid_equal(&database->leases[i].owner, owner))
				database->leases[i] = (struct outbox_lease){.until_ms = 0};
		}
		*ret_partitions = share;
	}
	pthread_mutex_unlock(&database->lock);
	return has_memory ? STORE_OK : STORE_DOWN;
}

static enum store_result memory_release(struct outbox *port, const struct uuid *owner)
{
	assert(owner != NULL);
	struct memory_database *database = enter(port);
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++)
		if (uuid_equal(&database->leases[i].owner, owner))
			database->leases[i] = (struct outbox_lease){.until_ms = 0};
	expire_publishers(database, owner, 0, UINT64_MAX); /* no other */
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

/* The data without the layout, which is its last member. No text has an unescaped quotation mark in it, so none looks like a member. */
static struct slice without_layout(struct slice data, struct arena *arena)
{
	assert(data.data != NULL && arena != NULL);
	static const char *const members[] = {",\"sections\":[", ",\"seats\":["};
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const char *layout = memmem(data.data, data.length, members[i], strlen(members[i]));
		if (layout == NULL)
			continue;
		size_t length = (size_t)(layout - data.data);
		char *copy = arena_allocate(arena, length + 1);
		if (copy == NULL)
			return (struct slice){0};
		memcpy(copy, data.data, length);
		copy[length] = '}';
		return (struct slice){.data = copy, .length = length + 1};
	}
	return data;
}

/* The row's events; false: out of memory. */
static bool fill_entry(const struct memory_database *database, const struct outbox_row *row, struct arena *arena,
                       struct outbox_entry *ret_entry)
{
	assert(row->count > 0 && ret_entry != NULL);
	struct event_record *records = arena_allocate_array(arena, row->count, sizeof *records);
	if (records == NULL)
		return false;
	for (uint32_t i = 0; i < row->count; i++) {
		const struct event_record *record = contents_event(database, &row->event_ids[i]);
		assert(record != NULL);
		records[i] = *record;
		if (record->type == EVENT_SALE_CREATED)
			records[i].data = without_layout(record->data, arena);
		if (records[i].data.data == NULL)
			return false;
	}
	*ret_entry = (struct outbox_entry){
		.key = {.partition = row->partition, .id = row->id},
		.records = records,
		.count = row->count,
	};
	return true;
}

static enum store_result memory_next(struct outbox *port, const struct uuid *owner, uint32_t events_max, struct arena *arena,
                                     struct outbox_batch *ret_batch)
{
	assert(arena != NULL && ret_batch != NULL);
	assert(!uuid_is_nil(owner) && events_max > 0);
	struct memory_database *database = enter(port);
	uint64_t now_ms = clock_now_ms(outbox_of(port)->clock);
	struct outbox_batch batch = {.entries = arena_allocate_array(arena, OUTBOX_ENTRIES_MAX, sizeof *batch.entries)};
	bool has_memory = batch.entries != NULL;
	uint32_t events = 0;
	for (uint32_t i = 0; has_memory && batch.count < OUTBOX_ENTRIES_MAX && i < database->outbox_count; i++) {
		const struct outbox_row *row = &database->outbox[i];
		const struct outbox_lease *lease = &database->leases[row->partition];
		bool is_left_out = (port->left_out >> row->partition & 1) != 0;
		if (is_left_out || !uuid_equal(&lease->owner, owner) || lease->until_ms <= now_ms || outbox_knows(port, &row->id))
			continue;
		if (batch.count > 0 && events + row->count > events_max)
			break;
		has_memory = fill_entry(database, row, arena, &batch.entries[batch.count]);
		events += row->count;
		batch.count++;
	}
	pthread_mutex_unlock(&database->lock);
	if (!has_memory)
		return STORE_CORRUPT;
	*ret_batch = batch;
	return STORE_OK;
}

static bool is_named(const struct outbox_row *row, const struct outbox_key *keys, uint32_t count)
{
	assert(keys != NULL || count == 0);
	for (uint32_t i = 0; i < count; i++)
		if (row->partition == keys[i].partition && uuid_equal(&row->id, &keys[i].id))
			return true;
	return false;
}

static enum store_result memory_acknowledge(struct outbox *port, const struct outbox_key *keys, uint32_t count)
{
	assert(keys != NULL || count == 0);
	struct memory_database *database = enter(port);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < database->outbox_count; i++)
		if (!is_named(&database->outbox[i], keys, count))
			database->outbox[kept++] = database->outbox[i];
	database->outbox_count = kept;
	pthread_mutex_unlock(&database->lock);
	return STORE_OK;
}

static void memory_free(struct outbox *port)
{
	assert(port != NULL);
	free(outbox_of(port));
}

static const struct outbox_operations operations = {
	.lease = memory_lease,
	.release = memory_release,
	.next = memory_next,
	.acknowledge = memory_acknowledge,
	.free = memory_free,
};

enum error memory_outbox_new(struct memory_database *database, struct clock *clock, struct outbox **ret_outbox)
{
	assert(ret_outbox != NULL);
	assert(database != NULL && clock != NULL);
	struct memory_outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return ERR_NO_MEMORY;
	outbox->port = (struct outbox){.operations = &operations};
	outbox->database = database;
	outbox->clock = clock;
	*ret_outbox = &outbox->port;
	return OK;
}
