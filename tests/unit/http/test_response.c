/* test_response.c: heads of answers, problems, and fields for browsers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/cors.h"
#include "http/problem.h"
#include "http/response_head.h"

static struct http_request request;

static int set_up(void **state)
{
	(void)state;
	request = (struct http_request){.method = HTTP_GET, .path = SLICE("/v1/holds"), .id = SLICE("the-id")};
	request.trace.trace_id[0] = 0xab;
	arena_init(&request.arena, 4096, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&request.arena);
	return 0;
}

/* The head as text; valid until the next call. */
static const char *written(bool is_persistent, bool is_version_1_0)
{
	static char text[8192];
	struct buffer buffer;
	buffer_init(&buffer, NULL, sizeof text - 1);
	const struct http_delivery delivery = {
		.is_persistent = is_persistent, .is_version_1_0 = is_version_1_0, .date = SLICE("Sun, 22 Nov 2026 23:03:11 GMT")};
	http_response_write_head(&request, &delivery, &buffer);
	assert_false(buffer.failed);
	memcpy(text, buffer.data, buffer.length);
	text[buffer.length] = '\0';
	buffer_release(&buffer);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("%s in\n%s", part, text);
}

static void a_head_has_everything_that_every_answer_has(void **state)
{
	(void)state;
	http_response_header(&request.response, SLICE("Location"), SLICE("/v1/holds/1"));
	http_respond(&request, 201, "application/json", SLICE("{}"));
	assert_string_equal(written(true, false), "HTTP/1.1 201 Created\r\n"
	                                          "Date: Sun, 22 Nov 2026 23:03:11 GMT\r\n"
	                                          "Content-Type: application/json\r\n"
	                                          "Content-Length: 2\r\n"
	                                          "Cache-Control: no-store\r\n"
	                                          "X-Content-Type-Options: nosniff\r\n"
	                                          "Referrer-Policy: no-referrer\r\n"
	                                          "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
	                                          "X-Request-Id: the-id\r\n"
	                                          "Location: /v1/holds/1\r\n"
	                                          "\r\n");
	assert_true(slice_equal_string(http_response_content(&request), "{}"));
}

static void the_connection_s_future_is_told_where_it_is_not_understood(void **state)
{
	(void)state;
	http_respond(&request, 200, "text/plain", SLICE("x"));
	assert_lacks(written(true, false), "Connection:");
	assert_has(written(false, false), "Connection: close\r\n");
	assert_has(written(false, true), "Connection: close\r\n");
	assert_has(written(true, true), "Connection: keep-alive\r\n");
}

static void a_handler_may_allow_more(void **state)
{
	(void)state;
	request.response.cache_control = "public, max-age=60";
	request.response.content_security_policy = "default-src 'self'";
	http_respond(&request, 200, "text/html", SLICE("x"));
	assert_has(written(true, false), "Cache-Control: public, max-age=60\r\n");
	assert_has(written(true, false), "Content-Security-Policy: default-src 'self'\r\n");
	assert_lacks(written(true, false), "no-store");
}

static void head_says_the_length_and_sends_nothing(void **state)
{
	(void)state;
	request.method = HTTP_HEAD;
	http_respond(&request, 200, "text/plain", SLICE("12345"));
	assert_has(written(true, false), "Content-Length: 5\r\n");
	assert_int_equal(http_response_content(&request).length, 0);
}

static void no_content_has_no_length(void **state)
{
	(void)state;
	http_respond(&request, 204, NULL, SLICE("ignored"));
	assert_lacks(written(true, false), "\r\nContent-Length");
	assert_lacks(written(true, false), "\r\nContent-Type:");
	assert_int_equal(http_response_content(&request).length, 0);
}

static void answer_with_tag(const char *if_none_match, const char *etag, uint16_t status)
{
	static struct http_header header;
	header = (struct http_header){.name = SLICE("If-None-Match"), .value = slice_of(if_none_match)};
	request.headers = &header;
	request.header_count = 1;
	request.response.etag = slice_of(etag);
	http_respond(&request, status, "text/plain", SLICE("body"));
}

