/* watch.c: state changes are told once, when they happen. */
#include "runtime/watch.h"

#include <assert.h>
#include <stdio.h>

#define OUTBOX_AGE_DEGRADED_MS 10000

/* Says that a dependency went or came back; the first look tells only of what is not there. */
static void tell(struct watch *watch, const char *name, bool is_up, bool *was_up)
{
	bool is_news = watch->has_looked ? is_up != *was_up : !is_up;
	if (is_news && is_up)
		log_event(watch->logger, LOG_INFO, "dependency is back", log_string("dependency", name));
	else if (is_news)
		log_event(watch->logger, LOG_ERROR, "dependency is down", log_string("dependency", name));
	*was_up = is_up;
}

uint64_t watch_step(void *context)
{
	struct watch *watch = context;
	uint64_t wait_ms = monitor_step(&watch->monitor);
	tell(watch, "store", watch->monitor.is_store_up, &watch->was_store_up);
	if (watch->monitor.catalog != NULL)
		tell(watch, "catalog", watch->monitor.is_catalog_up, &watch->was_catalog_up);
	/* Before its first look the publisher knows nothing. */
	if (watch->publisher != NULL && watch->has_looked)
		tell(watch, "bus", publisher_counters(watch->publisher)->is_bus_up, &watch->was_bus_up);
	else
		watch->was_bus_up = true;
	watch->has_looked = true;
	return wait_ms;
}

void watch_outbox_lag(const struct watch *watch, uint64_t *ret_entries, uint64_t *ret_age_ms)
{
	if (watch->publisher == NULL)
		return;
	const struct publisher_counters *counters = publisher_counters(watch->publisher);
	uint64_t oldest_ms = counters->lag_oldest_ms, now_ms = clock_now_ms(watch->clock);
	*ret_entries = counters->lag_entries;
	*ret_age_ms = oldest_ms == 0 || oldest_ms > now_ms ? 0 : now_ms - oldest_ms;
}

static void add(struct ready_report *report, const char *name, enum ready_state state, double latency_ms, const char *detail)
{
	assert(report->count < READY_DEPENDENCIES_MAX);
	struct ready_dependency *dependency = &report->dependencies[report->count++];
	*dependency = (struct ready_dependency){.name = name, .state = state, .latency_ms = latency_ms};
	if (state != READY_UP)
		snprintf(dependency->detail, sizeof dependency->detail, "%s", detail);
}

void watch_ready(struct watch *watch, struct ready_report *ret_report)
{
	const struct monitor *monitor = &watch->monitor;
	*ret_report = (struct ready_report){.is_stopping = watch->is_stopping};
	add(ret_report, "store", monitor->is_store_up ? READY_UP : READY_DOWN, (double)monitor->store_ns / 1e6,
	    "it does not answer, or cannot be written to");
	if (monitor->catalog != NULL) {
		bool is_current = monitor->is_catalog_up && monitor->is_catalog_current;
		add(ret_report, "catalog", is_current ? READY_UP : READY_DEGRADED, (double)monitor->catalog_ns / 1e6,
		    monitor->is_catalog_up ? "it lags behind the store" : "it does not answer");
	}
	if (watch->publisher == NULL)
		return;
	uint64_t entries = 0, age_ms = 0;
	watch_outbox_lag(watch, &entries, &age_ms);
	bool is_up = publisher_counters(watch->publisher)->is_bus_up;
	add(ret_report, "bus", is_up && age_ms < OUTBOX_AGE_DEGRADED_MS ? READY_UP : READY_DEGRADED, -1,
	    is_up ? "events wait longer than they should" : "it does not confirm; events wait in the outbox");
}
