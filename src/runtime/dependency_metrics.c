/* dependency_metrics.c: two gauges that are asked for, and a histogram that the calls feed. */
#include "runtime/dependency_metrics.h"

#include "base/now.h"

static const uint64_t duration_us[] = {250,    500,    1000,   2500,    5000,    10000,   25000,    50000,
                                       100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};
static const char *const states[] = {[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half-open"};

/* Absent: this process does not use it. */
static int64_t read_up(void *context, uint32_t series)
{
	struct dependencies *dependencies = context;
	struct dependency_status status;
	dependency_status(&dependencies->of[series], monotonic_now_ns(), &status);
	return status.is_used ? status.is_up : METRIC_ABSENT;
}

static int64_t read_state(void *context, uint32_t series)
{
	struct dependencies *dependencies = context;
	struct dependency_status status;
	dependency_status(&dependencies->of[series / ARRAY_LENGTH(states)], monotonic_now_ns(), &status);
	return status.is_used ? status.state == series % ARRAY_LENGTH(states) : METRIC_ABSENT;
}

enum error dependency_metrics_declare(struct metrics *metrics, struct dependencies *dependencies)
{
	const struct metric_label dependency = {"dependency", dependency_names, DEPENDENCY_COUNT};
	const struct metric_options up = {.name = "tro_dependency_up",
	                                  .help = "Whether a system outside serves, as this process last found.",
	                                  .labels = {dependency},
	                                  .read = read_up,
	                                  .context = dependencies};
	const struct metric_options state = {.name = "tro_dependency_state",
	                                     .help = "1 for the state of the circuit breaker before a system outside.",
	                                     .labels = {dependency, {"state", states, ARRAY_LENGTH(states)}},
	                                     .read = read_state,
	                                     .context = dependencies};
	const struct metric_options duration = {.name = "tro_dependency_call_duration_seconds",
	                                        .help = "Duration of calls to a system outside.",
	                                        .scale = 1e-6,
	                                        .labels = {dependency},
	                                        .buckets = duration_us,
	                                        .bucket_count = ARRAY_LENGTH(duration_us)};
	struct metric *metric;
	enum error error = metrics_gauge(metrics, &up, &metric);
	if (error == OK)
		error = metrics_gauge(metrics, &state, &metric);
	if (error == OK)
		error = metrics_histogram(metrics, &duration, &metric);
	for (uint32_t i = 0; error == OK && i < DEPENDENCY_COUNT; i++)
		dependency_measure(&dependencies->of[i], metric, metric_series(metric, i, 0, 0));
	return error;
}
