/* instruments.c: declares the families and turns what happens into numbers. */
#include "runtime/instruments.h"
#include "runtime/command_names.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/routes.h"
#include "runtime/dependency_metrics.h"
#include "runtime/instruments_inside.h"

static const char *const statuses[] = {"other", "200", "201", "202", "204", "304", "400", "401", "403", "404", "405",
                                       "408",   "409", "410", "413", "414", "415", "422", "429", "431", "500", "503"};
/* The first stands for all others. */
static const char *const methods[] = {"other", "GET", "HEAD", "POST", "DELETE", "OPTIONS"};
static const char *const stages[STAGE_COUNT] = {"admission", "commit", "read", "catalog"};
/* The result of a request for a hold or an order; the reason of the last two is the error's slug. */
enum verdict {
	VERDICT_OK,
	VERDICT_REPLAYED,
	VERDICT_REFUSED, /* by a rule: 4xx */
	VERDICT_FAILED,  /* for the server's sake: 5xx */
	VERDICT_COUNT,
};
static const char *const verdicts[VERDICT_COUNT] = {"ok", "replayed", "refused", "failed"};

static const uint64_t latency_us[] = {250,    500,    1000,   2500,    5000,    10000,   25000,    50000,
                                      100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};
static const uint64_t lateness_ms[] = {10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000};
static const uint64_t lag_ms_bounds[] = {5, 10, 25, 50, 75, 100, 150, 250, 500, 1000, 2500};
static const uint64_t batch_sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

static enum error declare_lag(struct instruments *instruments)
{
	const struct metric_options map_lag = {.name = "tro_seat_map_lag_seconds",
	                                       .help = "From the decision of a change to its being in the seat maps.",
	                                       .scale = 1e-3,
	                                       .buckets = lag_ms_bounds,
	                                       .bucket_count = ARRAY_LENGTH(lag_ms_bounds)};
	return metrics_histogram(instruments->metrics, &map_lag, &instruments->map_lag);
}

static enum error declare_fed(struct instruments *instruments)
{
	const struct metric_label method = {"method", methods, ARRAY_LENGTH(methods)};
	const struct metric_label route = {"route", instruments->routes, instruments->route_count};
	const struct metric_options requests = {.name = "tro_http_requests_total",
	                                        .help = "Requests by method, route and status.",
	                                        .labels = {method, route, {"status", statuses, ARRAY_LENGTH(statuses)}}};
	const struct metric_options request_duration = {.name = "tro_http_request_duration_seconds",
	                                                .help = "From a request's last byte to the last of its answer.",
	                                                .scale = 1e-6,
	                                                .labels = {method, route},
	                                                .buckets = latency_us,
	                                                .bucket_count = ARRAY_LENGTH(latency_us),
	                                                .has_exemplars = true};
	const struct metric_label verdict = {"outcome", verdicts, VERDICT_COUNT};
	const struct metric_label reason = {"reason", instruments->reasons, ERROR_COUNT};
	const struct metric_label outcome = {"outcome", instruments->outcomes, ARRAY_LENGTH(instruments->outcomes)};
	const struct metric_options commands = {.name = "tro_commands_total",
	                                        .help = "Commands of clients by kind and outcome.",
	                                        .labels = {{"command", command_names, COMMAND_KIND_COUNT}, outcome}};
	const struct metric_options holds = {
		.name = "tro_holds_total", .help = "Requests for holds, by outcome and reason.", .labels = {verdict, reason}};
	const struct metric_options orders = {
		.name = "tro_orders_total", .help = "Requests for orders, by outcome and reason.", .labels = {verdict, reason}};
	const struct metric_options expiry_lateness = {.name = "tro_expiry_lateness_seconds",
	                                               .help = "Delay between the deadline of a hold or order and its end.",
	                                               .scale = 1e-3,
	                                               .buckets = lateness_ms,
	                                               .bucket_count = ARRAY_LENGTH(lateness_ms)};
	const struct metric_options commit_duration = {.name = "tro_commit_duration_seconds",
	                                               .help = "Duration of the store's commit of a batch.",
	                                               .scale = 1e-6,
	                                               .buckets = latency_us,
	                                               .bucket_count = ARRAY_LENGTH(latency_us)};
	const struct metric_options commit_commands = {.name = "tro_commit_batch_commands",
	                                               .help = "Commands in a committed batch.",
	                                               .buckets = batch_sizes,
	                                               .bucket_count = ARRAY_LENGTH(batch_sizes)};
	const struct metric_options stage_duration = {.name = "tro_stage_duration_seconds",
	                                              .help = "Duration of a job's stage, with its wait for it.",
	                                              .scale = 1e-6,
	                                              .labels = {{"stage", stages, STAGE_COUNT}},
	                                              .buckets = latency_us,
	                                              .bucket_count = ARRAY_LENGTH(latency_us),
	                                              .has_exemplars = true};
	enum error error = metrics_counter(instruments->metrics, &requests, &instruments->requests);
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
	return error == OK ? declare_lag(instruments) : error;
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
	pthread_mutex_init(&instruments->scrape, NULL);
	process_metrics_init(&instruments->process);
	instruments->started_ms = clock_now_ms(clock);
	list_routes(instruments);
	list_outcomes(instruments);
	enum error error = metrics_new(&instruments->metrics);
	if (error == OK)
		error = declare_fed(instruments);
	if (error == OK)
		error = instruments_declare_read(instruments);
	if (error == OK)
		error = sales_metrics_declare(&instruments->sales, instruments->metrics);
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
	sales_metrics_release(&instruments->sales);
	process_metrics_release(&instruments->process);
	pthread_mutex_destroy(&instruments->scrape);
	free(instruments);
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

/* Of the methods that routes have. */
static struct slice method_name(enum http_method method)
{
	assert(method == HTTP_GET || method == HTTP_POST || method == HTTP_DELETE);
	return method == HTTP_GET ? SLICE("GET") : method == HTTP_POST ? SLICE("POST") : SLICE("DELETE");
}

/* Alerts and dashboards ask for these series, which show before the first request. The others show once they are used, so that there are
 * few series. */
static void show_requests(struct instruments *instruments)
{
	static const char *const wanted[] = {"200", "201", "409", "500", "503"};
	for (uint32_t i = 0; i < api_route_count; i++) {
		const struct http_route *route = &api_routes[i];
		if (route->access == HTTP_ACCESS_PUBLIC && route->is_rate_limit_exempt) /* probes, scrapes and documents */
			continue;
		uint32_t method = method_series(method_name(route->method)), path = route_series(instruments, route->path);
		for (size_t j = 0; j < ARRAY_LENGTH(wanted); j++) {
			uint16_t status = instruments->status_series[strtoul(wanted[j], NULL, 10)];
			metric_show(instruments->requests, metric_series(instruments->requests, method, path, status));
		}
	}
}

static void show_durations(struct instruments *instruments)
{
	static const char *const writes[] = {"/v1/holds", "/v1/orders", "/v1/payments/callback"}; /* that have an objective */
	for (size_t i = 0; i < ARRAY_LENGTH(writes); i++) {
		uint32_t method = method_series(SLICE("POST")), path = route_series(instruments, writes[i]);
		assert(path != 0);
		metric_show(instruments->request_duration, metric_series(instruments->request_duration, method, path, 0));
	}
}

static void show_commands(struct instruments *instruments)
{
	static const struct {
		enum verdict verdict;
		enum error error;
	} wanted[] = {{VERDICT_OK, OK},
	              {VERDICT_REPLAYED, OK},
	              {VERDICT_REFUSED, ERR_SEATS_TAKEN},
	              {VERDICT_REFUSED, ERR_HOLD_EXPIRED},
	              {VERDICT_FAILED, ERR_OVERLOADED},
	              {VERDICT_FAILED, ERR_STORE_UNAVAILABLE}};
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
		if (wanted[i].error != ERR_HOLD_EXPIRED)
			metric_show(instruments->holds, metric_series(instruments->holds, wanted[i].verdict, wanted[i].error, 0));
		if (wanted[i].error != ERR_SEATS_TAKEN)
			metric_show(instruments->orders, metric_series(instruments->orders, wanted[i].verdict, wanted[i].error, 0));
	}
	metric_show(instruments->commands, metric_series(instruments->commands, COMMAND_PAYMENT, OUTCOME_OK, 0));
	metric_show(instruments->commands, metric_series(instruments->commands, COMMAND_PAYMENT, OUTCOME_REPLAYED, 0));
	metric_show(instruments->commands, metric_series(instruments->commands, COMMAND_PAYMENT, OUTCOME_ERRORS + ERR_ORDER_UNKNOWN, 0));
}

