/* watch.c: logs each change of state once, when it happens, and logs less and less often that it still waits for what is down. */
#include "app/watch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OUTBOX_AGE_DEGRADED_MS 10000
#define UNPLACED_PAUSE_NS 60000000000
#define INCONSISTENT_WORD_NS 60000000000   /* between two words of it */
#define INCONSISTENT_SHOWN_NS 300000000000 /* so long after the last one readiness tells */
#define UNREADABLE_PAUSE_NS 60000000000
#define WORD_PAUSE_MIN_NS 10000000000
#define WORD_PAUSE_MAX_NS 60000000000

static const char catalog_reason[] = "no answer";
static const char call_problem[] = "calls fail or are not answered in time"; /* of one that answers pings */
static const char bus_reason[] = "the broker does not confirm";

static void tell_up(struct watch *watch, const char *name, struct watched *watched, uint64_t now_ns)
{
	assert(name != NULL && watched != NULL);
	if (watched->is_down)
		log_event(watch->logger, LOG_INFO, "dependency is back", log_string("dependency", name),
		          log_uint("after_ms", (now_ns - watched->since_ns) / 1000000));
	*watched = (struct watched){0};
}

static void tell_down(struct watch *watch, const char *name, const char *reason, struct watched *watched, uint64_t now_ns)
{
	assert(name != NULL && reason != NULL);
	if (!watched->is_down || strcmp(reason, watched->reason) != 0) {
		log_event(watch->logger, LOG_ERROR, "dependency is down", log_string("dependency", name), log_string("reason", reason));
		if (!watched->is_down)
			watched->since_ns = now_ns;
		watched->is_down = true;
		(void)snprintf(watched->reason, sizeof watched->reason, "%s", reason);
		watched->pause_ns = WORD_PAUSE_MIN_NS;
	} else if (now_ns >= watched->next_word_ns) {
		log_event(watch->logger, LOG_WARN, "waiting for a dependency", log_string("dependency", name), log_string("reason", reason),
		          log_uint("since_ms", (now_ns - watched->since_ns) / 1000000));
		watched->pause_ns = watched->pause_ns * 2 < WORD_PAUSE_MAX_NS ? watched->pause_ns * 2 : WORD_PAUSE_MAX_NS;
	} else {
		return;
	}
	watched->next_word_ns = now_ns + watched->pause_ns;
}

/* A dependency that answers pings, but whose calls fail, is down for its callers. */
static void tell_dependency(struct watch *watch, enum dependency_id id)
{
	assert(id < DEPENDENCY_COUNT);
	struct dependency_status status;
	uint64_t now_ns = clock_monotonic_ns(watch->clock);
	dependency_status(&watch->dependencies->of[id], now_ns, &status);
	if (status.is_used && status.is_up && status.state != BREAKER_OPEN)
		tell_up(watch, dependency_names[id], &watch->watched[id], now_ns);
	else if (status.is_used)
		tell_down(watch, dependency_names[id], status.problem[0] == '\0' ? call_problem : status.problem, &watch->watched[id],
		          now_ns);
}

/* While the store is known to be down its callers are refused, which is no news. The fetcher of token keys logs its own state. */
static void tell_dependencies(struct watch *watch)
{
	for (enum dependency_id id = 0; id < DEPENDENCY_COUNT; id++) {
		bool is_of_store = id == DEPENDENCY_READS || id == DEPENDENCY_OUTBOX;
		if (id != DEPENDENCY_TOKEN_KEYS && (!is_of_store || watch->monitor.is_store_up))
			tell_dependency(watch, id);
	}
}

static void note(struct watch *watch, enum dependency_id id, bool is_up, const char *problem)
{
	dependency_tell(&watch->dependencies->of[id], is_up, problem);
}

