/* test_response.c: responses are read in pieces of any size, and nothing doubtful passes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/response.h"

/* Hands the text over in two pieces, each in its own allocation so that a sanitizer sees a step too far. */
static enum response_state parse_in_two(const char *text, size_t length, size_t first, struct response *ret_response, char **ret_data)
{
	struct response_parser parser = {0};
	char *data = malloc(first + 1);
	memcpy(data, text, first);
	enum response_state state = RESPONSE_INCOMPLETE;
	if (first > 0)
		state = response_parse(&parser, data, first, ret_response);
	if (state == RESPONSE_INCOMPLETE && first < length) {
		/* the buffer has the body that the parser has moved together, as a connection's would */
		char *grown = malloc(length);
		memcpy(grown, data, first);
		memcpy(grown + first, text + first, length - first);
		free(data);
		data = grown;
		state = response_parse(&parser, data, length, ret_response);
	}
	*ret_data = data;
	return state;
}

static void assert_body(const char *text, uint16_t status, const char *body)
{
	size_t length = strlen(text);
	for (size_t first = 0; first <= length; first++) {
		struct response response = {0};
		char *data;
		assert_int_equal(parse_in_two(text, length, first, &response, &data), RESPONSE_COMPLETE);
		assert_int_equal(response.status, status);
		assert_int_equal(response.length, length);
		assert_int_equal(response.body.length, strlen(body));
		assert_memory_equal(response.body.data, body, strlen(body));
		free(data);
	}
}

static void a_response_is_the_same_however_it_is_split(void **state)
{
	(void)state;
	assert_body("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 201, "hello");
	assert_body("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "");
	assert_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	assert_body("HTTP/1.1 304 \r\nContent-Length: 90\r\n\r\n", 304, "");
	assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n", 200,
	            "abc0123456789abcdef");
	assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n\r\r\nA\r\n\n123456789\r\n0\r\nTrailer: x\r\n\r\n", 200,
	            "\r\n123456789");
	assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
	assert_body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, "abc");
}

static void a_response_arrives_byte_by_byte(void **state)
{
	(void)state;
	char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
	size_t length = strlen(text);
	struct response_parser parser = {0};
	struct response response;
	char *data = malloc(length);
	for (size_t i = 1; i <= length; i++) {
		data[i - 1] = text[i - 1];
		enum response_state expected = i == length ? RESPONSE_COMPLETE : RESPONSE_INCOMPLETE;
		assert_int_equal(response_parse(&parser, data, i, &response), expected);
	}
	assert_int_equal(response.body.length, 7);
	assert_memory_equal(response.body.data, "abcdefg", 7);
	free(data);
}

static void the_next_response_begins_where_one_ends(void **state)
{
	(void)state;
	char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nc";
	struct response_parser parser = {0};
	struct response response;
	assert_int_equal(response_parse(&parser, text, strlen(text), &response), RESPONSE_COMPLETE);
	size_t length = response.length;
	assert_int_equal(response_parse(&parser, text + length, strlen(text) - length, &response), RESPONSE_COMPLETE);
	assert_int_equal(response.status, 404);
	assert_memory_equal(response.body.data, "c", 1);
}

static struct response parse_whole(const char *text)
{
	struct response_parser parser = {0};
	struct response response = {0};
	char *data = strdup(text);
	assert_int_equal(response_parse(&parser, data, strlen(data), &response), RESPONSE_COMPLETE);
	response.body = (struct slice){0}; /* goes with the data */
	free(data);
	return response;
}

static void the_headers_that_matter_are_read(void **state)
{
	(void)state;
	struct response response =
		parse_whole("HTTP/1.1 409 Conflict\r\nRetry-After: 12\r\nidempotency-replayed:true \r\nContent-Length:\t0\r\n\r\n");
	assert_true(response.has_retry_after);
	assert_int_equal(response.retry_after_s, 12);
	assert_true(response.is_replayed);
	assert_false(response.closes);
	response = parse_whole("HTTP/1.1 200 OK\r\nConnection: Close\r\nIdempotency-Replayed: false\r\nContent-Length: 0\r\n\r\n");
	assert_true(response.closes);
	assert_false(response.is_replayed);
	assert_false(response.has_retry_after);
	assert_true(parse_whole("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").closes);
	assert_false(parse_whole("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").closes);
}

static void a_doubtful_response_is_broken(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n Folded: x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct response_parser parser = {0};
		struct response response;
		char *data = strdup(texts[i]);
		if (response_parse(&parser, data, strlen(data), &response) != RESPONSE_BROKEN)
			fail_msg("passed: %s", texts[i]);
		free(data);
	}
}

static void a_response_too_long_is_broken(void **state)
{
	(void)state;
	char *head = malloc(RESPONSE_HEAD_MAX + 2);
	memset(head, 'a', RESPONSE_HEAD_MAX + 2);
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	struct response response;
	struct response_parser parser = {0};
	assert_int_equal(response_parse(&parser, head, RESPONSE_HEAD_MAX, &response), RESPONSE_INCOMPLETE);
	assert_int_equal(response_parse(&parser, head, RESPONSE_HEAD_MAX + 1, &response), RESPONSE_BROKEN);
	free(head);

	char text[100];
	snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", RESPONSE_BODY_MAX + 1);
	parser = (struct response_parser){0};
	assert_int_equal(response_parse(&parser, text, strlen(text), &response), RESPONSE_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_is_the_same_however_it_is_split),
		cmocka_unit_test(a_response_arrives_byte_by_byte),
		cmocka_unit_test(the_next_response_begins_where_one_ends),
		cmocka_unit_test(the_headers_that_matter_are_read),
		cmocka_unit_test(a_doubtful_response_is_broken),
		cmocka_unit_test(a_response_too_long_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
