/* publisher.c: acknowledge, lease, read, publish; again at once as long as there is much to do. */
#include "app/publisher.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "app/dependencies.h"
#include "base/defect.h"

#define BATCH_BLOCK (256 * 1024)
#define BATCH_MAX (64 * 1024 * 1024)
#define EVENTS_MAX 1024                           /* of one batch */
#define EVENTS_MANY 256                           /* after so many, or … */
#define ENTRIES_MANY OUTBOX_PARTITION_ENTRIES_MAX /* … so many entries the next round is not put off: there may be more */
#define LEASE_MS 6000
#define LEASE_RENEW_MS 1500
#define PUBLISH_TIMEOUT_MS 2000 /* a batch begins only when so much of the lease is left */
#define POLL_MS 100             /* what another process commits, and the bus confirms late, is found by asking */
#define STEP_MS 100
#define MEMORY_PAUSE_MS 1000     /* when there is none */
#define UNREADABLE_PAUSE_MS 5000 /* until a partition with an entry that cannot be read is looked at again */

struct publisher {
	struct publisher_options options;
	struct publisher_counters counters;
	struct arena arena;                              /* of the batch at hand */
	struct outbox_key confirmed[OUTBOX_ENTRIES_MAX]; /* and not acknowledged */
	uint32_t confirmed_count;
	bool is_refused; /* the last batch failed: a ping that succeeds says nothing of the next */
	bool is_pending; /* something was sent and may still be confirmed: the leases are kept, and nothing new is read */
	/* All of the monotonic clock. */
	uint64_t now_ms;         /* as read last */
	uint64_t pause_until_ms; /* after a failure */
	uint64_t lease_until_ms; /* the store's leases last at least until then */
	uint64_t renew_at_ms;
	uint64_t unreadable_until_ms; /* the partitions with entries that cannot be read are left out until then */
	pthread_mutex_t lock;         /* guards: */
	struct outbox_key unreadable; /* the last that was found; a nil id: none */
};

enum error publisher_new(const struct publisher_options *options, struct publisher **ret_publisher)
{
	assert(options != NULL && options->outbox != NULL && options->bus != NULL);
	assert(options->clock != NULL && options->dependencies != NULL && !uuid_is_nil(&options->owner));

	struct publisher *publisher = calloc(1, sizeof *publisher);
	if (publisher == NULL)
		return ERR_NO_MEMORY;
	publisher->options = *options;
	arena_init(&publisher->arena, BATCH_BLOCK, BATCH_MAX);
	pthread_mutex_init(&publisher->lock, NULL);
	*ret_publisher = publisher;
	return OK;
}

void publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	arena_release(&publisher->arena);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher);
}

bool publisher_unreadable(struct publisher *publisher, struct outbox_key *ret_key)
{
	assert(publisher != NULL && ret_key != NULL);
	pthread_mutex_lock(&publisher->lock);
	*ret_key = publisher->unreadable;
	pthread_mutex_unlock(&publisher->lock);
	return !uuid_is_nil(&ret_key->id);
}

const struct publisher_counters *publisher_counters(const struct publisher *publisher)
{
	assert(publisher != NULL);
	return &publisher->counters;
}

static void read_clock(struct publisher *publisher)
{
	assert(publisher->options.clock != NULL);
	publisher->now_ms = clock_monotonic_ns(publisher->options.clock) / 1000000;
}

static struct dependency *dependency_of(const struct publisher *publisher, enum dependency_id id)
{
	return &publisher->options.dependencies->of[id];
}

/* Nothing is done until the dependency lets the next call in. */
static void pause_for(struct publisher *publisher, const struct dependency *dependency)
{
	read_clock(publisher);
	uint64_t pause_ms = dependency_pause_ms(dependency, clock_monotonic_ns(publisher->options.clock));
	if (publisher->now_ms + pause_ms > publisher->pause_until_ms)
		publisher->pause_until_ms = publisher->now_ms + pause_ms;
}

/* False: not now, and there is a pause. */
static bool begin_call(struct publisher *publisher, enum dependency_id id, struct dependency_call *ret_call)
{
	struct dependency *dependency = dependency_of(publisher, id);
	bool is_let_in = dependency_begin(dependency, clock_monotonic_ns(publisher->options.clock), ret_call);
	if (!is_let_in)
		pause_for(publisher, dependency);
	return is_let_in;
}

static void end_call(struct publisher *publisher, enum dependency_id id, const struct dependency_call *call, enum dependency_answer answer)
{
	struct dependency *dependency = dependency_of(publisher, id);
	dependency_end(dependency, call, answer, clock_monotonic_ns(publisher->options.clock));
	if (answer == DEPENDENCY_FAILED)
		pause_for(publisher, dependency);
	read_clock(publisher);
}

