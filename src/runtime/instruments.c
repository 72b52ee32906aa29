/* instruments.c: declares the families and turns what happens into numbers. */
#include "runtime/instruments.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "http/api.h"
#include "http/routes.h"
#include "obs/metrics.h"
#include "runtime/dependency_metrics.h"
#include "runtime/process_metrics.h"

#define ROUTES_MAX 64

static const char *const statuses[] = {"other", "200", "201", "202", "204", "304", "400", "401", "403", "404", "405",
                                       "408",   "409", "410", "413", "414", "415", "422", "429", "431", "500", "503"};
/* The first stands for all others. */
static const char *const methods[] = {"other", "GET", "HEAD", "POST", "DELETE", "OPTIONS"};
static const char *const versions[] = {TRO_VERSION};
static const char *const lanes[] = {"commit", "read", "catalog"};
static const char *const stages[STAGE_COUNT] = {"admission", "commit", "read", "catalog"};
static const char *const map_sources[] = {"memory", "store"};
static const char *const scopes[] = {"shared", "process"};
static const char *const command_kinds[COMMAND_KIND_COUNT] = {
	[COMMAND_SALE_CREATE] = "event_create",
	[COMMAND_SALE_PAUSE] = "event_pause",
	[COMMAND_SALE_RESUME] = "event_resume",
	[COMMAND_SALE_CANCEL] = "event_cancel",
	[COMMAND_HOLD_CREATE] = "hold_create",
	[COMMAND_HOLD_RELEASE] = "hold_release",
	[COMMAND_HOLD_EXPIRE] = "hold_expire",
	[COMMAND_ORDER_CREATE] = "order_create",
	[COMMAND_ORDER_CANCEL] = "order_cancel",
	[COMMAND_ORDER_EXPIRE] = "order_expire",
	[COMMAND_PAYMENT] = "payment",
	[COMMAND_REFUND_DONE] = "refund_done",
	[COMMAND_HOLD_CALL_OFF] = "hold_call_off",
	[COMMAND_ORDER_CALL_OFF] = "order_call_off",
	[COMMAND_SALE_SETTLE] = "event_settle",
};
static_assert(COMMAND_SALE_SETTLE + 1 == COMMAND_KIND_COUNT, "every kind has a name above");
/* What became of a hold or an order that was asked for; the reason of the last two is the error's slug. */
enum verdict {
	VERDICT_OK,
	VERDICT_REPLAYED,
	VERDICT_REFUSED, /* by a rule: 4xx */
	VERDICT_FAILED,  /* for the server's sake: 5xx */
	VERDICT_COUNT,
};
static const char *const verdicts[VERDICT_COUNT] = {"ok", "replayed", "refused", "failed"};
/* "ok", "replayed", and the slugs of the error table. */
#define OUTCOME_OK 0
#define OUTCOME_REPLAYED 1
#define OUTCOME_ERRORS 1 /* plus the number of the error, which begins at 1 */

static const uint64_t latency_us[] = {250,    500,    1000,   2500,    5000,    10000,   25000,    50000,
                                      100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};
static const uint64_t lateness_ms[] = {10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000};
static const uint64_t lag_ms_bounds[] = {5, 10, 25, 50, 75, 100, 150, 250, 500, 1000, 2500};
static const uint64_t batch_sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

struct instruments {
	struct metrics *metrics;
	struct metric *requests;
	struct metric *request_duration;
	struct metric *commands;
	struct metric *holds;
	struct metric *orders;
	struct metric *expiry_lateness;
	struct metric *stage_duration;
	struct metric *commit_duration;
	struct metric *commit_commands;
	struct metric *map_lag;
	struct instruments_sources sources;
	struct process_metrics process;
	struct clock *clock;
	uint64_t started_ms;
	const char *routes[ROUTES_MAX]; /* distinct paths of api_routes; the first stands for none */
	uint32_t route_count;
	const char *outcomes[OUTCOME_ERRORS + ERROR_COUNT];
	const char *reasons[ERROR_COUNT]; /* by the error; OK is "none" */
	uint16_t status_series[600];
};

