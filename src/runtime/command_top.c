/* command_top.c: `tro top`: shows the work of running services, from two looks at their metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json_writer.h"
#include "base/now.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/http_client.h"
#include "runtime/scrape.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"

#define SERVICES_MAX 16
#define INTERVAL_MS 1000
#define TIMEOUT_S 3
#define ARENA_BLOCK (64 * 1024)
#define ARENA_MAX (64 * 1024 * 1024)
#define OUTPUT_MAX (4 * 1024 * 1024)

struct look {
	struct arena arena;
	struct http_answer answer;
	struct scrape scrape;
};

struct service {
	const char *url;
	struct look looks[2]; /* the one before, and the last */
	bool is_up;
};

static void forget(struct look *look)
{
	free(look->answer.body);
	arena_release(&look->arena);
	look->answer = (struct http_answer){0};
	look->scrape = (struct scrape){0};
	arena_init(&look->arena, ARENA_BLOCK, ARENA_MAX);
}

/* TRO writes printable ASCII; other bytes come from another program, and a terminal might obey them. */
static void clean(char *text)
{
	for (; *text != '\0'; text++)
		if ((*text < ' ' && *text != '\n') || *text > '~')
			*text = '?';
}

static bool is_ours(const struct scrape *scrape)
{
	for (uint32_t i = 0; i < scrape->count; i++)
		if (slice_equal_string(scrape->samples[i].name, "tro_build_info"))
			return true;
	return false;
}

/* Reads the answer, or complains. The complaint of a service that does not answer is made by http_call. */
static bool read_answer(const struct service *service, struct look *look)
{
	if (look->answer.status != 200) {
		(void)complain("%s: /metrics is answered with %ld; with ADMIN_ADDR set it is there", service->url, look->answer.status);
		return false;
	}
	clean(look->answer.body);
	if (scrape_parse(slice_of(look->answer.body), &look->arena, &look->scrape) != OK || !is_ours(&look->scrape)) {
		(void)complain("%s: what answers there is not TRO", service->url);
		return false;
	}
	return true;
}

static void look_at(struct service *service, const struct invocation *invocation)
{
	struct look before = service->looks[0];
	service->looks[0] = service->looks[1];
	service->looks[1] = before;
	struct look *look = &service->looks[1];
	forget(look);
	struct slice target = arena_format(&look->arena, "%s/metrics", service->url);
	int code = target.data == NULL ? EXIT_FAILED
	                               : http_call(target.data, invocation->config->http.tls_certificate, NULL, (struct slice){0},
	                                           TIMEOUT_S, &look->answer);
	if (code != EXIT_DONE)
		look->answer = (struct http_answer){0};
	service->is_up = code == EXIT_DONE && read_answer(service, look);
	look->scrape.taken_ns = monotonic_now_ns();
	if (!service->is_up)
		look->scrape.count = 0;
	else if (service->looks[0].scrape.count == 0)
		service->looks[0].scrape.taken_ns = look->scrape.taken_ns; /* no rates yet */
}

static double rate(const struct service *service, const char *name, const char *label, const char *value)
{
	return scrape_rate(&service->looks[0].scrape, &service->looks[1].scrape, name, label,
	                   value == NULL ? (struct slice){0} : slice_of(value));
}

static double quantile_ms(const struct service *service, double quantile)
{
	return scrape_quantile(&service->looks[0].scrape, &service->looks[1].scrape, "tro_http_request_duration_seconds", quantile) * 1e3;
}

static double value_of(const struct service *service, const char *name)
{
	return scrape_sum(&service->looks[1].scrape, name, NULL, (struct slice){0});
}

static double mean_batch(const struct service *service)
{
	double batches = rate(service, "tro_commit_batch_commands_count", NULL, NULL);
	return batches <= 0 ? 0 : rate(service, "tro_commit_batch_commands_sum", NULL, NULL) / batches;
}

static double server_errors(const struct service *service)
{
	return rate(service, "tro_http_requests_total", "status", "500") + rate(service, "tro_http_requests_total", "status", "503");
}