void instruments_connect(struct instruments *instruments, const struct instruments_sources *sources, bool serves_clients)
{
	assert(instruments != NULL && sources->context != NULL);
	instruments->sources = *sources;
	if (serves_clients) {
		show_requests(instruments);
		show_durations(instruments);
		show_commands(instruments);
	}
	sales_metrics_show(&instruments->sales);
}

void instruments_request(struct instruments *instruments, const struct http_request_summary *summary)
{
	uint32_t route = route_series(instruments, summary->route);
	uint16_t status = summary->status < ARRAY_LENGTH(instruments->status_series) ? instruments->status_series[summary->status] : 0;
	uint32_t method = method_series(summary->method);
	metric_add(instruments->requests, metric_series(instruments->requests, method, route, status), 1);
	metric_observe_traced(instruments->request_duration, metric_series(instruments->request_duration, method, route, 0),
	                      summary->served_ns / 1000, summary->trace->trace_id, clock_now_ms(instruments->clock));
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
	uint64_t now_ms = clock_now_ms(instruments->clock);
	for (uint32_t i = 0; i < way->entered; i++) {
		uint64_t left_ns = i + 1 < way->entered ? way->entered_ns[i + 1] : way->ended_ns;
		metric_observe_traced(instruments->stage_duration, metric_series(instruments->stage_duration, way->stages[i], 0, 0),
		                      (left_ns - way->entered_ns[i]) / 1000, job->trace.trace_id, now_ms);
	}
}

void instruments_command(struct instruments *instruments, enum command_kind kind, const struct outcome *outcome)
{
	enum error error = error_told(outcome->error);
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

void instruments_committed(struct instruments *instruments, const struct changes *changes)
{
	sales_metrics_committed(&instruments->sales, changes);
}

void instruments_write(struct instruments *instruments, bool is_openmetrics, struct buffer *buffer)
{
	pthread_mutex_lock(&instruments->scrape);
	instruments_ask(instruments);
	metrics_write(instruments->metrics, is_openmetrics ? METRICS_OPEN : METRICS_TEXT, buffer);
	pthread_mutex_unlock(&instruments->scrape);
}