/* Notes whether the outbox serves, and answers it; if not there is a pause. */
static bool outbox_served(struct publisher *publisher, const struct dependency_call *call, enum store_result result)
{
	bool is_up = result == STORE_OK;
	publisher->counters.is_outbox_up = is_up || result == STORE_BUSY;
	end_call(publisher, DEPENDENCY_OUTBOX, call, is_up ? DEPENDENCY_SERVED : DEPENDENCY_FAILED);
	return is_up;
}

/* The same of the bus. What is pending is no failure, and asked for again soon. */
static bool bus_answered(struct publisher *publisher, const struct dependency_call *call, enum bus_result result)
{
	bool is_up = result == BUS_OK, is_known = result == BUS_DOWN || (is_up && !publisher->is_refused);
	publisher->counters.is_bus_up = is_up;
	publisher->is_pending = result == BUS_PENDING;
	end_call(publisher, DEPENDENCY_BUS, call, !is_known ? DEPENDENCY_UNDECIDED : is_up ? DEPENDENCY_SERVED : DEPENDENCY_FAILED);
	return is_up;
}

static bool ping_bus(struct publisher *publisher)
{
	struct bus *bus = publisher->options.bus;
	struct dependency_call call;
	return begin_call(publisher, DEPENDENCY_BUS, &call) && bus_answered(publisher, &call, bus->operations->ping(bus));
}

/* Another publisher may reach the bus, and nothing is under way there from this one. */
static void give_leases_back(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	struct outbox *outbox = publisher->options.outbox;
	if (publisher->counters.partitions != 0)
		(void)outbox->operations->release(outbox, &publisher->options.owner);
	publisher->counters.partitions = 0;
	publisher->renew_at_ms = 0;
}

/* While messages are under way the publisher keeps their partitions: another owner would send them again. False: one of the two does not
 * answer, and there is a pause. */
static bool keep_lease(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	struct outbox *outbox = publisher->options.outbox;
	struct dependency_call call;
	uint32_t partitions;
	bool is_due = publisher->now_ms >= publisher->renew_at_ms;
	if (!is_due && !publisher->is_pending)
		return true;
	if (!ping_bus(publisher) && !publisher->is_pending) {
		give_leases_back(publisher);
		return false;
	}
	if (!is_due)
		return true;
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	read_clock(publisher);
	uint64_t began_ms = publisher->now_ms;
	enum store_result result =
		outbox->operations->lease(outbox, &publisher->options.owner, LEASE_MS, publisher->is_pending, &partitions);
	if (!outbox_served(publisher, &call, result))
		return false;
	publisher->counters.partitions = partitions;
	publisher->lease_until_ms = began_ms + LEASE_MS;
	publisher->renew_at_ms = began_ms + LEASE_RENEW_MS;
	return true;
}

/* Takes what is confirmed out of the outbox. False: it is still there, and there is a pause. */
static bool acknowledge(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	if (publisher->confirmed_count == 0)
		return true;
	struct outbox *outbox = publisher->options.outbox;
	struct dependency_call call;
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	enum store_result result = outbox->operations->acknowledge(outbox, publisher->confirmed, publisher->confirmed_count);
	if (!outbox_served(publisher, &call, result))
		return false;
	publisher->counters.acknowledges++;
	publisher->confirmed_count = 0;
	return true;
}