/* Calls `each` for every sample of the name, in their order. */
static void for_samples(const struct service *service, const char *name,
                        void (*each)(const struct service *, const struct sample *, void *), void *context)
{
	const struct scrape *scrape = &service->looks[1].scrape;
	for (uint32_t i = 0; i < scrape->count; i++)
		if (slice_equal_string(scrape->samples[i].name, name))
			each(service, &scrape->samples[i], context);
}

static const char *circuit_of(const struct service *service, struct slice dependency)
{
	static const char *const states[] = {"closed", "open", "half-open"};
	const struct scrape *scrape = &service->looks[1].scrape;
	for (uint32_t i = 0; i < scrape->count; i++) {
		const struct sample *sample = &scrape->samples[i];
		if (sample->value != 1 || !slice_equal_string(sample->name, "tro_dependency_state") ||
		    !slice_equal(sample_label(sample, "dependency"), dependency))
			continue;
		for (size_t state = 0; state < ARRAY_LENGTH(states); state++)
			if (slice_equal_string(sample_label(sample, "state"), states[state]))
				return states[state];
	}
	return "unknown";
}

static double seats(const struct service *service, struct slice event_id, const char *state)
{
	const struct scrape *scrape = &service->looks[1].scrape;
	double sum = 0;
	for (uint32_t i = 0; i < scrape->count; i++)
		if (slice_equal_string(scrape->samples[i].name, "tro_event_seats") &&
		    slice_equal(sample_label(&scrape->samples[i], "event"), event_id) &&
		    slice_equal_string(sample_label(&scrape->samples[i], "state"), state))
			sum += scrape->samples[i].value;
	return sum;
}

/* JSON. */

static void write_count(struct json_writer *writer, const char *key, double value)
{
	json_writer_uint(writer, key, value > 0 ? (uint64_t)value : 0);
}

static void write_queue(const struct service *service, const struct sample *sample, void *context)
{
	struct json_writer *writer = context;
	const struct scrape *scrape = &service->looks[1].scrape;
	struct slice lane = sample_label(sample, "lane");
	json_writer_object_begin(writer, NULL);
	json_writer_string(writer, "lane", lane);
	write_count(writer, "depth", sample->value);
	write_count(writer, "capacity", scrape_sum(scrape, "tro_queue_capacity", "lane", lane));
	write_count(writer, "threads_busy", scrape_sum(scrape, "tro_lane_threads_busy", "lane", lane));
	json_writer_object_end(writer);
}

static void write_dependency(const struct service *service, const struct sample *sample, void *context)
{
	struct json_writer *writer = context;
	struct slice name = sample_label(sample, "dependency");
	json_writer_object_begin(writer, NULL);
	json_writer_string(writer, "name", name);
	json_writer_bool(writer, "up", sample->value == 1);
	json_writer_string(writer, "circuit", slice_of(circuit_of(service, name)));
	json_writer_object_end(writer);
}

static void write_event(const struct service *service, const struct sample *sample, void *context)
{
	static const char *const states[] = {"available", "held", "reserved", "sold"};
	struct json_writer *writer = context;
	struct slice event_id = sample_label(sample, "event");
	if (!slice_equal_string(sample_label(sample, "state"), states[0]))
		return;
	json_writer_object_begin(writer, NULL);
	json_writer_string(writer, "event_id", event_id);
	for (size_t i = 0; i < ARRAY_LENGTH(states); i++)
		write_count(writer, states[i], seats(service, event_id, states[i]));
	json_writer_object_end(writer);
}

static void write_latency(const struct service *service, struct json_writer *writer)
{
	static const struct {
		const char *name;
		double quantile;
	} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
	json_writer_object_begin(writer, "latency_ms");
	for (size_t i = 0; i < ARRAY_LENGTH(percentiles); i++) {
		double ms = quantile_ms(service, percentiles[i].quantile);
		if (ms < 0)
			json_writer_null(writer, percentiles[i].name);
		else
			json_writer_double(writer, percentiles[i].name, ms);
	}
	json_writer_object_end(writer);
}

