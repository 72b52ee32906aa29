/* monitor.c: pings the store and the catalog, brings changes to the catalog, and looks at the outbox. */
#include "app/monitor.h"

#include <assert.h>
#include <stdlib.h>

#define CATALOG_PING_NS UINT64_C(2000000000)
#define SYNC_NS UINT64_C(2000000000) /* of bringing changes to the catalog; the rest is left for the next step */
#define OUTBOX_NS UINT64_C(2000000000)
#define OUTBOX_SHARE 20                          /* looks at the outbox take at most this part of the time … */
#define OUTBOX_PAUSE_MAX_NS UINT64_C(5000000000) /* … but what is known of it is never older, so that readiness recovers with the store */

/* The store looked at its clock about halfway between the question and its answer, at latest half of the time between them off. */
static void compare_clocks(struct monitor *monitor, uint64_t asked_ms)
{
	assert(monitor->clock != NULL);
	uint64_t took_ms = monitor->store_ns / 1000000;
	int64_t skew_ms = (int64_t)(asked_ms + took_ms / 2) - (int64_t)monitor->ping.store_now_ms;
	monitor->clock_skew_ms = skew_ms;
	monitor->is_clock_skewed = (uint64_t)llabs(skew_ms) > MONITOR_SKEW_MAX_MS + took_ms / 2;
	monitor->has_store_clock = true;
	if (monitor->store_clock != NULL)
		store_clock_correct(monitor->store_clock, skew_ms, took_ms / 2 + 1);
}

/* Answers the result. */
static enum store_result ask_store(struct monitor *monitor)
{
	assert(monitor->reader != NULL);
	uint64_t asked_ms = clock_now_ms(monitor->clock);
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	enum store_result result = monitor->reader->operations->ping(monitor->reader, &monitor->ping);
	monitor->store_ns = clock_monotonic_ns(monitor->clock) - began_ns;
	if (monitor->ping.store_now_ms != 0)
		compare_clocks(monitor, asked_ms);
	return result;
}

static bool store_answers(struct monitor *monitor)
{
	assert(monitor->clock != NULL);
	if (monitor->service != NULL)
		service_store_asked(monitor->service);
	bool knew_clock = monitor->has_store_clock;
	enum store_result result = ask_store(monitor);
	if (!knew_clock && monitor->has_store_clock && result == STORE_OK)
		result = ask_store(monitor); /* the session was made meanwhile, at the cost of exactness: this time it is there */
	bool is_up = result == STORE_OK;     /* one that stays busy with others serves nobody here */
	if (monitor->service != NULL)
		service_store_found(monitor->service, is_up, !is_up && monitor->ping.is_silent);
	return is_up;
}

static bool catalog_answers(struct monitor *monitor)
{
	assert(monitor->catalog != NULL);
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	if (monitor->service != NULL)
		service_catalog_asked(monitor->service);
	monitor->catalog->deadline_ns = began_ns + CATALOG_PING_NS;
	enum catalog_result result = monitor->catalog->operations->ping(monitor->catalog);
	monitor->catalog_ns = clock_monotonic_ns(monitor->clock) - began_ns;
	if (monitor->service != NULL)
		service_catalog_found(monitor->service, result == CATALOG_OK,
		                      result != CATALOG_OK && monitor->catalog_ns >= CATALOG_PING_NS);
	return result == CATALOG_OK;
}

/* A page of what has changed; with more of it the next step comes at once. Whether the catalog has all of it. */
static bool bring_catalog(struct monitor *monitor)
{
	assert(monitor->catalog != NULL);
	uint64_t now_ns = clock_monotonic_ns(monitor->clock);
	monitor->sync.reader = monitor->reader;
	monitor->sync.catalog = monitor->catalog;
	monitor->reader->deadline_ns = now_ns + SYNC_NS;
	monitor->catalog->deadline_ns = now_ns + SYNC_NS;
	bool is_done = catalog_sync_changes(&monitor->sync, now_ns) == OK;
	monitor->unplaced_count = monitor->sync.refused_count;
	return is_done && !monitor->sync.has_more && monitor->sync.refused_count == 0;
}

/* Every process does, so that it is known how much waits also where no publisher lives. */
static void look_at_outbox(struct monitor *monitor)
{
	assert(monitor->reader != NULL);
	struct outbox_status status;
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	if (began_ns < monitor->outbox_at_ns)
		return;
	uint64_t seen_ms = clock_now_ms(monitor->clock);
	monitor->reader->deadline_ns = began_ns + OUTBOX_NS;
	enum store_result result = monitor->reader->operations->look_at_outbox(monitor->reader, &status);
	monitor->reader->deadline_ns = 0;
	uint64_t pause_ns = (clock_monotonic_ns(monitor->clock) - began_ns) * OUTBOX_SHARE;
	if (pause_ns > OUTBOX_PAUSE_MAX_NS)
		pause_ns = OUTBOX_PAUSE_MAX_NS;
	/* Steps are a little further apart than their interval. */
	uint64_t least_ns = UINT64_C(1000000) * (MONITOR_OUTBOX_MS - MONITOR_INTERVAL_MS / 2);
	monitor->outbox_at_ns = began_ns + (pause_ns > least_ns ? pause_ns : least_ns);
	if (result != STORE_OK)
		return;
	monitor->outbox_entries = status.entries;
	monitor->outbox_oldest_ms = status.oldest_ms;
	monitor->outbox_seen_ms = seen_ms;
	monitor->publishers = status.publishers;
	monitor->outbox_known_until_ns = monitor->outbox_at_ns + UINT64_C(1000000) * MONITOR_OUTBOX_KNOWN_MS;
}

uint64_t monitor_outbox_age_ms(const struct monitor *monitor)
{
	assert(monitor != NULL && monitor->clock != NULL);
	uint64_t oldest_ms = monitor->outbox_oldest_ms, seen_ms = monitor->outbox_seen_ms, now_ms = clock_now_ms(monitor->clock);
	bool is_fresh = now_ms < seen_ms + MONITOR_OUTBOX_FRESH_MS;
	uint64_t at_ms = is_fresh ? seen_ms : now_ms;
	return oldest_ms == 0 || oldest_ms > at_ms ? 0 : at_ms - oldest_ms;
}

uint64_t monitor_step(void *context)
{
	struct monitor *monitor = context;
	assert(monitor != NULL && monitor->clock != NULL);
	assert(monitor->reader != NULL);

	monitor->is_store_up = store_answers(monitor);
	if (monitor->is_stopping)
		return MONITOR_INTERVAL_MS;
	if (monitor->is_store_up)
		look_at_outbox(monitor);
	monitor->is_catalog_up = monitor->catalog != NULL && catalog_answers(monitor);
	/* While the store is down nothing changes that the catalog could lag behind. */
	if (monitor->is_store_up || !monitor->is_catalog_up)
		monitor->is_catalog_current = monitor->is_catalog_up && bring_catalog(monitor);
	if (!monitor->is_store_up || (monitor->catalog != NULL && !monitor->is_catalog_up))
		return MONITOR_DOWN_MS;
	return monitor->sync.has_more ? 0 : MONITOR_INTERVAL_MS;
}
