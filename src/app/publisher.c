/* publisher.c: lease, publish partition after partition, acknowledge now and then. */
#include "app/publisher.h"

#include <assert.h>
#include <stdlib.h>

#include "pipeline/backoff.h"

#define BATCH_BLOCK (256 * 1024)
#define BATCH_MAX (64 * 1024 * 1024)
#define EVENTS_MAX 512 /* of one batch */
#define CONFIRMED_MAX 4096
#define LEASE_MS 6000
#define LEASE_RENEW_MS 1500
#define PUBLISH_TIMEOUT_MS 2000 /* a batch begins only when so much of the lease is left */
#define ACKNOWLEDGE_MS 200
#define POLL_MS 150 /* what another process commits is found by asking */
#define STEP_MS 100
#define LAG_MS 1000
#define PAUSE_BASE_MS 100
#define PAUSE_MAX_MS 5000

/* How far a partition is published beyond what is acknowledged. */
struct position {
	bool is_set;
	struct uuid after;
};

struct publisher {
	struct publisher_options options;
	struct publisher_counters counters;
	struct backoff backoff;
	struct arena arena; /* of the batch at hand */
	struct position positions[OUTBOX_PARTITIONS];
	struct outbox_key confirmed[CONFIRMED_MAX]; /* and not acknowledged */
	uint32_t confirmed_count;
	/* All of the monotonic clock. */
	uint64_t now_ms;         /* as read last */
	uint64_t pause_until_ms; /* after a failure */
	uint64_t lease_until_ms;
	uint64_t renew_at_ms;
	uint64_t acknowledge_at_ms; /* when something is confirmed */
	uint64_t lag_at_ms;
};

enum error publisher_new(const struct publisher_options *options, struct publisher **ret_publisher)
{
	assert(options != NULL && options->outbox != NULL && options->bus != NULL);
	assert(options->clock != NULL && options->random != NULL && !uuid_is_nil(&options->owner));

	struct publisher *publisher = calloc(1, sizeof *publisher);
	if (publisher == NULL)
		return ERR_NO_MEMORY;
	publisher->options = *options;
	publisher->backoff = (struct backoff){.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	arena_init(&publisher->arena, BATCH_BLOCK, BATCH_MAX);
	*ret_publisher = publisher;
	return OK;
}

void publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	arena_release(&publisher->arena);
	free(publisher);
}

const struct publisher_counters *publisher_counters(const struct publisher *publisher)
{
	assert(publisher != NULL);
	return &publisher->counters;
}

static void read_clock(struct publisher *publisher)
{
	publisher->now_ms = clock_monotonic_ns(publisher->options.clock) / 1000000;
}

static void pause_after_failure(struct publisher *publisher)
{
	read_clock(publisher);
	publisher->pause_until_ms = publisher->now_ms + backoff_next(&publisher->backoff, random_u64(publisher->options.random));
}

/* Notes whether the outbox serves, and answers it; if not there is a pause. */
static bool outbox_served(struct publisher *publisher, enum store_result result)
{
	bool is_up = result == STORE_OK;
	publisher->counters.is_outbox_up = is_up || result == STORE_BUSY;
	if (!is_up)
		pause_after_failure(publisher);
	return is_up;
}

/* The same of the bus. */
static bool bus_answered(struct publisher *publisher, enum bus_result result)
{
	bool is_up = result == BUS_OK;
	publisher->counters.is_bus_up = is_up;
	if (!is_up)
		pause_after_failure(publisher);
	return is_up;
}

/* A partition that comes anew is read from its first entry. */
static void set_partitions(struct publisher *publisher, uint32_t partitions)
{
	uint32_t kept = partitions & publisher->counters.partitions;
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++)
		if ((kept >> i & 1) == 0)
			publisher->positions[i].is_set = false;
	publisher->counters.partitions = partitions;
}

/* False: one of the two does not answer, and there is a pause. */
static bool renew_lease(struct publisher *publisher)
{
	struct outbox *outbox = publisher->options.outbox;
	struct bus *bus = publisher->options.bus;
	uint64_t began_ms = publisher->now_ms;
	uint64_t now_ms = clock_now_ms(publisher->options.clock);
	uint32_t partitions;
	enum store_result result =
		outbox->operations->lease(outbox, &publisher->options.owner, now_ms, LEASE_MS, OUTBOX_PARTITIONS, &partitions);
	read_clock(publisher);
	if (!outbox_served(publisher, result))
		return false;
	set_partitions(publisher, partitions);
	publisher->lease_until_ms = began_ms + LEASE_MS;
	publisher->renew_at_ms = began_ms + LEASE_RENEW_MS;
	return bus_answered(publisher, bus->operations->ping(bus));
}

/* False: nothing may be published now. */
static bool keep_lease(struct publisher *publisher)
{
	if (publisher->now_ms >= publisher->renew_at_ms && !renew_lease(publisher))
		return false;
	if (publisher->now_ms + PUBLISH_TIMEOUT_MS < publisher->lease_until_ms)
		return true;
	set_partitions(publisher, 0);
	return false;
}

/* Takes what is confirmed out of the outbox. After that partitions are read from their first entry again: one with an earlier id may
 * have been committed later. False: it is still there. */
static bool acknowledge(struct publisher *publisher)
{
	if (publisher->confirmed_count == 0)
		return true;
	struct outbox *outbox = publisher->options.outbox;
	enum store_result result = outbox->operations->acknowledge(outbox, publisher->confirmed, publisher->confirmed_count);
	if (!outbox_served(publisher, result))
		return false;
	publisher->counters.acknowledges++;
	publisher->confirmed_count = 0;
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS; i++)
		publisher->positions[i].is_set = false;
	return true;
}