static void write_service(const struct service *service, struct json_writer *writer)
{
	json_writer_object_begin(writer, NULL);
	json_writer_string(writer, "url", slice_of(service->url));
	json_writer_bool(writer, "up", service->is_up);
	json_writer_double(writer, "requests_per_second", rate(service, "tro_http_requests_total", NULL, NULL));
	json_writer_double(writer, "server_errors_per_second", server_errors(service));
	write_latency(service, writer);
	json_writer_double(writer, "holds_per_second", rate(service, "tro_domain_events_total", "type", "hold.created"));
	json_writer_double(writer, "confirmed_per_second", rate(service, "tro_domain_events_total", "type", "order.confirmed"));
	json_writer_double(writer, "published_per_second", rate(service, "tro_published_events_total", NULL, NULL));
	json_writer_double(writer, "batch_commands", mean_batch(service));
	write_count(writer, "commits_in_flight", scrape_sum(&service->looks[1].scrape, "tro_lane_threads_busy", "lane", SLICE("commit")));
	write_count(writer, "outbox_entries", value_of(service, "tro_outbox_entries"));
	json_writer_double(writer, "outbox_age_seconds", value_of(service, "tro_outbox_age_seconds"));
	json_writer_array_begin(writer, "queues");
	for_samples(service, "tro_queue_depth", write_queue, writer);
	json_writer_array_end(writer);
	json_writer_array_begin(writer, "dependencies");
	for_samples(service, "tro_dependency_up", write_dependency, writer);
	json_writer_array_end(writer);
	json_writer_array_begin(writer, "events");
	for_samples(service, "tro_event_seats", write_event, writer);
	json_writer_array_end(writer);
	json_writer_object_end(writer);
}

static void write_json(const struct service *services, uint32_t count, struct buffer *output)
{
	struct json_writer writer = json_writer_on(output);
	json_writer_object_begin(&writer, NULL);
	json_writer_array_begin(&writer, "services");
	for (uint32_t i = 0; i < count; i++)
		write_service(&services[i], &writer);
	json_writer_array_end(&writer);
	json_writer_object_end(&writer);
	buffer_append_byte(output, '\n');
}

/* For people. */

static void print_queue(const struct service *service, const struct sample *sample, void *context)
{
	struct slice lane = sample_label(sample, "lane");
	buffer_append_format(context, "  %.*s %.0f/%.0f", SLICE_PRINT(lane), sample->value,
	                     scrape_sum(&service->looks[1].scrape, "tro_queue_capacity", "lane", lane));
}

static void print_dependency(const struct service *service, const struct sample *sample, void *context)
{
	struct slice name = sample_label(sample, "dependency");
	buffer_append_format(context, "  %.*s %s (%s)", SLICE_PRINT(name), sample->value == 1 ? "up" : "DOWN", circuit_of(service, name));
}

static void print_event(const struct service *service, const struct sample *sample, void *context)
{
	struct slice event_id = sample_label(sample, "event");
	if (slice_equal_string(sample_label(sample, "state"), "available"))
		buffer_append_format(context, "  event %.*s  %8.0f available %8.0f held %8.0f reserved %8.0f sold\n", SLICE_PRINT(event_id),
		                     sample->value, seats(service, event_id, "held"), seats(service, event_id, "reserved"),
		                     seats(service, event_id, "sold"));
}