static int64_t read_build(void *context, uint32_t series)
{
	(void)context, (void)series;
	return 1;
}

static int64_t read_start(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)((struct instruments *)context)->started_ms;
}

static int64_t read_memory(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_memory(&((struct instruments *)context)->process);
}

static int64_t read_threads(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_threads(&((struct instruments *)context)->process);
}

static int64_t read_cpu(void *context, uint32_t series)
{
	(void)context, (void)series;
	return process_metrics_cpu_us();
}

static int64_t read_descriptors(void *context, uint32_t series)
{
	(void)series;
	return process_metrics_descriptors(&((struct instruments *)context)->process);
}

static int64_t read_descriptors_max(void *context, uint32_t series)
{
	(void)context, (void)series;
	return process_metrics_descriptors_max();
}

static int64_t read_dropped_lines(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->logger == NULL ? 0 : (int64_t)logger_dropped(sources->logger);
}

static int64_t read_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : http_server_connections(instruments->sources.server);
}

static int64_t read_refused_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : (int64_t)http_server_refused_connections(instruments->sources.server);
}

static int64_t read_evicted_connections(void *context, uint32_t series)
{
	(void)series;
	const struct instruments *instruments = context;
	return instruments->sources.server == NULL ? 0 : (int64_t)http_server_evicted_connections(instruments->sources.server);
}

static struct service_status status_of(const struct instruments *instruments)
{
	struct service_status status = {0};
	if (instruments->sources.service != NULL)
		service_status(instruments->sources.service, &status);
	return status;
}

static int64_t read_depth(void *context, uint32_t series)
{
	struct service_status status = status_of(context);
	const uint32_t depths[] = {status.commit_waiting, status.read_waiting, status.catalog_waiting};
	return depths[series];
}

static int64_t read_admitted(void *context, uint32_t series)
{
	struct service_status status = status_of(context);
	return (int64_t)(series == 0 ? status.admitted_shared : status.admitted_alone);
}

#define READ_STATUS(field) \
	static int64_t read_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		return (int64_t)status_of(context).field; \
	}
READ_STATUS(batches)
READ_STATUS(events)
READ_STATUS(stale)
READ_STATUS(conflicts)
READ_STATUS(inconsistent)
READ_STATUS(retries)
READ_STATUS(failures)

static struct seat_maps_status maps_of(const struct instruments *instruments)
{
	struct seat_maps_status status = {0};
	if (instruments->sources.maps != NULL)
		seat_maps_status(instruments->sources.maps, &status);
	return status;
}

static int64_t read_maps(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context).maps;
}

static int64_t read_map_bytes(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context).bytes;
}

static int64_t read_map_answers(void *context, uint32_t series)
{
	struct seat_maps_status status = maps_of(context);
	return (int64_t)(series == 0 ? status.from_memory : status.from_store);
}

static int64_t read_map_loads(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context).loads;
}

static int64_t read_map_failures(void *context, uint32_t series)
{
	(void)series;
	return (int64_t)maps_of(context).failed_polls;
}

static int64_t read_published(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->published == NULL ? 0 : (int64_t)sources->published(sources->context);
}

static int64_t read_unroutable(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->unroutable == NULL ? 0 : (int64_t)sources->unroutable(sources->context);
}

static int64_t read_unreadable(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->unreadable == NULL ? 0 : (int64_t)sources->unreadable(sources->context);
}

static int64_t read_expired(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->expired == NULL ? 0 : (int64_t)sources->expired(sources->context);
}

static int64_t read_clock_skew(void *context, uint32_t series)
{
	(void)series;
	const struct instruments_sources *sources = &((struct instruments *)context)->sources;
	return sources->clock_skew_ms == NULL ? 0 : sources->clock_skew_ms(sources->context);
}