static void a_client_that_has_it_is_told_so(void **state)
{
	(void)state;
	static const char *const matching[] = {"\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\" ,\"c\"", "*", " * "};
	for (size_t i = 0; i < ARRAY_LENGTH(matching); i++) {
		answer_with_tag(matching[i], i % 2 == 0 ? "\"a\"" : "W/\"a\"", 200);
		const char *head = written(true, false);
		assert_has(head, "HTTP/1.1 304 Not Modified\r\n");
		assert_has(head, "ETag: ");
		assert_lacks(head, "\r\nContent-Type:");
		assert_lacks(head, "\r\nContent-Length");
		assert_int_equal(http_response_content(&request).length, 0);
	}
}

static void another_tag_method_or_status_gets_the_whole(void **state)
{
	(void)state;
	static const char *const others[] = {"", "\"b\"", "a", "\"a", "\"A\"", "\"a\"x", "W/a"};
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		answer_with_tag(others[i], "\"a\"", 200);
		assert_has(written(true, false), "HTTP/1.1 200 OK\r\n");
	}
	answer_with_tag("\"a\"", "\"a\"", 404);
	assert_has(written(true, false), "HTTP/1.1 404");
	request.method = HTTP_POST;
	answer_with_tag("\"a\"", "\"a\"", 200);
	assert_has(written(true, false), "HTTP/1.1 200");
}

static void a_problem_has_all_its_members(void **state)
{
	(void)state;
	const struct problem_field fields[] = {{.pointer = SLICE("/seats/2"), .detail = "is not a seat"}};
	const struct slice seats[] = {SLICE("A-1-1"), SLICE("A-1-2")};
	problem_respond(&request, &(struct problem){.error = ERR_SEATS_TAKEN,
	                                            .detail = SLICE("Gone."),
	                                            .fields = fields,
	                                            .field_count = 1,
	                                            .seats = seats,
	                                            .seat_count = 2});
	assert_int_equal(request.response.status, 409);
	assert_string_equal(request.response.content_type, "application/problem+json");
	assert_true(slice_equal_string(
		request.response.body,
		"{\"type\":\"https://tro.example/problems/seats-taken\",\"title\":\"Some of the seats are taken\",\"status\":409,"
		"\"detail\":\"Gone.\",\"instance\":\"/v1/holds\",\"trace_id\":\"ab000000000000000000000000000000\","
		"\"errors\":[{\"pointer\":\"/seats/2\",\"detail\":\"is not a seat\"}],\"seats\":[\"A-1-1\",\"A-1-2\"]}"));
	assert_int_equal(request.response.header_count, 0);
}

static void the_instance_is_a_uri_reference(void **state)
{
	(void)state;
	request.path = SLICE("/v1/a b\"<%>\xc3\xa4/~x:1;@,=");
	problem_answer(&request, ERR_NOT_FOUND, NULL);
	assert_has(request.response.body.data, "\"instance\":\"/v1/a%20b%22%3C%25%3E%C3%A4/~x:1;@,=\"");
}

static void violations_of_the_query_are_listed(void **state)
{
	(void)state;
	assert_int_equal(http_request_query_violation(&request, SLICE("limit"), SLICE("must be a number")), ERR_BAD_REQUEST);
	for (uint32_t i = 0; i < 2 * HTTP_QUERY_VIOLATIONS_MAX; i++)
		assert_int_equal(http_request_query_violation(&request, SLICE("x"), SLICE("is unknown")), ERR_BAD_REQUEST);
	assert_int_equal(request.query_violation_count, HTTP_QUERY_VIOLATIONS_MAX);
	problem_answer(&request, ERR_BAD_REQUEST, NULL);
	const char *body = request.response.body.data;
	assert_has(body, "\"detail\":\"The query parameter \\\"limit\\\" must be a number.\"");
	assert_has(body, "\"errors\":[{\"parameter\":\"limit\",\"detail\":\"must be a number\"},{\"parameter\":\"x\",");
	request.response = (struct http_response){0};
	problem_answer(&request, ERR_OVERLOADED, NULL);
	assert_lacks(request.response.body.data, "errors");
}

static void internal_errors_tell_no_details(void **state)
{
	(void)state;
	problem_answer(&request, ERR_CORRUPT, "the secret");
	assert_int_equal(request.response.error, ERR_CORRUPT); /* for the log */
	const char *body = request.response.body.data;
	assert_int_equal(request.response.status, 500);
	assert_has(body, "/problems/internal\"");
	assert_lacks(body, "secret");
	assert_lacks(body, "Stored data");
}

static void a_problem_without_details_still_says_something(void **state)
{
	(void)state;
	request.path = (struct slice){0};
	problem_answer(&request, ERR_BAD_REQUEST, NULL);
	assert_has(request.response.body.data, "\"detail\":\"Malformed request\",\"instance\":\"/\"");
}

