/* service_pages.c: pages for operators and their tools: health, readiness, metrics, and the description of the API. */
#include <assert.h>

#include "base/embedded.h"
#include "base/json_writer.h"
#include "http/api.h"
#include "http/entity_tag.h"
#include "http/handlers.h"
#include "http/media_type.h"
#include "http/problem.h"
#include "http/routes.h"

#define READY_BODY_MAX 8192
#define DOCS_BODY_MAX (64 * 1024)
#define METRICS_BODY_MAX (1024 * 1024)

enum http_progress health_get(struct http_request *request)
{
	const struct api_options *options = &api_of(request)->options;
	const char *silent_lane = options->silent_lane(options->context);
	struct slice body = SLICE("{\"status\":\"ok\"}");
	if (silent_lane != NULL)
		body = arena_format(&request->arena, "{\"status\":\"stuck\",\"lane\":\"%s\"}", silent_lane);
	http_respond(request, silent_lane == NULL ? 200 : 503, "application/json", body);
	if (silent_lane != NULL)
		http_response_header(&request->response, SLICE("Retry-After"), SLICE("1"));
	return HTTP_ANSWERED;
}

static const char *state_name(enum ready_state state)
{
	return state == READY_UP ? "up" : state == READY_DEGRADED ? "degraded" : "down";
}

/* Operators alone are told of the circuit breaker, the latency and the cause. */
static void write_details(struct json_writer *writer, const struct ready_dependency *dependency)
{
	if (dependency->circuit != NULL)
		json_writer_string(writer, "circuit", slice_of(dependency->circuit));
	if (dependency->latency_ms >= 0)
		json_writer_double(writer, "latency_ms", dependency->latency_ms);
	else
		json_writer_null(writer, "latency_ms");
	if (dependency->detail[0] != '\0')
		json_writer_string(writer, "detail", slice_of(dependency->detail));
}

static void write_dependency(struct json_writer *writer, const struct ready_dependency *dependency, bool for_operators)
{
	json_writer_object_begin(writer, NULL);
	json_writer_string(writer, "name", slice_of(dependency->name));
	json_writer_string(writer, "state", slice_of(state_name(dependency->state)));
	if (for_operators)
		write_details(writer, dependency);
	json_writer_object_end(writer);
}

/* ?verbose, whose value need not be given. Where others are told nothing the parameter is ignored, whatever it says. */
static enum error read_verbose(struct http_request *request, enum api_operators operators, bool *ret_is_verbose)
{
	static const char *const on[] = {"", "1", "true"}, *const off[] = {"0", "false"};
	struct slice text;
	*ret_is_verbose = false;
	enum error error = operators == API_OPERATORS_ELSEWHERE ? OK : http_request_query(request, SLICE("verbose"), &text);
	if (error != OK || operators == API_OPERATORS_ELSEWHERE || text.data == NULL)
		return error;
	for (uint32_t i = 0; i < ARRAY_LENGTH(off); i++) {
		if (slice_equal_string(text, off[i]))
			return OK;
	}
	for (uint32_t i = 0; i < ARRAY_LENGTH(on); i++) {
		if (slice_equal_string(text, on[i])) {
			*ret_is_verbose = true;
			return OK;
		}
	}
	return http_request_query_violation(request, SLICE("verbose"), SLICE("must be empty, 1, true, 0 or false"));
}

enum http_progress ready_get(struct http_request *request)
{
	const struct api_options *options = &api_of(request)->options;
	struct ready_report report = {0};
	options->ready(options->context, &report);
	enum ready_state worst = ready_report_state(&report);

	bool is_verbose = false;
	enum error error = read_verbose(request, options->operators, &is_verbose);
	if (error != OK) {
		problem_answer(request, error, NULL);
		return HTTP_ANSWERED;
	}
	struct buffer body;
	buffer_init(&body, &request->arena, READY_BODY_MAX);
	struct json_writer writer = json_writer_on(&body);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "status",
	                   worst == READY_UP         ? SLICE("ready")
	                   : worst == READY_DEGRADED ? SLICE("degraded")
	                                             : SLICE("unavailable"));
	if (report.is_stopping)
		json_writer_bool(&writer, "stopping", true);
	if (is_verbose) {
		json_writer_array_begin(&writer, "dependencies");
		for (uint32_t i = 0; i < report.count; i++)
			write_dependency(&writer, &report.dependencies[i], options->operators == API_OPERATORS_ALONE);
		json_writer_array_end(&writer);
	}
	json_writer_object_end(&writer);
	if (worst == READY_DOWN)
		http_response_header(&request->response, SLICE("Retry-After"), SLICE("1"));
	http_respond(request, worst == READY_DOWN ? 503 : 200, "application/json", buffer_slice(&body));
	return HTTP_ANSWERED;
}