/* Clocks that differ stop nothing: that is said once. */
static void tell_skew(struct watch *watch)
{
	assert(watch != NULL);
	bool is_skewed = watch->monitor.is_clock_skewed;
	if (is_skewed && !watch->was_skewed)
		log_event(watch->logger, LOG_WARN, "the clock differs from the store's",
		          log_double("skew_s", (double)watch->monitor.clock_skew_ms / 1e3));
	watch->was_skewed = is_skewed;
}

/* Only an operator can do something about an event that contradicts itself. */
static void tell_unplaced(struct watch *watch)
{
	assert(watch != NULL);
	uint64_t now_ns = clock_monotonic_ns(watch->clock);
	uint32_t count = watch->monitor.unplaced_count;
	if (count == 0 || now_ns < watch->next_unplaced_ns)
		return;
	watch->next_unplaced_ns = now_ns + UNPLACED_PAUSE_NS;
	log_event(watch->logger, LOG_ERROR, "events cannot be brought to the catalog", log_uint("count", count),
	          log_uuid("last_event_id", &watch->monitor.sync.last_refused), log_string("reason", error_title(ERR_CORRUPT)));
}

static const char *catalog_problem(const char *problem)
{
	assert(problem != NULL);
	return problem[0] == '\0' ? catalog_reason : problem;
}

static const char *bus_problem(const struct bus_status *status)
{
	assert(status != NULL);
	return status->problem[0] == '\0' ? bus_reason : status->problem;
}

/* Events that no queue was bound to are the operator's to know of: they are published, and gone. */
static void tell_unroutable(struct watch *watch, const struct bus_status *status)
{
	assert(status != NULL);
	char id[UUID_TEXT_LENGTH + 1];
	uint64_t count = status->unroutable - watch->unroutable;
	if (count == 0)
		return;
	watch->unroutable = status->unroutable;
	uuid_format(&status->unroutable_id, id);
	log_event(watch->logger, LOG_WARN, "published events went to no queue", log_uint("count", count), log_string("last_event_id", id),
	          log_string("last_type", event_type_name(status->unroutable_type)));
}

/* Only an operator can mend what is stored: that row's partition stands still until then. */
static void tell_unreadable(struct watch *watch)
{
	struct outbox_key key;
	uint64_t now_ns = clock_monotonic_ns(watch->clock);
	uint32_t partitions = publisher_counters(watch->publisher)->unreadable;
	if (partitions == 0 && watch->next_unreadable_ns != 0)
		log_event(watch->logger, LOG_INFO, "outbox rows can be read again");
	if (partitions == 0)
		watch->next_unreadable_ns = 0;
	if (partitions == 0 || now_ns < watch->next_unreadable_ns || !publisher_unreadable(watch->publisher, &key))
		return;
	watch->next_unreadable_ns = now_ns + UNREADABLE_PAUSE_NS;
	log_event(watch->logger, LOG_ERROR, "an outbox row names an event that cannot be read", log_uint("partition", key.partition),
	          log_uuid("row", &key.id), log_uint("partitions", (uint64_t)__builtin_popcount(partitions)));
}

/* Before the first look the publisher knows nothing. */
static void look_at_bus(struct watch *watch)
{
	assert(watch->publisher == NULL || watch->bus_status != NULL);
	struct bus_status status;
	if (watch->publisher == NULL || !watch->has_looked)
		return;
	watch->bus_status(watch->bus_context, &status);
	note(watch, DEPENDENCY_BUS, publisher_counters(watch->publisher)->is_bus_up, bus_problem(&status));
	tell_unroutable(watch, &status);
	tell_unreadable(watch);
}

/* Limits and keys in use then count in each process alone, which stops nothing. */
static void look_at_admission(struct watch *watch)
{
	assert(watch != NULL);
	if (watch->is_admission_per_process && !watch->has_looked)
		log_event(watch->logger, LOG_INFO, "rate limits and idempotency keys in use count per process: REDIS_ADDR is not set");
}