#define READ_OUTBOX(field) \
	static int64_t read_outbox_##field(void *context, uint32_t series) \
	{ \
		(void)series; \
		const struct instruments_sources *sources = &((struct instruments *)context)->sources; \
		struct instruments_outbox outbox = {0}; \
		if (sources->outbox != NULL) \
			sources->outbox(sources->context, &outbox); \
		return (int64_t)outbox.field; \
	}
READ_OUTBOX(entries)
READ_OUTBOX(age_ms)
READ_OUTBOX(publishers)

/* What is read when somebody asks. */
static const struct {
	bool is_counter;
	struct metric_options options;
} read_families[] = {
	{false,
         {.name = "tro_build_info",
          .help = "Always 1; the label tells the version.",
          .labels = {{"version", versions, 1}},
          .read = read_build}},
	{false,
         {.name = "process_start_time_seconds",
          .help = "When the process started, in seconds since 1970.",
          .scale = 1e-3,
          .read = read_start}},
	{false, {.name = "process_resident_memory_bytes", .help = "Memory of the process.", .read = read_memory}},
	{true, {.name = "process_cpu_seconds_total", .help = "Processor time that the process has used.", .scale = 1e-6, .read = read_cpu}},
	{false, {.name = "process_threads", .help = "Threads of the process.", .read = read_threads}},
	{false, {.name = "process_open_fds", .help = "File descriptors that are open.", .read = read_descriptors}},
	{false, {.name = "process_max_fds", .help = "File descriptors that may be open.", .read = read_descriptors_max}},
	{true,
         {.name = "tro_log_lines_dropped_total",
          .help = "Log lines that were dropped because nobody read them.",
          .read = read_dropped_lines}},
	{false, {.name = "tro_http_connections", .help = "Open client connections.", .read = read_connections}},
	{true,
         {.name = "tro_http_connections_refused_total",
          .help = "Connections closed at once, because their address had as many as it may have.",
          .read = read_refused_connections}},
	{true,
         {.name = "tro_http_connections_evicted_total",
          .help = "Connections closed to make room for others.",
          .read = read_evicted_connections}},
	{false,
         {.name = "tro_queue_depth",
          .help = "Jobs waiting for a lane.",
          .labels = {{"lane", lanes, ARRAY_LENGTH(lanes)}},
          .read = read_depth}},
	{true,
         {.name = "tro_admission_judged_total",
          .help = "Requests judged for all processes together, or by what this process alone has seen.",
          .labels = {{"scope", scopes, ARRAY_LENGTH(scopes)}},
          .read = read_admitted}},
	{true, {.name = "tro_commit_batches_total", .help = "Batches that were served.", .read = read_batches}},
	{true, {.name = "tro_commit_events_total", .help = "Domain events that were committed.", .read = read_events}},
	{true, {.name = "tro_commit_stale_total", .help = "Batches decided again because a version had moved.", .read = read_stale}},
	{true,
         {.name = "tro_commit_retries_total", .help = "Batches tried again after a conflict or an unknown outcome.", .read = read_retries}},
	{true,
         {.name = "tro_commit_conflicts_total",
          .help = "Commits repeated as they were, because another transaction was in the way.",
          .read = read_conflicts}},
	{true,
         {.name = "tro_inconsistent_total",
          .help = "Commands answered with 500 because their rows contradict each other or cannot be read.",
          .read = read_inconsistent}},
	{true, {.name = "tro_commit_failures_total", .help = "Batches answered with 503 or 500.", .read = read_failures}},
	{false, {.name = "tro_outbox_entries", .help = "Outbox rows that wait to be published.", .read = read_outbox_entries}},
	{false, {.name = "tro_outbox_age_seconds", .help = "Age of the oldest outbox row.", .scale = 1e-3, .read = read_outbox_age_ms}},
	{false, {.name = "tro_publishers_alive", .help = "Publishers that the store has heard of lately.", .read = read_outbox_publishers}},
	{true, {.name = "tro_published_events_total", .help = "Events that the bus has confirmed.", .read = read_published}},
	{true, {.name = "tro_unroutable_events_total", .help = "Published events that no queue was bound to.", .read = read_unroutable}},
	{false,
         {.name = "tro_outbox_unreadable_partitions",
          .help = "Partitions that stand still because an outbox row names an event that cannot be read.",
          .read = read_unreadable}},
	{true, {.name = "tro_expired_total", .help = "Holds and orders that the worker has ended.", .read = read_expired}},
	{false, {.name = "tro_seat_maps", .help = "Events whose seat maps are in memory, or known not to fit.", .read = read_maps}},
	{false, {.name = "tro_seat_map_bytes", .help = "Memory of the seat maps and their pages.", .read = read_map_bytes}},
	{true,
         {.name = "tro_seat_map_answers_total",
          .help = "Seat maps and availabilities answered from memory, or from the store.",
          .labels = {{"from", map_sources, ARRAY_LENGTH(map_sources)}},
          .read = read_map_answers}},
	{true, {.name = "tro_seat_map_loads_total", .help = "Seat maps that were loaded from the store.", .read = read_map_loads}},
	{true,
         {.name = "tro_seat_map_failures_total", .help = "Times that the changes of seats could not be read.", .read = read_map_failures}},
	{false,
         {.name = "tro_clock_skew_seconds",
          .help = "The clock of this process less that of the store.",
          .scale = 1e-3,
          .read = read_clock_skew}},
};

