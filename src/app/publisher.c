/* publisher.c: collect, acknowledge, lease, read, send; again at once as long as there is much to do. */
#include "app/publisher.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "app/dependencies.h"
#include "app/publish_window.h"

#define EVENTS_MAX 1024                           /* that are read with one statement */
#define EVENTS_MANY 256                           /* after so many, or … */
#define ENTRIES_MANY OUTBOX_PARTITION_ENTRIES_MAX /* … so many entries the next are not put off: there may be more */
#define DONE_MANY 256                             /* entries that are acknowledged at once; fewer after PUBLISHER_SPACING_MS */
#define LEASE_MS 6000
#define LEASE_RENEW_MS 1500
#define SHARE_MS 6000           /* so often something may be given back, also when events are always under way */
#define PUBLISH_TIMEOUT_MS 2000 /* nothing is sent unless so much of the lease is left; unconfirmed for so long, the bus has a problem */
#define SEND_MS 1000            /* for the way out to take what is sent */
#define CONFIRM_WAIT_MS 20
#define POLL_MS 100 /* polling finds what another process commits and the bus confirms late */
#define STEP_MS 100
#define FINISH_MS 2000
#define FINISH_ROUNDS 200
#define MEMORY_PAUSE_MS 1000     /* when there is none */
#define UNREADABLE_PAUSE_MS 5000 /* until a partition with an entry that cannot be read is looked at again */

struct publisher {
	struct publisher_options options;
	struct publisher_counters counters;
	struct publish_window window;
	bool is_refused; /* the last send failed: the next may fail, too, although the bus answers */
	bool is_late;    /* confirms are late: the publisher keeps its leases, and reads and sends nothing new */
	bool is_sharing; /* nothing new is read until nothing is under way: then partitions may be given back */
	bool is_full;    /* the bus takes no more now */
	/* All of the monotonic clock. */
	uint64_t now_ms;         /* as read last */
	uint64_t pause_until_ms; /* after a failure */
	uint64_t lease_until_ms; /* the store's leases last at least until then */
	uint64_t renew_at_ms;
	uint64_t share_at_ms;         /* when something may be given back again */
	uint64_t read_at_ms;          /* when the outbox is read again */
	uint64_t done_since_ms;       /* since when something is done and not acknowledged */
	uint64_t progress_ms;         /* when something was confirmed last, or sent while nothing was under way */
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
	window_init(&publisher->window);
	publisher->options.outbox->known = &publisher->window.known;
	pthread_mutex_init(&publisher->lock, NULL);
	*ret_publisher = publisher;
	return OK;
}

void publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	publisher->options.outbox->known = NULL;
	window_release(&publisher->window);
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

/* The same for the bus. A late confirm is no failure; the publisher soon asks again. */
static bool bus_answered(struct publisher *publisher, const struct dependency_call *call, enum bus_result result)
{
	bool is_up = result != BUS_DOWN && !publisher->is_late, is_known = result == BUS_DOWN || (is_up && !publisher->is_refused);
	publisher->counters.is_bus_up = is_up;
	end_call(publisher, DEPENDENCY_BUS, call, !is_known ? DEPENDENCY_UNDECIDED : is_up ? DEPENDENCY_SERVED : DEPENDENCY_FAILED);
	return result != BUS_DOWN;
}

static void give_leases_back(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	struct outbox *outbox = publisher->options.outbox;
	if (publisher->counters.partitions != 0)
		(void)outbox->operations->release(outbox, &publisher->options.owner);
	publisher->counters.partitions = 0;
	publisher->renew_at_ms = 0;
}

/* Takes what is done out of the outbox. False: it is still there, and there is a pause. */
static bool acknowledge(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	struct publish_window *window = &publisher->window;
	if (window->done_count == 0)
		return true;
	struct outbox *outbox = publisher->options.outbox;
	struct dependency_call call;
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	enum store_result result = outbox->operations->acknowledge(outbox, window->done, window->done_count);
	if (!outbox_served(publisher, &call, result))
		return false;
	publisher->counters.acknowledges++;
	window_acknowledged(window);
	return true;
}