enum http_progress startup_get(struct http_request *request)
{
	const struct api_options *options = &api_of(request)->options;
	bool has_started = options->has_started(options->context);
	if (!has_started)
		http_response_header(&request->response, SLICE("Retry-After"), SLICE("1"));
	http_respond(request, has_started ? 200 : 503, "application/json",
	             has_started ? SLICE("{\"status\":\"started\"}") : SLICE("{\"status\":\"starting\"}"));
	return HTTP_ANSWERED;
}

enum http_progress metrics_get(struct http_request *request)
{
	const struct api_options *options = &api_of(request)->options;
	struct buffer body;
	buffer_init(&body, &request->arena, METRICS_BODY_MAX);
	bool is_openmetrics = media_type_prefers(request, SLICE("application/openmetrics-text"), SLICE("text/plain"));
	options->metrics(options->context, is_openmetrics, &body);
	if (body.failed)
		problem_answer(request, ERR_NO_MEMORY, NULL);
	else
		http_respond(request, 200,
		             is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		                            : "text/plain; version=0.0.4; charset=utf-8",
		             buffer_slice(&body));
	http_response_header(&request->response, SLICE("Vary"), SLICE("Accept"));
	return HTTP_ANSWERED;
}

/* Nothing is loaded, framed, or sent anywhere. */
static const char page_policy[] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char *access_text(enum http_access access)
{
	static const char *const texts[] = {
		[HTTP_ACCESS_PUBLIC] = "anybody",
		[HTTP_ACCESS_USER] = "a token",
		[HTTP_ACCESS_ADMIN] = "a token with the scope tro:admin",
		[HTTP_ACCESS_SERVICE] = "a token with the scope tro:service or tro:admin",
		[HTTP_ACCESS_SIGNED] = "signed by the payment provider",
	};
	return texts[access];
}

/* The documentation page for people; the description itself is for tools. */
enum http_progress docs_get(struct http_request *request)
{
	struct buffer body;
	buffer_init(&body, &request->arena, DOCS_BODY_MAX);
	buffer_append_string(&body,
	                     "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>TRO API</title></head>\n<body>\n"
	                     "<h1>TRO: Ticket Reservations &amp; Orders</h1>\n<p>Everything is described, with examples, by "
	                     "<a href=\"/v1/openapi.yaml\">/v1/openapi.yaml</a> (OpenAPI 3.1).</p>\n"
	                     "<table>\n<tr><th>Method</th><th>Path</th><th>Who</th></tr>\n");
	for (uint32_t i = 0; i < api_route_count; i++) {
		const struct http_route *route = &api_routes[i];
		if (route->is_for_operators && api_of(request)->options.operators == API_OPERATORS_ELSEWHERE)
			continue;
		const char *method = route->method == HTTP_GET ? "GET" : route->method == HTTP_POST ? "POST" : "DELETE";
		buffer_append_format(&body, "<tr><td>%s</td><td><code>%s</code></td><td>%s</td></tr>\n", method, route->path,
		                     access_text(route->access));
	}
	buffer_append_string(&body, "</table>\n</body>\n</html>\n");
	if (body.failed) {
		problem_answer(request, ERR_NO_MEMORY, NULL);
		return HTTP_ANSWERED;
	}
	http_respond(request, 200, "text/html; charset=utf-8", buffer_slice(&body));
	request->response.cache_control = "no-cache";
	request->response.content_security_policy = page_policy;
	request->response.etag = entity_tag_of(buffer_slice(&body), &request->arena);
	return HTTP_ANSWERED;
}

enum http_progress openapi_get(struct http_request *request)
{
	const struct embedded_file *file = &embedded_openapi[0];
	assert(file->name != NULL);
	struct slice body = {.data = file->data, .length = file->length};
	http_respond(request, 200, "application/yaml", body);
	request->response.cache_control = "no-cache";
	request->response.etag = entity_tag_of(body, &request->arena);
	return HTTP_ANSWERED;
}
