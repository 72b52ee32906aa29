/* test_seat_plan.c: labels and numbers are the same seats. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "bench/seat_plan.h"

static void every_label_reads_back(void **state)
{
	(void)state;
	for (uint32_t seat = 0; seat < SEAT_PLAN_SEATS_MAX; seat++) {
		struct seat_label_text label = seat_plan_label(seat);
		uint32_t found;
		assert_int_equal(label.length, strlen(label.text));
		if (!seat_plan_parse(slice_of(label.text), &found) || found != seat)
			fail_msg("seat %u is called %s", seat, label.text);
	}
}

static void labels_are_as_documented(void **state)
{
	(void)state;
	assert_string_equal(seat_plan_label(0).text, "A-1-1");
	assert_string_equal(seat_plan_label(99).text, "A-1-100");
	assert_string_equal(seat_plan_label(100).text, "A-2-1");
	assert_string_equal(seat_plan_label(10000).text, "B-1-1");
	assert_string_equal(seat_plan_label(260000).text, "AA-1-1");
	assert_string_equal(seat_plan_label(SEAT_PLAN_SEATS_MAX - 1).text, "CV-100-100");
}

static void other_labels_are_refused(void **state)
{
	(void)state;
	static const char *const labels[] = {
		"",       "A",       "A-1",     "A-1-",   "A--1",   "-1-1",     "A-0-1",
		"A-1-0",  "A-101-1", "A-1-101", "a-1-1",  "1-1-1",  "CW-1-1",   "ZZ-1-1",
		"A-1-1x", "A-1x-1",  "A-1-1-",  "A-1-1 ", " A-1-1", "A-1000-1", "AAAAAAAAAAAAAAAA-1-1",
	};
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		uint32_t seat;
		if (seat_plan_parse(slice_of(labels[i]), &seat))
			fail_msg("%s is no seat", labels[i]);
	}
}

static void seats_are_rounded_to_whole_rows(void **state)
{
	(void)state;
	assert_int_equal(seat_plan_round(1), 1);
	assert_int_equal(seat_plan_round(99), 99);
	assert_int_equal(seat_plan_round(101), 200);
	assert_int_equal(seat_plan_round(12300), 12300);
	assert_int_equal(seat_plan_round(SEAT_PLAN_SEATS_MAX), SEAT_PLAN_SEATS_MAX);
}

static void assert_sections(uint32_t seats, const char *expected)
{
	struct buffer body;
	buffer_init(&body, NULL, 4096);
	seat_plan_write(&body, seats);
	buffer_append_byte(&body, '\0');
	assert_string_equal(body.data, expected);
	buffer_release(&body);
}

static void sections_have_exactly_the_seats(void **state)
{
	(void)state;
	assert_sections(7, "[{\"name\":\"A\",\"price\":2000,\"rows\":1,\"seats_per_row\":7}]");
	assert_sections(10300, "[{\"name\":\"A\",\"price\":2000,\"rows\":100,\"seats_per_row\":100},"
	                       "{\"name\":\"B\",\"price\":2500,\"rows\":3,\"seats_per_row\":100}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_label_reads_back),          cmocka_unit_test(labels_are_as_documented),
		cmocka_unit_test(other_labels_are_refused),        cmocka_unit_test(seats_are_rounded_to_whole_rows),
		cmocka_unit_test(sections_have_exactly_the_seats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