static bool acknowledge_many(struct publisher *publisher)
{
	assert(publisher->window.done_count <= OUTBOX_KNOWN_MAX);
	bool is_due = publisher->now_ms >= publisher->done_since_ms + PUBLISHER_SPACING_MS;
	return publisher->window.done_count < DONE_MANY && !is_due ? true : acknowledge(publisher);
}

/* While messages are unconfirmed the publisher keeps their partitions: another owner would send them again. After a long time it sends
 * nothing more until all are confirmed. Before it gives a partition up it acknowledges the confirmed entries, which the next owner would
 * send again. */
static bool keep_lease(struct publisher *publisher)
{
	assert(publisher->options.outbox != NULL);
	struct outbox *outbox = publisher->options.outbox;
	struct dependency_call call;
	uint32_t partitions;
	bool keeps_all = window_under_way(&publisher->window) > 0;
	if (publisher->now_ms < publisher->renew_at_ms && (!publisher->is_sharing || keeps_all))
		return true;
	publisher->is_sharing = keeps_all && publisher->now_ms >= publisher->share_at_ms;
	if (!keeps_all && !acknowledge(publisher))
		return false;
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	read_clock(publisher);
	uint64_t began_ms = publisher->now_ms;
	enum store_result result = outbox->operations->lease(outbox, &publisher->options.owner, LEASE_MS, keeps_all, &partitions);
	if (!outbox_served(publisher, &call, result))
		return false;
	if ((publisher->counters.partitions & ~partitions) != 0) { /* others may send now what this one has read */
		window_forget_unsent(&publisher->window);
		publisher->read_at_ms = 0;
	}
	publisher->counters.partitions = partitions;
	publisher->lease_until_ms = began_ms + LEASE_MS;
	publisher->renew_at_ms = began_ms + LEASE_RENEW_MS;
	if (!keeps_all)
		publisher->share_at_ms = began_ms + SHARE_MS;
	return true;
}

static void tell_publishing(const struct publisher *publisher, const struct outbox_batch *batch)
{
	assert(batch != NULL);
	const struct publisher_options *options = &publisher->options;
	for (uint32_t i = 0; options->publishing != NULL && i < batch->count; i++)
		for (uint32_t j = 0; j < batch->entries[i].count; j++)
			options->publishing(options->context, &batch->entries[i].records[j]);
}

static void tell_published(const struct publisher *publisher, const struct outbox_entry *entry, uint64_t began_ns)
{
	assert(entry != NULL);
	const struct publisher_options *options = &publisher->options;
	if (options->published == NULL)
		return;
	uint64_t ended_ns = clock_monotonic_ns(options->clock);
	for (uint32_t i = 0; i < entry->count; i++)
		options->published(options->context, &entry->records[i], began_ns, ended_ns);
}

/* Marks the entries that the bus has confirmed as done. */
static void settle(struct publisher *publisher, uint64_t confirmed)
{
	assert(confirmed >= publisher->window.confirmed);
	struct publish_window *window = &publisher->window;
	if (confirmed > window->confirmed) {
		publisher->progress_ms = publisher->now_ms;
		publisher->is_refused = publisher->is_late = false;
	}
	publisher->counters.messages = publisher->options.bus->messages;
	if (window->done_count == 0)
		publisher->done_since_ms = publisher->now_ms;
	uint64_t began_ns;
	for (const struct outbox_entry *entry; (entry = window_confirm(window, confirmed, &began_ns)) != NULL;) {
		publisher->counters.published += entry->count;
		tell_published(publisher, entry, began_ns);
	}
}