static enum error declare_read(struct instruments *instruments)
{
	enum error error = OK;
	for (size_t i = 0; error == OK && i < ARRAY_LENGTH(read_families); i++) {
		struct metric_options options = read_families[i].options;
		struct metric *metric;
		options.context = instruments;
		error = read_families[i].is_counter ? metrics_counter(instruments->metrics, &options, &metric)
		                                    : metrics_gauge(instruments->metrics, &options, &metric);
	}
	return error;
}

static enum error declare_fed(struct instruments *instruments)
{
	const struct metric_label method = {"method", methods, ARRAY_LENGTH(methods)};
	const struct metric_label route = {"route", instruments->routes, instruments->route_count};
	const struct metric_options requests = {.name = "tro_http_requests_total",
	                                        .help = "Requests by method, route and status.",
	                                        .labels = {method, route, {"status", statuses, ARRAY_LENGTH(statuses)}}};
	const struct metric_options request_duration = {.name = "tro_http_request_duration_seconds",
	                                                .help = "From a request's first byte to the last of its answer.",
	                                                .scale = 1e-6,
	                                                .labels = {method, route},
	                                                .buckets = latency_us,
	                                                .bucket_count = ARRAY_LENGTH(latency_us)};
	const struct metric_label verdict = {"outcome", verdicts, VERDICT_COUNT};
	const struct metric_label reason = {"reason", instruments->reasons, ERROR_COUNT};
	const struct metric_label outcome = {"outcome", instruments->outcomes, ARRAY_LENGTH(instruments->outcomes)};
	const struct metric_options commands = {.name = "tro_commands_total",
	                                        .help = "Commands of clients by kind and outcome.",
	                                        .labels = {{"command", command_kinds, COMMAND_KIND_COUNT}, outcome}};
	const struct metric_options holds = {
		.name = "tro_holds_total", .help = "Holds that were asked for, by outcome and reason.", .labels = {verdict, reason}};
	const struct metric_options orders = {
		.name = "tro_orders_total", .help = "Orders that were asked for, by outcome and reason.", .labels = {verdict, reason}};
	const struct metric_options expiry_lateness = {.name = "tro_expiry_lateness_seconds",
	                                               .help = "How long after its deadline the worker has ended a hold or order.",
	                                               .scale = 1e-3,
	                                               .buckets = lateness_ms,
	                                               .bucket_count = ARRAY_LENGTH(lateness_ms)};
	const struct metric_options commit_duration = {.name = "tro_commit_duration_seconds",
	                                               .help = "How long the store took to commit a batch.",
	                                               .scale = 1e-6,
	                                               .buckets = latency_us,
	                                               .bucket_count = ARRAY_LENGTH(latency_us)};
	const struct metric_options commit_commands = {.name = "tro_commit_batch_commands",
	                                               .help = "Commands in a committed batch.",
	                                               .buckets = batch_sizes,
	                                               .bucket_count = ARRAY_LENGTH(batch_sizes)};
	const struct metric_options stage_duration = {.name = "tro_stage_duration_seconds",
	                                              .help = "How long a job was at a stage, with its wait for it.",
	                                              .scale = 1e-6,
	                                              .labels = {{"stage", stages, STAGE_COUNT}},
	                                              .buckets = latency_us,
	                                              .bucket_count = ARRAY_LENGTH(latency_us)};
	const struct metric_options map_lag = {.name = "tro_seat_map_lag_seconds",
	                                       .help = "From the decision of a change to its being in the seat maps.",
	                                       .scale = 1e-3,
	                                       .buckets = lag_ms_bounds,
	                                       .bucket_count = ARRAY_LENGTH(lag_ms_bounds)};
	enum error error = metrics_counter(instruments->metrics, &requests, &instruments->requests);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &map_lag, &instruments->map_lag);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &request_duration, &instruments->request_duration);
	if (error == OK)
		error = metrics_counter(instruments->metrics, &commands, &instruments->commands);
	if (error == OK)
		error = metrics_counter(instruments->metrics, &holds, &instruments->holds);
	if (error == OK)
		error = metrics_counter(instruments->metrics, &orders, &instruments->orders);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &expiry_lateness, &instruments->expiry_lateness);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &stage_duration, &instruments->stage_duration);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &commit_duration, &instruments->commit_duration);
	if (error == OK)
		error = metrics_histogram(instruments->metrics, &commit_commands, &instruments->commit_commands);
	return error;
}