/* Stored data that contradicts itself is an operator's to mend; the commands that met it were answered with 500. */
static void look_for_inconsistency(struct watch *watch)
{
	assert(watch != NULL);
	if (watch->service == NULL)
		return;
	struct service_status status;
	service_status(watch->service, &status);
	uint64_t now_ns = clock_monotonic_ns(watch->clock);
	if (status.inconsistent == watch->inconsistent)
		return;
	watch->degraded_until_ns = now_ns + INCONSISTENT_SHOWN_NS;
	if (watch->inconsistent_since_ns != 0 && now_ns < watch->inconsistent_since_ns + INCONSISTENT_WORD_NS)
		return;
	char stream[UUID_TEXT_LENGTH + 1];
	uuid_format(&status.inconsistency.stream_id, stream);
	log_event(watch->logger, LOG_ERROR, "stored data is inconsistent", log_string("stream", stream),
	          log_string("row", status.inconsistency.row), log_uint("commands", status.inconsistent - watch->inconsistent));
	watch->inconsistent = status.inconsistent;
	watch->inconsistent_since_ns = now_ns;
}

uint64_t watch_step(void *context)
{
	assert(context != NULL);
	struct watch *watch = context;
	uint64_t wait_ms = monitor_step(&watch->monitor);
	if (watch->monitor.is_stopping) /* a dependency that was not checked is not down */
		return wait_ms;
	note(watch, DEPENDENCY_STORE, watch->monitor.is_store_up, watch->monitor.ping.problem);
	if (watch->monitor.catalog != NULL)
		note(watch, DEPENDENCY_CATALOG, watch->monitor.is_catalog_up, catalog_problem(watch->monitor.catalog->problem));
	tell_unplaced(watch);
	look_at_bus(watch);
	look_at_admission(watch);
	tell_dependencies(watch);
	tell_skew(watch);
	look_for_inconsistency(watch);
	watch->has_looked = true;
	return wait_ms;
}

struct watched_outbox watch_outbox(const struct watch *watch)
{
	assert(watch != NULL);
	const struct monitor *monitor = &watch->monitor;
	return (struct watched_outbox){
		.is_known = clock_monotonic_ns(watch->clock) < monitor->outbox_known_until_ns,
		.entries = monitor->outbox_entries,
		.age_ms = monitor_outbox_age_ms(monitor),
		.publishers = monitor->publishers,
	};
}

static struct ready_dependency *add(struct ready_report *report, const char *name, enum ready_state state, double latency_ms)
{
	assert(report->count < READY_DEPENDENCIES_MAX);
	struct ready_dependency *dependency = &report->dependencies[report->count++];
	*dependency = (struct ready_dependency){.name = name, .state = state, .latency_ms = latency_ms};
	return dependency;
}