static void remember_confirmed(struct publisher *publisher, uint8_t partition, const struct outbox_batch *batch)
{
	assert(batch->count <= CONFIRMED_MAX - publisher->confirmed_count);
	if (publisher->confirmed_count == 0)
		publisher->acknowledge_at_ms = publisher->now_ms + ACKNOWLEDGE_MS;
	for (uint32_t i = 0; i < batch->count; i++)
		publisher->confirmed[publisher->confirmed_count++] =
			(struct outbox_key){.partition = partition, .id = batch->entries[i].id};
	publisher->positions[partition] = (struct position){.is_set = true, .after = batch->entries[batch->count - 1].id};
}

/* The events of the batch in order. NULL: out of memory. */
static const struct event_record **gather(struct publisher *publisher, const struct outbox_batch *batch, uint32_t *ret_count)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < batch->count; i++)
		count += batch->entries[i].count;
	const struct event_record **records = arena_allocate_array(&publisher->arena, count, sizeof *records);
	if (records == NULL)
		return NULL;
	uint32_t index = 0;
	for (uint32_t i = 0; i < batch->count; i++)
		for (uint32_t j = 0; j < batch->entries[i].count; j++)
			records[index++] = &batch->entries[i].records[j];
	*ret_count = count;
	return records;
}

static bool publish_batch(struct publisher *publisher, uint8_t partition, const struct outbox_batch *batch)
{
	struct bus *bus = publisher->options.bus;
	uint32_t count = 0;
	const struct event_record **records = gather(publisher, batch, &count);
	if (records == NULL) {
		pause_after_failure(publisher);
		return false;
	}
	enum bus_result result = bus->operations->publish(bus, records, count, PUBLISH_TIMEOUT_MS);
	read_clock(publisher);
	if (!bus_answered(publisher, result)) {
		publisher->counters.failures++;
		return false;
	}
	publisher->counters.published += count;
	remember_confirmed(publisher, partition, batch);
	return true;
}

/* One batch of one partition. False: not now. *ret_has_more: there may be another. */
static bool publish_partition(struct publisher *publisher, uint8_t partition, bool *ret_has_more)
{
	if (CONFIRMED_MAX - publisher->confirmed_count < EVENTS_MAX && !acknowledge(publisher))
		return false;
	struct outbox *outbox = publisher->options.outbox;
	const struct position *position = &publisher->positions[partition];
	struct outbox_batch batch;
	arena_clear(&publisher->arena);
	enum store_result result = outbox->operations->next(outbox, partition, position->is_set ? &position->after : NULL, EVENTS_MAX,
	                                                    &publisher->arena, &batch);
	if (!outbox_served(publisher, result))
		return false;
	if (batch.count == 0)
		return true;
	*ret_has_more = true;
	return publish_batch(publisher, partition, &batch);
}

/* A batch of every partition. The same. */
static bool publish_all(struct publisher *publisher, bool *ret_has_more)
{
	*ret_has_more = false;
	for (uint8_t i = 0; i < OUTBOX_PARTITIONS; i++) {
		if (!keep_lease(publisher))
			return false;
		if ((publisher->counters.partitions >> i & 1) != 0 && !publish_partition(publisher, i, ret_has_more))
			return false;
	}
	return true;
}

static void measure_lag(struct publisher *publisher)
{
	struct outbox *outbox = publisher->options.outbox;
	struct outbox_lag lag;
	publisher->lag_at_ms = publisher->now_ms + LAG_MS;
	if (outbox->operations->lag(outbox, &lag) != STORE_OK)
		return;
	publisher->counters.lag_entries = lag.entries;
	publisher->counters.lag_oldest_ms = lag.oldest_ms;
}

/* Milliseconds until there is something to do again. */
static uint64_t next_step(const struct publisher *publisher)
{
	uint64_t at_ms = publisher->now_ms + POLL_MS;
	if (publisher->confirmed_count > 0 && publisher->acknowledge_at_ms < at_ms)
		at_ms = publisher->acknowledge_at_ms;
	if (publisher->pause_until_ms > publisher->now_ms)
		at_ms = publisher->pause_until_ms < publisher->lag_at_ms ? publisher->pause_until_ms : publisher->lag_at_ms;
	return at_ms > publisher->now_ms ? at_ms - publisher->now_ms : 0;
}

uint64_t publisher_step(void *context)
{
	struct publisher *publisher = context;
	assert(publisher != NULL);

	read_clock(publisher);
	uint64_t until_ms = publisher->now_ms + STEP_MS;
	if (publisher->now_ms >= publisher->lag_at_ms)
		measure_lag(publisher);
	if (publisher->now_ms < publisher->pause_until_ms)
		return next_step(publisher);
	if (publisher->now_ms >= publisher->acknowledge_at_ms && !acknowledge(publisher))
		return next_step(publisher);
	bool has_more = true;
	while (has_more && publisher->now_ms < until_ms) {
		if (!publish_all(publisher, &has_more))
			return next_step(publisher);
		backoff_reset(&publisher->backoff);
		read_clock(publisher);
	}
	return has_more ? 0 : next_step(publisher);
}

void publisher_finish(struct publisher *publisher)
{
	assert(publisher != NULL);

	struct outbox *outbox = publisher->options.outbox;
	(void)publisher_step(publisher);
	(void)acknowledge(publisher);
	(void)outbox->operations->release(outbox, &publisher->options.owner);
	set_partitions(publisher, 0);
}
