/* problem.c: see problem.h. */
#include "http/problem.h"

#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "http/field.h"
#include "http/route.h"

#define PROBLEM_LENGTH_MAX 65536
#define DETAIL_LENGTH_MAX 8192
#define POINTERS_IN_DETAIL_MAX 5
#define INSTANCE_LENGTH_MAX 32768 /* three characters for a byte of the path */

static void write_errors(struct json_writer *writer, const struct http_request *request, const struct problem *problem)
{
	uint32_t query_violation_count = error_status(problem->error) == 400 ? request->query_violation_count : 0;
	if (problem->field_count + query_violation_count == 0)
		return;
	json_writer_array_begin(writer, "errors");
	for (uint32_t i = 0; i < problem->field_count; i++) {
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "pointer", problem->fields[i].pointer);
		json_writer_string(writer, "detail", slice_of(problem->fields[i].detail));
		json_writer_object_end(writer);
	}
	for (uint32_t i = 0; i < query_violation_count; i++) {
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "parameter", request->query_violations[i].parameter);
		json_writer_string(writer, "detail", request->query_violations[i].detail);
		json_writer_object_end(writer);
	}
	json_writer_array_end(writer);
}

static void write_seats(struct json_writer *writer, const struct problem *problem)
{
	if (problem->seat_count == 0)
		return;
	json_writer_array_begin(writer, "seats");
	for (uint32_t i = 0; i < problem->seat_count; i++)
		json_writer_string(writer, NULL, problem->seats[i]);
	json_writer_array_end(writer);
}

/* The path as a URI reference has it (RFC 3986, section 3.3); "/" when there is none. */
static void write_instance(struct json_writer *writer, struct http_request *request)
{
	struct buffer instance;
	buffer_init(&instance, &request->arena, INSTANCE_LENGTH_MAX);
	for (size_t i = 0; i < request->path.length; i++) {
		unsigned char byte = (unsigned char)request->path.data[i];
		if (field_is_token_character((char)byte) ? strchr("#%^`|", byte) == NULL : strchr("/:@,;=()", byte) != NULL && byte != 0)
			buffer_append_byte(&instance, (char)byte);
		else
			buffer_append_format(&instance, "%%%02X", byte);
	}
	bool is_whole = instance.length > 0 && !instance.failed;
	json_writer_string(writer, "instance", is_whole ? buffer_slice(&instance) : SLICE("/"));
}

/* The detail when the caller gives none; empty if the title says it all. */
static struct slice usual_detail(struct http_request *request, enum error error)
{
	switch (error) {
	case ERR_NOT_FOUND:
		return arena_format(&request->arena, "Nothing is served at %.*s.", SLICE_PRINT(request->path));
	case ERR_BODY_TOO_LARGE:
		return arena_format(&request->arena, "The body may have at most %zu bytes.", http_route_body_max(request));
	case ERR_MEDIA_TYPE:
		return SLICE("The Content-Type must be application/json.");
	case ERR_IDEMPOTENCY_KEY_MISSING:
		return SLICE("Send an Idempotency-Key of 16 to 255 printable characters.");
	case ERR_IDEMPOTENCY_BUSY:
		return SLICE("Try again in a second.");
	case ERR_IDEMPOTENCY_MISMATCH:
		return SLICE("The key was used with another method, path or body. Draw a new key for a new request.");
	case ERR_USER_MISMATCH:
		return SLICE("Acting for another user needs the scope tro:service.");
	case ERR_HOLD_CONVERTED:
		return SLICE("An order was made of the hold.");
	case ERR_HOLD_RELEASED:
		return SLICE("The hold was released.");
	case ERR_SALES_PAUSED:
		return SLICE("Sales of this event are paused.");
	case ERR_EVENT_CANCELLED:
		return SLICE("This event is cancelled.");
	case ERR_INTERNAL:
		return SLICE("The request failed. The log has the reason, under this trace_id.");
	case ERR_OVERLOADED:
		return SLICE("Too many requests are waiting, or this one waited too long. Nothing was done.");
	case ERR_STORE_UNAVAILABLE:
		return SLICE("The store does not answer. Repeat the request with the same key.");
	case ERR_CATALOG_UNAVAILABLE:
		return SLICE("The catalog does not answer.");
	case ERR_SHUTTING_DOWN:
		return SLICE("This server is stopping. Another one, or this one in a moment, will take the request.");
	default:
		return (struct slice){0};
	}
}

/* "/seats/1: repeats item 0." or "3 fields are invalid: /event_id, /seats, /x."; `errors` says what is wrong with each. */
static struct slice describe_fields(struct http_request *request, const struct problem *problem)
{
	struct buffer text;
	buffer_init(&text, &request->arena, DETAIL_LENGTH_MAX);
	if (problem->field_count == 1 && slice_is_empty(problem->fields[0].pointer))
		return arena_format(&request->arena, "The body %s.", problem->fields[0].detail);
	if (problem->field_count > 1)
		buffer_append_format(&text, "%u fields are invalid: ", problem->field_count);
	for (uint32_t i = 0; i < problem->field_count && i < POINTERS_IN_DETAIL_MAX; i++) {
		struct slice pointer = problem->fields[i].pointer;
		buffer_append_string(&text, i == 0 ? "" : ", ");
		buffer_append_slice(&text, slice_is_empty(pointer) ? SLICE("the body") : pointer);
	}
	if (problem->field_count == 1)
		buffer_append_format(&text, ": %s", problem->fields[0].detail);
	buffer_append_string(&text, problem->field_count > POINTERS_IN_DETAIL_MAX ? " and others." : ".");
	return text.failed ? (struct slice){0} : buffer_slice(&text);
}

