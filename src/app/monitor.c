/* monitor.c: two pings and a comparison. */
#include "app/monitor.h"

#include <assert.h>

#include "app/catalog_sync.h"

/* Comparisons take at most this share of the time: with very many events they are further apart. */
#define COMPARISON_SHARE 10

static bool store_answers(struct monitor *monitor)
{
	uint64_t store_now_ms;
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	enum store_result result = monitor->reader->operations->ping(monitor->reader, &store_now_ms);
	monitor->store_ns = clock_monotonic_ns(monitor->clock) - began_ns;
	return result == STORE_OK; /* one that stays busy with others serves nobody here */
}

static bool catalog_answers(struct monitor *monitor)
{
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	enum catalog_result result = monitor->catalog->operations->ping(monitor->catalog);
	monitor->catalog_ns = clock_monotonic_ns(monitor->clock) - began_ns;
	return result == CATALOG_OK;
}

uint64_t monitor_step(void *context)
{
	struct monitor *monitor = context;
	assert(monitor != NULL && monitor->clock != NULL);
	assert(monitor->reader != NULL);

	monitor->is_store_up = store_answers(monitor);
	monitor->is_catalog_up = monitor->catalog != NULL && catalog_answers(monitor);
	bool both = monitor->is_store_up && monitor->is_catalog_up;
	uint64_t began_ns = clock_monotonic_ns(monitor->clock);
	monitor->is_catalog_current = both && catalog_sync_all(monitor->reader, monitor->catalog) == OK;
	uint64_t pause_ms = (clock_monotonic_ns(monitor->clock) - began_ns) / 1000000 * COMPARISON_SHARE;
	return pause_ms > MONITOR_INTERVAL_MS ? pause_ms : MONITOR_INTERVAL_MS;
}