/* The events of the batch in order. NULL: out of memory. */
static const struct event_record **gather(struct publisher *publisher, const struct outbox_batch *batch, uint32_t *ret_count)
{
	assert(batch != NULL && ret_count != NULL);
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

static void tell_publishing(const struct publisher *publisher, const struct outbox_batch *batch)
{
	assert(batch != NULL);
	const struct publisher_options *options = &publisher->options;
	for (uint32_t i = 0; options->publishing != NULL && i < batch->count; i++)
		for (uint32_t j = 0; j < batch->entries[i].count; j++)
			options->publishing(options->context, &batch->entries[i].records[j]);
}

static void tell_published(const struct publisher *publisher, const struct event_record *const *records, uint32_t count, uint64_t began_ns)
{
	assert(records != NULL);
	const struct publisher_options *options = &publisher->options;
	if (options->published == NULL)
		return;
	uint64_t ended_ns = clock_monotonic_ns(options->clock);
	for (uint32_t i = 0; i < count; i++)
		options->published(options->context, records[i], began_ns, ended_ns);
}

static bool publish(struct publisher *publisher, const struct outbox_batch *batch, bool *ret_has_more)
{
	assert(batch->count <= OUTBOX_ENTRIES_MAX && publisher->confirmed_count == 0);
	struct bus *bus = publisher->options.bus;
	uint32_t count = 0;
	const struct event_record **records = gather(publisher, batch, &count);
	struct dependency_call call;
	if (records == NULL) {
		publisher->pause_until_ms = publisher->now_ms + MEMORY_PAUSE_MS;
		return false;
	}
	if (!begin_call(publisher, DEPENDENCY_BUS, &call))
		return false;
	tell_publishing(publisher, batch);
	uint64_t began_ns = clock_monotonic_ns(publisher->options.clock);
	enum bus_result result = bus->operations->publish(bus, records, count, PUBLISH_TIMEOUT_MS);
	publisher->is_refused = result == BUS_DOWN;
	if (!bus_answered(publisher, &call, result) && !DEFECT(UNCONFIRMED_IS_DONE)) {
		publisher->counters.failures++;
		if (!publisher->is_pending)
			publisher->renew_at_ms = 0; /* the bus is asked before it is tried again */
		return publisher->is_pending;
	}
	publisher->counters.published += count;
	tell_published(publisher, records, count, began_ns);
	for (uint32_t i = 0; i < batch->count; i++)
		publisher->confirmed[publisher->confirmed_count++] = batch->entries[i].key;
	*ret_has_more |= count >= EVENTS_MANY || batch->count >= ENTRIES_MANY;
	return true;
}

/* Partitions that stand still are read again from time to time, for somebody may have mended them. */
static void note_unreadable(struct publisher *publisher, const struct outbox_batch *batch)
{
	assert(batch->unreadable_count <= OUTBOX_PARTITIONS);
	if (batch->unreadable_count == 0)
		return;
	pthread_mutex_lock(&publisher->lock);
	publisher->unreadable = batch->unreadable[batch->unreadable_count - 1];
	pthread_mutex_unlock(&publisher->lock);
	for (uint32_t i = 0; i < batch->unreadable_count; i++)
		publisher->options.outbox->left_out |= 1U << batch->unreadable[i].partition;
	publisher->counters.unreadable = publisher->options.outbox->left_out;
	publisher->unreadable_until_ms = publisher->now_ms + UNREADABLE_PAUSE_MS;
}

/* The oldest entries of the partitions that can be read. False: not now, and there is a pause. */
static bool read_next(struct publisher *publisher, struct outbox_batch *ret_batch)
{
	struct outbox *outbox = publisher->options.outbox;
	bool looks_again = outbox->left_out != 0 && publisher->now_ms >= publisher->unreadable_until_ms;
	if (looks_again)
		outbox->left_out = 0;
	struct dependency_call call;
	arena_clear(&publisher->arena);
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	enum store_result result = outbox->operations->next(outbox, &publisher->options.owner, EVENTS_MAX, &publisher->arena, ret_batch);
	if (!outbox_served(publisher, &call, result))
		return false;
	note_unreadable(publisher, ret_batch);
	if (looks_again && ret_batch->unreadable_count == 0)
		publisher->counters.unreadable = 0;
	return true;
}

/* One round. False: not now, and there is a pause. *ret_has_more: it was a large one, and the next is worth while at once. */
static bool publish_next(struct publisher *publisher, bool *ret_has_more)
{
	assert(ret_has_more != NULL);
	*ret_has_more = false;
	/* In this order nothing is confirmed and waits to be acknowledged when the lease gives a partition to somebody else. */
	if (!acknowledge(publisher) || !keep_lease(publisher))
		return false;
	if (publisher->counters.partitions == 0 || publisher->is_pending)
		return true;
	struct outbox_batch batch;
	if (!read_next(publisher, &batch))
		return false;
	*ret_has_more = batch.unreadable_count > 0; /* there may be more behind what is left out from now on */
	if (batch.count == 0)
		return true;
	if (publisher->now_ms + PUBLISH_TIMEOUT_MS >= publisher->lease_until_ms) { /* the process may have been stopped meanwhile */
		publisher->counters.lost_leases++;
		publisher->renew_at_ms = 0;
		return true;
	}
	return publish(publisher, &batch, ret_has_more);
}

/* Milliseconds until there is something to do again. */
static uint64_t next_step(const struct publisher *publisher)
{
	assert(publisher->options.clock != NULL);
	if (publisher->pause_until_ms <= publisher->now_ms)
		return publisher->confirmed_count > 0 ? PUBLISHER_SPACING_MS : POLL_MS;
	return publisher->pause_until_ms - publisher->now_ms;
}

uint64_t publisher_step(void *context)
{
	struct publisher *publisher = context;
	assert(publisher != NULL);

	read_clock(publisher);
	uint64_t until_ms = publisher->now_ms + STEP_MS;
	if (publisher->now_ms < publisher->pause_until_ms)
		return next_step(publisher);
	bool has_more;
	do {
		if (!publish_next(publisher, &has_more))
			return next_step(publisher);
	} while (has_more && publisher->now_ms < until_ms);
	return has_more ? 0 : next_step(publisher);
}

void publisher_finish(struct publisher *publisher)
{
	assert(publisher != NULL);

	(void)publisher_step(publisher);
	if (publisher->counters.is_outbox_up && acknowledge(publisher)) /* nobody waits for one that is down */
		give_leases_back(publisher);
}