/* The caller's detail, else the violations', else the title. */
static struct slice detail_of(struct http_request *request, const struct problem *problem)
{
	struct slice detail = problem->detail;
	if (slice_is_empty(detail) && error_status(problem->error) == 400 && request->query_violation_count > 0) {
		const struct http_query_violation *violation = &request->query_violations[0];
		detail = arena_format(&request->arena, "The query parameter \"%.*s\" %.*s.", SLICE_PRINT(violation->parameter),
		                      SLICE_PRINT(violation->detail));
	} else if (slice_is_empty(detail) && problem->field_count > 0) {
		detail = describe_fields(request, problem);
	}
	if (slice_is_empty(detail))
		detail = usual_detail(request, problem->error);
	return slice_is_empty(detail) ? slice_of(error_title(problem->error)) : detail;
}

static void write_problem(struct buffer *buffer, struct http_request *request, const struct problem *problem)
{
	char trace_id[TRACE_ID_TEXT_LENGTH + 1];
	trace_id_format(&request->trace, trace_id);
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "type", slice_of(error_type(problem->error)));
	json_writer_string(&writer, "title", slice_of(error_title(problem->error)));
	json_writer_uint(&writer, "status", error_status(problem->error));
	json_writer_string(&writer, "detail", problem->detail);
	write_instance(&writer, request);
	json_writer_string(&writer, "trace_id", slice_of(trace_id));
	write_errors(&writer, request, problem);
	write_seats(&writer, problem);
	json_writer_object_end(&writer);
}

static bool may_be_retried_soon(enum error error)
{
	uint16_t status = error_status(error);
	return error_is_retryable(error) && (status == 503 || status == 429 || error == ERR_IDEMPOTENCY_BUSY);
}

static void add_retry_after(struct http_request *request, const struct problem *problem)
{
	if (problem->retry_after_ms == 0 && !may_be_retried_soon(problem->error))
		return;
	uint64_t seconds = problem->retry_after_ms / 1000 + (problem->retry_after_ms % 1000 != 0);
	struct slice text = arena_format(&request->arena, "%llu", (unsigned long long)(seconds == 0 ? 1 : seconds));
	if (text.data != NULL)
		http_response_header(&request->response, SLICE("Retry-After"), text);
}

/* Whether the client knows how to identify itself, whatever its token is worth. */
static bool sends_bearer(const struct http_request *request)
{
	struct slice rest = http_request_header(request, SLICE("authorization"));
	return field_equal(field_cut(&rest, ' '), SLICE("bearer"));
}

/* A token has to have all that `scope` lists, and clients ask their issuer for all of it (RFC 6749, section 3.3): so it is one scope that
 * is enough, also where others would do. The detail names those, too. */
static struct slice scope_challenge(const struct http_request *request)
{
	bool is_admin = request->route != NULL && request->route->access == HTTP_ACCESS_ADMIN;
	return is_admin ? SLICE("Bearer realm=\"tro\", error=\"insufficient_scope\", scope=\"tro:admin\"")
	                : SLICE("Bearer realm=\"tro\", error=\"insufficient_scope\", scope=\"tro:service\"");
}

/* RFC 6750, section 3: a client that sent no bearer token is told what to send, one that did that it was not accepted, or what scope it
 * lacks. */
static void add_challenge(struct http_request *request, enum error error)
{
	struct slice challenge = SLICE("Bearer realm=\"tro\"");
	if (error == ERR_SIGNATURE_INVALID)
		challenge = SLICE("TRO-Signature");
	else if (error == ERR_USER_MISMATCH || error == ERR_FORBIDDEN)
		challenge = scope_challenge(request);
	else if (sends_bearer(request))
		challenge = SLICE("Bearer realm=\"tro\", error=\"invalid_token\"");
	http_response_header(&request->response, SLICE("WWW-Authenticate"), challenge);
}

void problem_respond(struct http_request *request, const struct problem *problem)
{
	assert(problem->error != OK);
	assert(problem->field_count == 0 || problem->fields != NULL);

	struct problem told = *problem;
	if (error_told(told.error) != told.error)
		told = (struct problem){.error = error_told(told.error)};
	if (problem->error == ERR_NO_MEMORY)
		told.detail = SLICE("Memory is short. Repeat the request with the same key.");
	told.detail = detail_of(request, &told);
	struct buffer buffer;
	buffer_init(&buffer, &request->arena, PROBLEM_LENGTH_MAX);
	write_problem(&buffer, request, &told);
	struct slice body = buffer.failed ? SLICE("{}") : buffer_slice(&buffer); /* out of memory: the status alone */
	http_respond(request, error_status(told.error), "application/problem+json", body);
	request->response.error = problem->error;
	add_retry_after(request, &told);
	if (error_status(told.error) == 401 || error_status(told.error) == 403) {
		request->response.detail = told.detail;
		add_challenge(request, told.error);
	}
}

void problem_answer(struct http_request *request, enum error error, const char *detail)
{
	problem_respond(request, &(struct problem){.error = error, .detail = slice_of(detail)});
}