/* Routes of several methods share their path. */
static void list_routes(struct instruments *instruments)
{
	instruments->routes[instruments->route_count++] = "none";
	for (uint32_t i = 0; i < api_route_count; i++) {
		uint32_t known = 1;
		while (known < instruments->route_count && strcmp(instruments->routes[known], api_routes[i].path) != 0)
			known++;
		if (known < instruments->route_count)
			continue;
		assert(instruments->route_count < ROUTES_MAX);
		instruments->routes[instruments->route_count++] = api_routes[i].path;
	}
}

static void list_outcomes(struct instruments *instruments)
{
	instruments->outcomes[OUTCOME_OK] = "ok";
	instruments->outcomes[OUTCOME_REPLAYED] = "replayed";
	for (int error = OK + 1; error < ERROR_COUNT; error++)
		instruments->outcomes[OUTCOME_ERRORS + error] = instruments->reasons[error] = error_slug((enum error)error);
	instruments->reasons[OK] = "none";
	for (size_t i = 1; i < ARRAY_LENGTH(statuses); i++)
		instruments->status_series[strtoul(statuses[i], NULL, 10)] = (uint16_t)i;
}

enum error instruments_new(struct clock *clock, struct dependencies *dependencies, struct instruments **ret_instruments)
{
	assert(clock != NULL && ret_instruments != NULL);
	struct instruments *instruments = calloc(1, sizeof *instruments);
	if (instruments == NULL)
		return ERR_NO_MEMORY;
	instruments->clock = clock;
	process_metrics_init(&instruments->process);
	instruments->started_ms = clock_now_ms(clock);
	list_routes(instruments);
	list_outcomes(instruments);
	enum error error = metrics_new(&instruments->metrics);
	if (error == OK)
		error = declare_fed(instruments);
	if (error == OK)
		error = declare_read(instruments);
	if (error == OK)
		error = dependency_metrics_declare(instruments->metrics, dependencies);
	if (error != OK) {
		instruments_free(instruments);
		return error;
	}
	*ret_instruments = instruments;
	return OK;
}

