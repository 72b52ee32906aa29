/* test_chunked.c: the chunked coding comes off however it arrives, and nothing else is taken for it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "http/chunked.h"

#define BODY_MAX 64

struct decoding {
	enum error error;
	bool is_done;
	size_t consumed;
	char body[BODY_MAX + 1];
};

static struct decoding decode(struct slice text, size_t step)
{
	struct decoding result = {0};
	struct http_chunked chunked = {0};
	struct buffer body;
	buffer_init(&body, NULL, BODY_MAX);
	while (result.consumed < text.length && result.error == OK && chunked.state != CHUNKED_DONE) {
		size_t left = text.length - result.consumed;
		struct slice piece = {.data = text.data + result.consumed, .length = left < step ? left : step};
		size_t consumed = 0;
		result.error = http_chunked_decode(&chunked, piece, &body, &consumed).error;
		result.consumed += consumed;
	}
	result.is_done = chunked.state == CHUNKED_DONE;
	if (body.length > 0)
		memcpy(result.body, body.data, body.length);
	buffer_release(&body);
	return result;
}

static void assert_decodes(const char *text, const char *body, size_t rest)
{
	for (size_t step = 1; step < 20; step++) {
		struct decoding result = decode(slice_of(text), step);
		assert_int_equal(result.error, OK);
		assert_true(result.is_done);
		assert_string_equal(result.body, body);
		assert_int_equal(strlen(text) - result.consumed, rest);
	}
}

static void assert_refused(struct slice text, enum error error)
{
	for (size_t step = 1; step < 20; step++) {
		if (decode(text, step).error != error)
			fail_msg("not refused with %s: %.*s", error_name(error), SLICE_PRINT(text));
	}
}

static void chunks_become_a_body(void **state)
{
	(void)state;
	assert_decodes("3\r\nabc\r\n0\r\n\r\n", "abc", 0);
	assert_decodes("1\r\na\r\n00A\r\n0123456789\r\n0000\r\n\r\n", "a0123456789", 0);
	assert_decodes("0\r\n\r\n", "", 0);
}

static void extensions_and_trailers_are_passed_over(void **state)
{
	(void)state;
	assert_decodes("3;name=\"a b\"\r\nabc\r\n0;last\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "abc", 0);
}

static void bytes_behind_the_last_chunk_are_left_alone(void **state)
{
	(void)state;
	assert_decodes("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "abc", 16);
}

static void an_unfinished_body_waits(void **state)
{
	(void)state;
	struct decoding result = decode(SLICE("5\r\nabc"), 100);
	assert_int_equal(result.error, OK);
	assert_false(result.is_done);
	assert_int_equal(result.consumed, 6);
}

static void a_broken_coding_is_refused(void **state)
{
	(void)state;
	static const struct slice texts[] = {
		{"\r\n", 2},      {"x\r\n", 3},
		{"-1\r\n", 4},    {"+1\r\n", 4},
		{"0x1\r\n", 5},   {" 1\r\n", 4},
		{"1 \r\n", 4},    {"1 2\r\n", 5},
		{"1\n", 2},       {"1\ra", 3},
		{";a\r\n", 4},    {"1;a\0\r\n", 6},
		{"1;a\nb", 5},    {"1111111111111111\r\n", 18},
		{"1\r\nabc", 6},  {"1\r\na\n", 5},
		{"1\r\na\r0", 6}, {"0\r\nX\n", 5},
		{"0\r\n\ra", 5},  {"\0\r\n", 3},
		{"0\r\n X", 5},   {"0\r\nX:\r\n\tY", 9},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		assert_refused(texts[i], ERR_BAD_REQUEST);
}

static void sizes_are_limited(void **state)
{
	(void)state;
	assert_refused(SLICE("41\r\n01234567890123456789012345678901234567890123456789012345678901234\r\n0\r\n\r\n"), ERR_BODY_TOO_LARGE);
	assert_refused(SLICE("7ffffffffff\r\na"), ERR_BODY_TOO_LARGE);
	assert_refused(SLICE("20\r\n01234567890123456789012345678901\r\n21\r\n0"), ERR_BODY_TOO_LARGE);
	static char extension[65536] = "1;";
	memset(extension + 2, 'x', sizeof extension - 2);
	assert_int_equal(decode((struct slice){.data = extension, .length = sizeof extension}, 4096).error, ERR_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_become_a_body),
		cmocka_unit_test(extensions_and_trailers_are_passed_over),
		cmocka_unit_test(bytes_behind_the_last_chunk_are_left_alone),
		cmocka_unit_test(an_unfinished_body_waits),
		cmocka_unit_test(a_broken_coding_is_refused),
		cmocka_unit_test(sizes_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
