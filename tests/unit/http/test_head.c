/* test_head.c: which heads are read, how, and which are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "http/head.h"

static const struct http_head_limits limits = {.head_max = 1024, .target_max = 256};

/* Scans and parses the text as if it had arrived in pieces of `step` bytes. end 0: not complete. */
static struct http_refusal read_head(struct slice text, size_t step, struct http_header headers[static HTTP_HEADERS_MAX],
                                     struct http_head *ret_head, size_t *ret_end)
{
	struct http_head_scan scan = {0};
	size_t end = 0;
	for (size_t arrived = step; end == 0; arrived += step) {
		struct slice input = {.data = text.data, .length = arrived < text.length ? arrived : text.length};
		struct http_refusal refusal = http_head_scan(&scan, input, &limits, &end);
		if (refusal.error != OK || (end == 0 && input.length == text.length)) {
			*ret_end = 0;
			return refusal;
		}
	}
	*ret_end = end;
	return http_head_parse((struct slice){.data = text.data + scan.start, .length = end - scan.start}, headers, ret_head);
}

/* However it arrives, the verdict is the same. */
static enum error verdict(struct slice text, struct http_header headers[static HTTP_HEADERS_MAX], struct http_head *ret_head)
{
	size_t end, end_bytewise;
	enum error whole = read_head(text, text.length, headers, ret_head, &end).error;
	enum error bytewise = read_head(text, 1, headers, ret_head, &end_bytewise).error;
	if (whole != bytewise || end != end_bytewise)
		fail_msg("whole: %s, byte by byte: %s, for %.*s", error_name(whole), error_name(bytewise), SLICE_PRINT(text));
	if (whole == OK && end == 0)
		fail_msg("not complete: %.*s", SLICE_PRINT(text));
	return whole;
}

static struct http_head accepted(const char *text)
{
	static struct http_header headers[HTTP_HEADERS_MAX];
	struct http_head head = {0};
	enum error error = verdict(slice_of(text), headers, &head);
	if (error != OK)
		fail_msg("%s: %s", error_name(error), text);
	return head;
}

static void assert_refused(struct slice text, enum error expected)
{
	struct http_header headers[HTTP_HEADERS_MAX];
	struct http_head head;
	enum error error = verdict(text, headers, &head);
	if (error != expected)
		fail_msg("%s and not %s: %.*s", error_name(error), error_name(expected), SLICE_PRINT(text));
}

static void a_request_is_taken_apart(void **state)
{
	(void)state;
	struct http_head head =
		accepted("POST /v1/holds?a=b HTTP/1.1\r\nHost: tro.example:8080\r\nX-Thing:  two words\t \r\nX-Empty:\r\n\r\n");
	assert_true(slice_equal_string(head.method, "POST"));
	assert_true(slice_equal_string(head.target, "/v1/holds?a=b"));
	assert_false(head.is_version_1_0);
	assert_true(head.is_persistent);
	assert_int_equal(head.framing, HTTP_BODY_NONE);
	assert_int_equal(head.header_count, 3);
	assert_true(slice_equal_string(head.headers[1].name, "X-Thing"));
	assert_true(slice_equal_string(head.headers[1].value, "two words"));
	assert_int_equal(head.headers[2].value.length, 0);
}

