/* test_log_limit.c: ten lines of a message a second, and what is told of the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "obs/log_limit.h"

static struct log_limit limit;

static int set_up(void **state)
{
	(void)state;
	log_limit_init(&limit);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_limit_release(&limit);
	return 0;
}

static uint32_t allowed(const char *message, uint32_t count, uint64_t now_ms)
{
	uint32_t lines = 0;
	for (uint32_t i = 0; i < count; i++)
		lines += log_limit_allows(&limit, message, now_ms);
	return lines;
}

static void ten_of_each_message_are_written_in_a_second(void **state)
{
	(void)state;
	char same_text[] = "it hangs";
	assert_int_equal(allowed("it hangs", 8, 5000), 8);
	assert_int_equal(allowed(same_text, 8, 5999), 2);
	assert_int_equal(allowed("it is back", 100, 5999), 10);
	assert_int_equal(allowed("it hangs", 11, 6000), 10);
}

static void the_number_left_out_is_told_once_when_its_second_is_over(void **state)
{
	(void)state;
	uint32_t left_out = 0;
	assert_int_equal(allowed("it hangs", 25, 5000), 10);
	assert_int_equal(allowed("it is back", 3, 5000), 3);
	assert_null(log_limit_take(&limit, 5999, &left_out));
	assert_string_equal(log_limit_take(&limit, 6000, &left_out), "it hangs");
	assert_int_equal(left_out, 15);
	assert_null(log_limit_take(&limit, 6000, &left_out));
	assert_int_equal(allowed("it is back", 30, 7000), 10);
	assert_string_equal(log_limit_take(&limit, UINT64_MAX, &left_out), "it is back");
	assert_int_equal(left_out, 20);
}

static void more_messages_than_are_told_apart_are_all_written(void **state)
{
	(void)state;
	static char messages[LOG_LIMIT_MESSAGES + 1][16];
	for (uint32_t i = 0; i <= LOG_LIMIT_MESSAGES; i++) {
		snprintf(messages[i], sizeof messages[i], "message %u", i);
		assert_int_equal(allowed(messages[i], 20, 5000), i < LOG_LIMIT_MESSAGES ? 10 : 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ten_of_each_message_are_written_in_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_number_left_out_is_told_once_when_its_second_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_messages_than_are_told_apart_are_all_written, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