void instruments_free(struct instruments *instruments)
{
	if (instruments == NULL)
		return;
	metrics_free(instruments->metrics);
	process_metrics_release(&instruments->process);
	free(instruments);
}

void instruments_connect(struct instruments *instruments, const struct instruments_sources *sources)
{
	instruments->sources = *sources;
}

/* The table's own text or an equal one: a pointer is enough nearly always. */
static uint32_t route_series(const struct instruments *instruments, const char *route)
{
	for (uint32_t i = 1; route != NULL && i < instruments->route_count; i++)
		if (instruments->routes[i] == route || strcmp(instruments->routes[i], route) == 0)
			return i;
	return 0;
}

static uint32_t method_series(struct slice method)
{
	for (uint32_t i = 1; i < ARRAY_LENGTH(methods); i++)
		if (slice_equal_string(method, methods[i]))
			return i;
	return 0;
}

void instruments_request(struct instruments *instruments, const struct http_request_summary *summary)
{
	uint32_t route = route_series(instruments, summary->route);
	uint16_t status = summary->status < ARRAY_LENGTH(instruments->status_series) ? instruments->status_series[summary->status] : 0;
	uint32_t method = method_series(summary->method);
	metric_add(instruments->requests, metric_series(instruments->requests, method, route, status), 1);
	metric_observe(instruments->request_duration, metric_series(instruments->request_duration, method, route, 0),
	               summary->duration_ns / 1000);
}

void instruments_commit(struct instruments *instruments, uint64_t commit_ns, uint32_t command_count)
{
	metric_observe(instruments->commit_duration, 0, commit_ns / 1000);
	metric_observe(instruments->commit_commands, 0, command_count);
}

void instruments_map_lag(struct instruments *instruments, uint64_t lag_ms)
{
	metric_observe(instruments->map_lag, 0, lag_ms);
}

void instruments_job(struct instruments *instruments, const struct job *job)
{
	const struct job_way *way = &job->way;
	for (uint32_t i = 0; i < way->entered; i++) {
		uint64_t left_ns = i + 1 < way->entered ? way->entered_ns[i + 1] : way->ended_ns;
		metric_observe(instruments->stage_duration, metric_series(instruments->stage_duration, way->stages[i], 0, 0),
		               (left_ns - way->entered_ns[i]) / 1000);
	}
}

void instruments_command(struct instruments *instruments, enum command_kind kind, const struct outcome *outcome)
{
	/* What happened inside has several names, and one slug. */
	enum error error = outcome->error != OK && error_status(outcome->error) == 500 ? ERR_INTERNAL : outcome->error;
	uint32_t result = error != OK ? OUTCOME_ERRORS + (uint32_t)error : outcome->is_replayed ? OUTCOME_REPLAYED : OUTCOME_OK;
	enum verdict verdict = error == OK                  ? (outcome->is_replayed ? VERDICT_REPLAYED : VERDICT_OK)
	                       : error_status(error) >= 500 ? VERDICT_FAILED
	                                                    : VERDICT_REFUSED;
	metric_add(instruments->commands, metric_series(instruments->commands, kind, result, 0), 1);
	if (kind == COMMAND_HOLD_CREATE)
		metric_add(instruments->holds, metric_series(instruments->holds, verdict, error, 0), 1);
	else if (kind == COMMAND_ORDER_CREATE)
		metric_add(instruments->orders, metric_series(instruments->orders, verdict, error, 0), 1);
}

void instruments_expired(struct instruments *instruments, uint64_t late_ms)
{
	metric_observe(instruments->expiry_lateness, 0, late_ms);
}

void instruments_write(struct instruments *instruments, struct buffer *buffer)
{
	metrics_write(instruments->metrics, buffer);
}