static const char *header_value(const char *name)
{
	for (uint32_t i = 0; i < request.response.header_count; i++) {
		if (slice_equal_string(request.response.headers[i].name, name))
			return request.response.headers[i].value.data;
	}
	return NULL;
}

static void clients_are_told_when_to_come_back(void **state)
{
	(void)state;
	static const struct {
		enum error error;
		uint64_t retry_after_ms;
		const char *text;
	} rows[] = {
		{ERR_OVERLOADED, 0, "1"},       {ERR_STORE_UNAVAILABLE, 1, "1"}, {ERR_RATE_LIMITED, 12001, "13"},
		{ERR_IDEMPOTENCY_BUSY, 0, "1"}, {ERR_SALES_PAUSED, 0, NULL},     {ERR_REQUEST_TIMEOUT, 0, NULL},
		{ERR_INTERNAL, 0, NULL},        {ERR_NOT_FOUND, 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		request.response = (struct http_response){0};
		problem_respond(&request, &(struct problem){.error = rows[i].error, .retry_after_ms = rows[i].retry_after_ms});
		const char *value = header_value("Retry-After");
		if (rows[i].text == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].text);
	}
}

static void callers_are_told_how_to_identify_themselves(void **state)
{
	(void)state;
	problem_answer(&request, ERR_UNAUTHENTICATED, NULL);
	assert_string_equal(header_value("WWW-Authenticate"), "Bearer realm=\"tro\"");
	const struct http_header token = {.name = SLICE("authorization"), .value = SLICE("Bearer x")};
	request.headers = &token;
	request.header_count = 1;
	request.response = (struct http_response){0};
	problem_answer(&request, ERR_UNAUTHENTICATED, NULL);
	assert_string_equal(header_value("WWW-Authenticate"), "Bearer realm=\"tro\", error=\"invalid_token\"");
	const struct http_header password = {.name = SLICE("authorization"), .value = SLICE("Basic Bearer")};
	request.headers = &password;
	request.response = (struct http_response){0};
	problem_answer(&request, ERR_UNAUTHENTICATED, NULL);
	assert_string_equal(header_value("WWW-Authenticate"), "Bearer realm=\"tro\"");
	request.response = (struct http_response){0};
	problem_answer(&request, ERR_SIGNATURE_INVALID, NULL);
	assert_string_equal(header_value("WWW-Authenticate"), "TRO-Signature");
}

static void answer_origin(const char *origin)
{
	static struct http_header header;
	const struct cors_origins origins = {.origins = {SLICE("https://shop.example")}, .count = 1};
	header = (struct http_header){.name = SLICE("Origin"), .value = slice_of(origin)};
	request.headers = &header;
	request.header_count = 1;
	request.response = (struct http_response){0};
	cors_answer(&origins, &request);
	assert_string_equal(header_value("Vary"), "Origin");
}

static void only_allowed_origins_may_read_answers(void **state)
{
	(void)state;
	answer_origin("https://shop.example");
	assert_string_equal(header_value("Access-Control-Allow-Origin"), "https://shop.example");
	assert_has(header_value("Access-Control-Expose-Headers"), "Idempotency-Replayed");
	static const char *const others[] = {
		"https://shop.example.evil", "http://shop.example", "https://shop.example:8443", "null", "*", ""};
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		answer_origin(others[i]);
		assert_null(header_value("Access-Control-Allow-Origin"));
	}
	request.response = (struct http_response){0};
	cors_answer(&(struct cors_origins){0}, &request);
	assert_int_equal(request.response.header_count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_head_has_everything_that_every_answer_has),
		T(the_connection_s_future_is_told_where_it_is_not_understood),
		T(a_handler_may_allow_more),
		T(head_says_the_length_and_sends_nothing),
		T(no_content_has_no_length),
		T(a_client_that_has_it_is_told_so),
		T(another_tag_method_or_status_gets_the_whole),
		T(a_problem_has_all_its_members),
		T(the_instance_is_a_uri_reference),
		T(violations_of_the_query_are_listed),
		T(internal_errors_tell_no_details),
		T(a_problem_without_details_still_says_something),
		T(clients_are_told_when_to_come_back),
		T(callers_are_told_how_to_identify_themselves),
		T(only_allowed_origins_may_read_answers),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