static void empty_lines_before_a_request_are_passed_over(void **state)
{
	(void)state;
	struct http_head head = accepted("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(slice_equal_string(head.method, "GET"));
}

static void bytes_behind_the_head_are_left_alone(void **state)
{
	(void)state;
	struct http_head_scan scan = {0};
	struct slice text = SLICE("GET / HTTP/1.0\r\n\r\n\n\0rest");
	size_t end = 0;
	assert_int_equal(http_head_scan(&scan, text, &limits, &end).error, OK);
	assert_int_equal(end, strlen("GET / HTTP/1.0\r\n\r\n"));
}

static void bodies_are_framed_by_length_or_chunks(void **state)
{
	(void)state;
	struct http_head head = accepted("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0012\r\n\r\n");
	assert_int_equal(head.framing, HTTP_BODY_LENGTH);
	assert_int_equal(head.content_length, 12);
	assert_int_equal(accepted("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n").framing, HTTP_BODY_CHUNKED);
}

static void connections_are_kept_or_closed_as_the_client_says(void **state)
{
	(void)state;
	assert_true(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_persistent);
	assert_false(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").is_persistent);
	assert_false(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").is_persistent);
	assert_false(accepted("GET / HTTP/1.0\r\n\r\n").is_persistent);
	assert_true(accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").is_persistent);
}

static void only_new_clients_expect_to_be_told_to_continue(void **state)
{
	(void)state;
	assert_true(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").expects_continue);
	assert_false(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: coffee\r\n\r\n").expects_continue);
	assert_false(accepted("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

static void ambiguous_framing_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"Content-Length: 3\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nContent-Length: 3",
		"Content-Length: 3\r\nContent-Length: 3",
		"Content-Length: 3\r\nContent-Length: 4",
		"Content-Length: 3, 3",
		"Content-Length: +3",
		"Content-Length: -3",
		"Content-Length: 0x3",
		"Content-Length: 3 3",
		"Content-Length:",
		"Content-Length: 18446744073709551616",
		"Content-Length: 99999999999999999999999999",
		"Content-Length : 3",
		"Content-Length\t: 3",
		"Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: xchunked",
		"Transfer-Encoding: chunked;q=1",
		"Transfer-Encoding: \vchunked",
		"Transfer-Encoding:",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		"X: a\r\n b",
		"X: a\r\n\tb",
		"X: a\nContent-Length: 3",
		"X: a\rContent-Length: 3",
		"X: a\r\r",
		": value",
		"no colon",
		"X Y: z",
		"X(Y): z",
		"Host: b",
		"Authorization: a\r\nAuthorization: a",
		"Idempotency-Key: a\r\nIdempotency-Key: b",
		"Content-Type: application/json\r\ncontent-type: text/plain",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		char text[512];
		snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", lines[i]);
		assert_refused(slice_of(text), ERR_BAD_REQUEST);
	}
	assert_refused(SLICE("POST / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("POST / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("POST / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR_BAD_REQUEST);
}

static void a_host_is_needed_and_is_one(void **state)
{
	(void)state;
	assert_refused(SLICE("GET / HTTP/1.1\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), ERR_BAD_REQUEST);
	accepted("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n");
	accepted("GET / HTTP/1.1\r\nHost:\r\n\r\n");
	accepted("GET / HTTP/1.0\r\n\r\n");
}

static void bad_request_lines_are_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"GET /",
		"GET  / HTTP/1.1",
		"GET /  HTTP/1.1",
		"GET / HTTP/1.1 ",
		"GET / HTTP/1.1 x",
		"GET\t/ HTTP/1.1",
		"GET / HTTP/1",
		"GET / http/1.1",
		"GET / HTTP/1.9",
		"GET / HTTP/2.0",
		"GET / HTTP/11.1",
		"GET /a b HTTP/1.1",
		"GET /\xc3\xa9 HTTP/1.1",
		"G(T / HTTP/1.1",
		" GET / HTTP/1.1",
		"/",
		"GET",
		"HTTP/1.1 200 OK",
		"PRI * HTTP/2.0",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		char text[512];
		snprintf(text, sizeof text, "%s\r\nHost: a\r\n\r\n", lines[i]);
		assert_refused(slice_of(text), ERR_BAD_REQUEST);
	}
	assert_refused(SLICE("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_BAD_REQUEST);
}

static void garbage_is_refused_without_waiting_for_its_end(void **state)
{
	(void)state;
	assert_refused(SLICE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), ERR_BAD_REQUEST); /* a TLS hello */
	assert_refused(SLICE("SSH-2.0-OpenSSH_9.2\r\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"), ERR_BAD_REQUEST);
	assert_refused(SLICE("\n"), ERR_BAD_REQUEST);
	assert_refused(SLICE("GET / HTTP/1.1\n"), ERR_BAD_REQUEST);
}

/* "GET /xxx… HTTP/1.1", then `lines` fields of 20 bytes. */
static struct slice large_head(size_t target_length, size_t lines, char *text, size_t size)
{
	size_t length = 0;
	length += (size_t)snprintf(text, size, "GET /%0*d HTTP/1.1\r\nHost: a\r\n", (int)target_length - 1, 0);
	for (size_t i = 0; i < lines; i++)
		length += (size_t)snprintf(text + length, size - length, "X-%04zu: 0123456789\r\n", i);
	length += (size_t)snprintf(text + length, size - length, "\r\n");
	assert_true(length < size);
	return (struct slice){.data = text, .length = length};
}

static void sizes_are_limited(void **state)
{
	(void)state;
	static char text[65536];
	static struct http_header headers[HTTP_HEADERS_MAX];
	struct http_head head;
	assert_int_equal(verdict(large_head(256, 0, text, sizeof text), headers, &head), OK);
	assert_refused(large_head(257, 0, text, sizeof text), ERR_URI_TOO_LONG);
	assert_refused(large_head(30000, 0, text, sizeof text), ERR_URI_TOO_LONG);
	assert_int_equal(verdict(large_head(10, 45, text, sizeof text), headers, &head), OK);
	assert_refused(large_head(10, 60, text, sizeof text), ERR_HEADERS_TOO_LARGE);
}

/* Every violation around every limit: the first decides, however much of the head has arrived by then. */
static void the_first_violation_decides_however_the_head_arrives(void **state)
{
	(void)state;
	static char text[2048];
	struct http_header headers[HTTP_HEADERS_MAX];
	struct http_head head;
	static const char violations[] = " \r\n\x01\xff:";
	static const struct {
		size_t target_length, lines, first_position;
	} heads[] = {{255, 0, 240}, {256, 0, 240}, {257, 0, 240}, {300, 0, 240}, {10, 52, 1000}};
	for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
		struct slice input = large_head(heads[i].target_length, heads[i].lines, text, sizeof text);
		for (size_t position = heads[i].first_position; position < input.length; position++) {
			for (size_t violation = 0; violation < sizeof violations - 1; violation++) {
				char good = text[position];
				text[position] = violations[violation];
				(void)verdict(input, headers, &head);
				text[position] = good;
			}
		}
	}
	struct slice input = large_head(300, 0, text, sizeof text);
	text[240] = '\xff';
	assert_refused(input, ERR_BAD_REQUEST);
	input = large_head(300, 0, text, sizeof text);
	text[280] = '\xff';
	assert_refused(input, ERR_URI_TOO_LONG);
}

static void more_header_fields_than_there_is_room_for_are_refused(void **state)
{
	(void)state;
	static char text[65536];
	struct http_header headers[HTTP_HEADERS_MAX];
	struct http_head head = {0};
	assert_int_equal(http_head_parse(large_head(1, HTTP_HEADERS_MAX - 1, text, sizeof text), headers, &head).error, OK);
	assert_int_equal(head.header_count, HTTP_HEADERS_MAX);
	assert_int_equal(http_head_parse(large_head(1, HTTP_HEADERS_MAX, text, sizeof text), headers, &head).error, ERR_HEADERS_TOO_LARGE);
}

static void any_bytes_are_survived(void **state)
{
	(void)state;
	static const char alphabet[] = "GET POST / HTTP/1.1\r\n\r\n\r\nHost: a:,;\t\x00\xff"
				       "chunked0123456789";
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		char text[128];
		size_t length = (size_t)random() % sizeof text;
		for (size_t i = 0; i < length; i++)
			text[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
		struct http_header headers[HTTP_HEADERS_MAX];
		struct http_head head;
		size_t end;
		struct http_refusal refusal =
			read_head((struct slice){.data = text, .length = length}, 1 + (size_t)random() % 8, headers, &head, &end);
		assert_true(refusal.error == OK || refusal.detail != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(empty_lines_before_a_request_are_passed_over),
		cmocka_unit_test(bytes_behind_the_head_are_left_alone),
		cmocka_unit_test(bodies_are_framed_by_length_or_chunks),
		cmocka_unit_test(connections_are_kept_or_closed_as_the_client_says),
		cmocka_unit_test(only_new_clients_expect_to_be_told_to_continue),
		cmocka_unit_test(ambiguous_framing_is_refused),
		cmocka_unit_test(a_host_is_needed_and_is_one),
		cmocka_unit_test(bad_request_lines_are_refused),
		cmocka_unit_test(garbage_is_refused_without_waiting_for_its_end),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(the_first_violation_decides_however_the_head_arrives),
		cmocka_unit_test(more_header_fields_than_there_is_room_for_are_refused),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