/* Forgets the unconfirmed entries, to read them again once the bus answers. True: there were some. */
static bool forget(struct publisher *publisher, bool was_sending)
{
	assert(publisher->options.bus != NULL);
	bool is_failure = was_sending || window_under_way(&publisher->window) > 0;
	publisher->counters.failures += is_failure && !publisher->is_late;
	publisher->is_refused |= is_failure;
	publisher->is_late = false;
	window_forget(&publisher->window, publisher->options.bus->confirmed);
	publisher->counters.under_way = 0;
	publisher->renew_at_ms = 0;
	return is_failure;
}

/* Sees what is confirmed. False: the bus is down, and there is a pause. */
static bool collect(struct publisher *publisher, uint64_t wait_ms)
{
	assert(publisher->options.bus != NULL);
	struct bus *bus = publisher->options.bus;
	struct dependency_call call;
	if (!begin_call(publisher, DEPENDENCY_BUS, &call))
		return false;
	enum bus_result result = bus->operations->collect(bus, wait_ms);
	read_clock(publisher);
	settle(publisher, bus->confirmed);
	uint32_t under_way = window_under_way(&publisher->window);
	bool is_late = under_way > 0 && publisher->now_ms >= publisher->progress_ms + PUBLISH_TIMEOUT_MS;
	publisher->counters.failures += is_late && !publisher->is_late;
	publisher->is_late = is_late;
	publisher->counters.under_way = under_way;
	bool was_sending = result == BUS_DOWN && forget(publisher, false);
	bool is_up = bus_answered(publisher, &call, result);
	if (!is_up && !was_sending && (publisher->window.done_count == 0 || acknowledge(publisher)))
		give_leases_back(publisher); /* another publisher may reach the bus */
	return is_up;
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

/* The oldest entries of the partitions that can be read, behind those that are known. False: not now, and there is a pause. */
static bool read_next(struct publisher *publisher)
{
	struct outbox *outbox = publisher->options.outbox;
	struct publish_window *window = &publisher->window;
	bool looks_again = outbox->left_out != 0 && publisher->now_ms >= publisher->unreadable_until_ms;
	if (looks_again)
		outbox->left_out = 0;
	struct outbox_batch batch;
	struct dependency_call call;
	if (!begin_call(publisher, DEPENDENCY_OUTBOX, &call))
		return false;
	enum store_result result = outbox->operations->next(outbox, &publisher->options.owner, EVENTS_MAX, window_arena(window), &batch);
	if (!outbox_served(publisher, &call, result))
		return false;
	note_unreadable(publisher, &batch);
	if (looks_again && batch.unreadable_count == 0)
		publisher->counters.unreadable = 0;
	uint64_t before = window->read;
	tell_publishing(publisher, &batch);
	if (batch.count > 0 && !window_add(window, &batch, clock_monotonic_ns(publisher->options.clock))) {
		publisher->pause_until_ms = publisher->now_ms + MEMORY_PAUSE_MS;
		return false;
	}
	publisher->counters.reads += batch.count > 0;
	/* There may be more behind what is left out from now on. */
	bool is_many = window->read - before >= EVENTS_MANY || batch.count >= ENTRIES_MANY || batch.unreadable_count > 0;
	publisher->read_at_ms = is_many ? 0 : publisher->now_ms + PUBLISHER_SPACING_MS;
	return true;
}

/* Sends the entries that were read. False: the bus is down, and the publisher pauses. */
static bool send(struct publisher *publisher)
{
	struct bus *bus = publisher->options.bus;
	struct publish_window *window = &publisher->window;
	uint32_t count = 0, sent = 0;
	const struct event_record *const *records = window_unsent(window, &count);
	struct dependency_call call;
	publisher->is_full = false;
	if (records == NULL)
		return true;
	if (publisher->now_ms + PUBLISH_TIMEOUT_MS >= publisher->lease_until_ms) { /* the process may have been stopped meanwhile */
		publisher->counters.lost_leases++;
		publisher->renew_at_ms = publisher->read_at_ms = 0;
		window_forget_unsent(window);
		return true;
	}
	if (!begin_call(publisher, DEPENDENCY_BUS, &call))
		return false;
	if (window_under_way(window) == 0)
		publisher->progress_ms = publisher->now_ms;
	enum bus_result result = bus->operations->send(bus, records, count, SEND_MS, &sent);
	window_note_sent(window, sent);
	settle(publisher, bus->confirmed);
	publisher->is_full = result == BUS_PENDING;
	if (result == BUS_DOWN)
		(void)forget(publisher, true);
	publisher->counters.under_way = window_under_way(window);
	return bus_answered(publisher, &call, result);
}

/* Whether something waits to be sent, or to be read now. */
static bool has_more(const struct publisher *publisher)
{
	assert(publisher != NULL);
	uint32_t count;
	if (publisher->is_late || publisher->counters.partitions == 0)
		return false;
	return window_unsent(&publisher->window, &count) != NULL || (publisher->now_ms >= publisher->read_at_ms && !publisher->is_sharing);
}

/* One round. False: not now, and there is a pause. *ret_goes_on: the next is worth while at once. */
static bool publish_next(struct publisher *publisher, uint64_t wait_ms, bool *ret_goes_on)
{
	assert(ret_goes_on != NULL);
	*ret_goes_on = false;
	if (!collect(publisher, wait_ms) || !acknowledge_many(publisher) || !keep_lease(publisher))
		return false;
	struct publish_window *window = &publisher->window;
	uint32_t count;
	if (has_more(publisher)) {
		bool reads = window_unsent(window, &count) == NULL && window_has_room(window);
		if ((reads && !read_next(publisher)) || !send(publisher))
			return false;
	}
	*ret_goes_on = !publisher->is_late && (window_under_way(window) > 0 || (has_more(publisher) && publisher->read_at_ms == 0));
	return true;
}

/* The time that the next round may wait for a confirm, as nothing else can be done before. */
static uint64_t wait_of(const struct publisher *publisher)
{
	assert(publisher->options.bus != NULL);
	const struct publish_window *window = &publisher->window;
	uint32_t count;
	bool has_unsent = window_unsent(window, &count) != NULL;
	bool is_busy = has_unsent ? !publisher->is_full : has_more(publisher) && window_has_room(window);
	return is_busy || window_under_way(window) == 0 ? 0 : CONFIRM_WAIT_MS;
}

/* Milliseconds until there is something to do again. */
static uint64_t next_step(const struct publisher *publisher)
{
	assert(publisher->options.clock != NULL);
	if (publisher->pause_until_ms <= publisher->now_ms)
		return publisher->window.done_count > 0 ? PUBLISHER_SPACING_MS : POLL_MS;
	return publisher->pause_until_ms - publisher->now_ms;
}

uint64_t publisher_step(void *context)
{
	struct publisher *publisher = context;
	assert(publisher != NULL);

	read_clock(publisher);
	uint64_t until_ms = publisher->now_ms + STEP_MS;
	publisher->read_at_ms = 0;
	if (publisher->now_ms < publisher->pause_until_ms)
		return next_step(publisher);
	bool goes_on;
	uint64_t wait_ms = 0;
	do {
		if (!publish_next(publisher, wait_ms, &goes_on))
			return next_step(publisher);
		wait_ms = wait_of(publisher);
	} while (goes_on && publisher->now_ms < until_ms);
	return goes_on ? 0 : next_step(publisher);
}

void publisher_finish(struct publisher *publisher)
{
	assert(publisher != NULL);

	read_clock(publisher);
	uint64_t until_ms = publisher->now_ms + FINISH_MS;
	for (uint32_t i = 0; i < FINISH_ROUNDS && publisher->now_ms < until_ms && publisher->now_ms >= publisher->pause_until_ms; i++) {
		(void)publisher_step(publisher);
		if (window_under_way(&publisher->window) == 0 || publisher->is_late)
			break;
	}
	if (publisher->counters.is_outbox_up && acknowledge(publisher)) /* nobody waits for one that is down */
		give_leases_back(publisher);
}