static void print_service(const struct service *service, struct buffer *output)
{
	buffer_append_format(output, "%s  %s\n", service->url, service->is_up ? "" : "no answer");
	if (!service->is_up)
		return;
	double p50 = quantile_ms(service, 0.5), p99 = quantile_ms(service, 0.99);
	buffer_append_format(output, "  requests %9.1f/s  p50 %8.2f ms  p99 %8.2f ms  5xx %6.1f/s\n",
	                     rate(service, "tro_http_requests_total", NULL, NULL), p50 < 0 ? 0 : p50, p99 < 0 ? 0 : p99,
	                     server_errors(service));
	buffer_append_format(output, "  holds    %9.1f/s  confirmed %7.1f/s  published %7.1f/s  outbox %.0f, %.1f s\n",
	                     rate(service, "tro_domain_events_total", "type", "hold.created"),
	                     rate(service, "tro_domain_events_total", "type", "order.confirmed"),
	                     rate(service, "tro_published_events_total", NULL, NULL), value_of(service, "tro_outbox_entries"),
	                     value_of(service, "tro_outbox_age_seconds"));
	buffer_append_format(output, "  commits  %9.1f/s  of %.1f commands, %.0f in flight\n",
	                     rate(service, "tro_commit_batches_total", NULL, NULL), mean_batch(service),
	                     scrape_sum(&service->looks[1].scrape, "tro_lane_threads_busy", "lane", SLICE("commit")));
	buffer_append_string(output, "  queues ");
	for_samples(service, "tro_queue_depth", print_queue, output);
	buffer_append_string(output, "\n  needs  ");
	for_samples(service, "tro_dependency_up", print_dependency, output);
	buffer_append_string(output, "\n");
	for_samples(service, "tro_event_seats", print_event, output);
}

/* False: it cannot be written, or nobody reads on. */
static bool show(const struct service *services, uint32_t count, bool as_json, bool clears)
{
	struct buffer output;
	buffer_init(&output, NULL, OUTPUT_MAX);
	if (as_json)
		write_json(services, count, &output);
	for (uint32_t i = 0; !as_json && i < count; i++)
		print_service(&services[i], &output);
	if (clears)
		fputs("\033[H\033[J", stdout);
	bool is_written = !output.failed && fwrite(output.data, 1, output.length, stdout) == output.length && fflush(stdout) == 0;
	buffer_release(&output);
	return is_written;
}

/* The URL of the metrics of a server with this configuration. */
static const char *default_url(const struct invocation *invocation)
{
	const struct config_http *http = &invocation->config->http;
	return http->admin.host != NULL ? server_url(&http->admin, false, invocation->arena) : server_url_of_any(http, invocation->arena);
}

static int watch(struct service *services, uint32_t count, const struct invocation *invocation, bool is_once, bool as_json)
{
	bool clears = !is_once && !as_json && isatty(STDOUT_FILENO) == 1;
	uint32_t up = 0;
	for (uint32_t round = 0;; round++) {
		up = 0;
		for (uint32_t i = 0; i < count; i++) {
			look_at(&services[i], invocation);
			up += services[i].is_up;
		}
		if (round > 0 && (!show(services, count, as_json, clears) || is_once))
			break;
		pause_ms(INTERVAL_MS);
	}
	return up == count ? EXIT_DONE : EXIT_FAILED;
}

int run_top(const struct invocation *invocation)
{
	const char *urls[SERVICES_MAX] = {NULL};
	bool is_once = false, as_json = false;
	const struct flag flags[] = {{.name = "--once", .is_given = &is_once}, {.name = "--json", .is_given = &as_json}};
	int code = flags_read("top", invocation, flags, ARRAY_LENGTH(flags), urls, SERVICES_MAX);
	if (code != EXIT_DONE)
		return code;
	if (urls[0] == NULL)
		urls[0] = default_url(invocation);
	if (urls[0] == NULL)
		return complain("out of memory");
	struct service services[SERVICES_MAX] = {0};
	uint32_t count = 0;
	for (; count < SERVICES_MAX && urls[count] != NULL; count++) {
		services[count].url = urls[count];
		arena_init(&services[count].looks[0].arena, ARENA_BLOCK, ARENA_MAX);
		arena_init(&services[count].looks[1].arena, ARENA_BLOCK, ARENA_MAX);
	}
	code = watch(services, count, invocation, is_once, as_json);
	for (uint32_t i = 0; i < count; i++) {
		forget(&services[i].looks[0]);
		forget(&services[i].looks[1]);
	}
	return code;
}
