/* test_buffer.c: a buffer's contents, and its maximum. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"

static void assert_content(const struct buffer *buffer, const char *expected)
{
	assert_false(buffer->failed);
	if (!slice_equal_string(buffer_slice(buffer), expected))
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(buffer_slice(buffer)), expected);
}

static void appended_bytes_follow_the_content(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, NULL, 1000);
	buffer_append(&buffer, "ab", 2);
	buffer_append(&buffer, NULL, 0);
	buffer_append_byte(&buffer, 'c');
	buffer_append_slice(&buffer, SLICE("de"));
	buffer_append_string(&buffer, "fg");
	buffer_append_format(&buffer, "%s%d", "h", 1);
	buffer_append_format(&buffer, "%s", "");
	assert_content(&buffer, "abcdefgh1");
	buffer_release(&buffer);
	buffer_release(NULL);
}

static void numbers_are_written_in_full(void **state)
{
	(void)state;
	static const uint64_t values[] = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12345, 99999999, 100000000, INT64_MAX, UINT64_MAX};
	struct buffer buffer;
	buffer_init(&buffer, NULL, 100);
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		char expected[32];
		snprintf(expected, sizeof expected, "%" PRIu64, values[i]);
		buffer_clear(&buffer);
		buffer_append_uint(&buffer, values[i]);
		assert_content(&buffer, expected);
	}
	buffer_clear(&buffer);
	buffer_append_int(&buffer, INT64_MIN);
	buffer_append_byte(&buffer, ' ');
	buffer_append_int(&buffer, INT64_MAX);
	buffer_append_byte(&buffer, ' ');
	buffer_append_int(&buffer, -1);
	buffer_append_int(&buffer, 0);
	assert_content(&buffer, "-9223372036854775808 9223372036854775807 -10");
	buffer_release(&buffer);
}

static void it_can_be_filled_to_the_last_byte(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, NULL, 5);
	buffer_append_format(&buffer, "%s", "hello"); /* vsnprintf's zero needs no room */
	assert_content(&buffer, "hello");
	buffer_append(&buffer, "", 0);
	assert_content(&buffer, "hello");
	buffer_release(&buffer);
}

static void a_write_that_does_not_fit_leaves_it_as_it_was(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, NULL, 5);
	buffer_append_string(&buffer, "abc");
	buffer_append_string(&buffer, "def");
	assert_true(buffer.failed);
	buffer_append_int(&buffer, -10);
	buffer_append_format(&buffer, "%d", 1000);
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_true(slice_equal_string(buffer_slice(&buffer), "abc"));
	buffer_clear(&buffer);
	assert_content(&buffer, "");
	buffer_append_string(&buffer, "fresh");
	assert_content(&buffer, "fresh");
	buffer_release(&buffer);
}

static void it_grows_and_keeps_its_content(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1024, 1 << 20);
	struct arena *places[] = {NULL, &arena};
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		struct buffer buffer;
		buffer_init(&buffer, places[i], 10000);
		for (int k = 0; k < 10000; k++)
			buffer_append_byte(&buffer, (char)('a' + k % 26));
		assert_false(buffer.failed);
		assert_int_equal(buffer.length, 10000);
		for (int k = 0; k < 10000; k++)
			assert_int_equal(buffer.data[k], 'a' + k % 26);
		buffer_append_byte(&buffer, 'x');
		assert_true(buffer.failed);
		buffer_release(&buffer);
	}
	arena_release(&arena);
}

static void an_arena_that_is_full_fails_it(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 300, 300);
	struct buffer buffer;
	buffer_init(&buffer, &arena, 10000);
	buffer_append_string(&buffer, "kept");
	assert_null(buffer_reserve(&buffer, 1000));
	assert_true(buffer.failed);
	assert_true(slice_equal_string(buffer_slice(&buffer), "kept"));
	arena_release(&arena);
}

static void a_writer_in_place_adds_what_it_wrote(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, NULL, 100);
	char *room = buffer_reserve(&buffer, 50);
	assert_non_null(room);
	memcpy(room, "seat", 4);
	buffer.length += 4;
	assert_content(&buffer, "seat");
	buffer_release(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended_bytes_follow_the_content),    cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(it_can_be_filled_to_the_last_byte),    cmocka_unit_test(a_write_that_does_not_fit_leaves_it_as_it_was),
		cmocka_unit_test(it_grows_and_keeps_its_content),       cmocka_unit_test(an_arena_that_is_full_fails_it),
		cmocka_unit_test(a_writer_in_place_adds_what_it_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