static const char *const circuits[] = {[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half-open"};

/* A row of a dependency that is called through a breaker. *ret_status: its status. */
static struct ready_dependency *add_guarded(struct watch *watch, struct ready_report *report, enum dependency_id id, enum ready_state state,
                                            double latency_ms, struct dependency_status *ret_status)
{
	struct ready_dependency *dependency = add(report, dependency_names[id], state, latency_ms);
	dependency_status(&watch->dependencies->of[id], clock_monotonic_ns(watch->clock), ret_status);
	dependency->circuit = circuits[ret_status->state];
	return dependency;
}

static void explain(struct ready_dependency *dependency, const char *detail)
{
	assert(dependency != NULL && detail != NULL);
	if (dependency->state != READY_UP)
		(void)snprintf(dependency->detail, sizeof dependency->detail, "%s", detail);
}

static void add_store(struct watch *watch, struct ready_report *report)
{
	assert(report->count == 0);
	const struct monitor *monitor = &watch->monitor;
	struct dependency_status status;
	struct ready_dependency *store = add_guarded(watch, report, DEPENDENCY_STORE, monitor->is_store_up ? READY_UP : READY_DOWN,
	                                             (double)monitor->store_ns / 1e6, &status);
	explain(store, status.problem[0] == '\0' ? "no answer yet: its time is not known" : status.problem);
	if (!monitor->has_store_clock)
		return;
	struct ready_dependency *clock = add(report, "clock", monitor->is_clock_skewed ? READY_DEGRADED : READY_UP, -1);
	if (clock->state != READY_UP)
		(void)snprintf(clock->detail, sizeof clock->detail, "the clock is %+.3f s from the store's",
		               (double)monitor->clock_skew_ms / 1e3);
}

static void add_catalog(struct watch *watch, struct ready_report *report)
{
	assert(watch->monitor.catalog != NULL);
	const struct monitor *monitor = &watch->monitor;
	bool is_current = monitor->is_catalog_up && (monitor->is_catalog_current || !monitor->is_store_up);
	struct dependency_status status;
	struct ready_dependency *catalog = add_guarded(watch, report, DEPENDENCY_CATALOG, is_current ? READY_UP : READY_DEGRADED,
	                                               (double)monitor->catalog_ns / 1e6, &status);
	explain(catalog, !monitor->is_catalog_up       ? catalog_problem(status.problem)
	                 : monitor->unplaced_count > 0 ? "some events contradict themselves in the store: the log names them"
	                                               : "the catalog lags behind the store");
}

/* "per-process": each process counts alone, because nothing is set that counts for all, or because that does not serve. */
static void add_admission(struct watch *watch, struct ready_report *report)
{
	assert(report != NULL);
	struct admission_ping ping;
	if (watch->is_admission_per_process) {
		struct ready_dependency *admission = add(report, "admission", READY_UP, -1);
		(void)snprintf(admission->detail, sizeof admission->detail, "per-process");
	}
	if (watch->admission_monitor == NULL)
		return;
	admission_monitor_read(watch->admission_monitor, &ping);
	bool is_up = ping.is_serving && ping.problem[0] == '\0';
	struct dependency_status status;
	struct ready_dependency *admission = add_guarded(watch, report, DEPENDENCY_ADMISSION, READY_UP, -1, &status);
	if (is_up && status.state == BREAKER_CLOSED)
		return;
	admission->state = READY_DEGRADED;
	(void)snprintf(admission->detail, sizeof admission->detail, "per-process%s: %.*s",
	               ping.is_serving && status.state == BREAKER_CLOSED ? " in part" : "", READY_DETAIL_MAX - 32,
	               is_up ? call_problem : ping.problem);
}

static void add_bus(struct watch *watch, struct ready_report *report)
{
	struct bus_status status;
	struct dependency_status found;
	const struct publisher_counters *counters = publisher_counters(watch->publisher);
	watch->bus_status(watch->bus_context, &status);
	bool is_late = watch_outbox(watch).age_ms >= OUTBOX_AGE_DEGRADED_MS;
	bool is_well = counters->is_bus_up && !is_late && counters->unreadable == 0;
	explain(add_guarded(watch, report, DEPENDENCY_BUS, is_well ? READY_UP : READY_DEGRADED, -1, &found),
	        !counters->is_bus_up       ? bus_problem(&status)
	        : counters->unreadable > 0 ? "an outbox row names an event that cannot be read: the log has its id"
	                                   : "events wait longer than they should");
}

void watch_ready(struct watch *watch, struct ready_report *ret_report)
{
	assert(watch != NULL && ret_report != NULL);
	const struct monitor *monitor = &watch->monitor;
	*ret_report = (struct ready_report){.is_stopping = watch->is_stopping};
	add_store(watch, ret_report);
	if (clock_monotonic_ns(watch->clock) < watch->degraded_until_ns)
		explain(add(ret_report, "data", READY_DEGRADED, -1), "stored data is inconsistent: the log names the stream");
	if (monitor->catalog != NULL)
		add_catalog(watch, ret_report);
	add_admission(watch, ret_report);
	if (watch->publisher == NULL)
		return;
	add_bus(watch, ret_report);
}
