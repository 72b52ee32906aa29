/* problem.c: see problem.h. */
#include "http/problem.h"

#include <assert.h>

#include "base/json_writer.h"

#define PROBLEM_LENGTH_MAX 65536

static void write_fields(struct json_writer *writer, const struct problem *problem)
{
	if (problem->field_count == 0)
		return;
	json_writer_array_begin(writer, "errors");
	for (uint32_t i = 0; i < problem->field_count; i++) {
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "pointer", problem->fields[i].pointer);
		json_writer_string(writer, "detail", slice_of(problem->fields[i].detail));
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

static void write_problem(struct buffer *buffer, const struct http_request *request, const struct problem *problem)
{
	char trace_id[TRACE_ID_TEXT_LENGTH + 1];
	trace_id_format(&request->trace, trace_id);
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "type", slice_of(error_type(problem->error)));
	json_writer_string(&writer, "title", slice_of(error_title(problem->error)));
	json_writer_uint(&writer, "status", error_status(problem->error));
	json_writer_string(&writer, "detail", slice_is_empty(problem->detail) ? slice_of(error_title(problem->error)) : problem->detail);
	json_writer_string(&writer, "instance", slice_is_empty(request->path) ? SLICE("/") : request->path);
	json_writer_string(&writer, "trace_id", slice_of(trace_id));
	write_fields(&writer, problem);
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

/* RFC 6750, section 3: a client that sent no token is told what to send, one that did is told that it was not accepted. */
static void add_challenge(struct http_request *request, enum error error)
{
	bool has_token = http_request_header(request, SLICE("authorization")).data != NULL;
	struct slice challenge = SLICE("Bearer realm=\"tro\"");
	if (error == ERR_SIGNATURE_INVALID)
		challenge = SLICE("TRO-Signature");
	else if (has_token)
		challenge = SLICE("Bearer realm=\"tro\", error=\"invalid_token\"");
	http_response_header(&request->response, SLICE("WWW-Authenticate"), challenge);
}

void problem_respond(struct http_request *request, const struct problem *problem)
{
	assert(problem->error != OK);
	assert(problem->field_count == 0 || problem->fields != NULL);

	struct problem told = *problem;
	if (error_status(told.error) == 500)
		told = (struct problem){.error = ERR_INTERNAL};
	struct buffer buffer;
	buffer_init(&buffer, &request->arena, PROBLEM_LENGTH_MAX);
	write_problem(&buffer, request, &told);
	struct slice body = buffer.failed ? SLICE("{}") : buffer_slice(&buffer); /* out of memory: the status alone */
	http_respond(request, error_status(told.error), "application/problem+json", body);
	request->response.error = problem->error;
	add_retry_after(request, &told);
	if (error_status(told.error) == 401)
		add_challenge(request, told.error);
}

void problem_answer(struct http_request *request, enum error error, const char *detail)
{
	problem_respond(request, &(struct problem){.error = error, .detail = slice_of(detail)});
}
