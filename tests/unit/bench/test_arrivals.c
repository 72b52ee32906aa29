/* test_arrivals.c: journeys begin at their moments, whatever became of those before. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "bench/arrivals.h"
#include "bench/clock.h"

#define START (UINT64_C(1000) * NS_PER_S)

static void a_fixed_rate_does_not_drift(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = UINT64_MAX, .rate = 3};
	uint64_t intended_ns = 0;
	for (uint64_t number = 0; number < 3000000; number++) {
		assert_true(arrivals_take(&arrivals, UINT64_MAX - 1, &intended_ns));
		if (number % 3 == 0)
			assert_int_equal(intended_ns, START + number / 3 * NS_PER_S);
	}
	assert_int_equal(intended_ns, START + 999999 * NS_PER_S + 666666666);
}

static void none_is_taken_before_its_moment(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = UINT64_MAX, .rate = 1000};
	uint64_t intended_ns = 7;
	assert_false(arrivals_take(&arrivals, START - 1, &intended_ns));
	assert_int_equal(intended_ns, 7);
	assert_true(arrivals_take(&arrivals, START, &intended_ns));
	assert_int_equal(arrivals_due_ns(&arrivals, START), START + NS_PER_MS);
	assert_false(arrivals_take(&arrivals, START + NS_PER_MS - 1, &intended_ns));
	assert_true(arrivals_take(&arrivals, START + NS_PER_MS, &intended_ns));
}

static void a_late_arrival_keeps_its_intended_moment(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = UINT64_MAX, .rate = 100};
	uint64_t late_ns = START + NS_PER_S / 2;
	for (uint64_t number = 0; number <= 50; number++) {
		uint64_t intended_ns = 0;
		assert_true(arrivals_take(&arrivals, late_ns, &intended_ns));
		assert_int_equal(intended_ns, START + number * 10 * NS_PER_MS);
	}
	uint64_t intended_ns;
	assert_false(arrivals_take(&arrivals, late_ns, &intended_ns));
}

static void a_closed_loop_is_always_due(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = START + NS_PER_S};
	uint64_t intended_ns = 0;
	assert_true(arrivals_take(&arrivals, START + 5, &intended_ns));
	assert_int_equal(intended_ns, START + 5);
	assert_true(arrivals_take(&arrivals, START + 5, &intended_ns));
	assert_true(arrivals_due_ns(&arrivals, START + 6) <= START + 6);
}

static void nothing_begins_at_the_end(void **state)
{
	(void)state;
	uint64_t intended_ns;
	struct arrivals closed = {.start_ns = START, .end_ns = START + NS_PER_S};
	assert_true(arrivals_take(&closed, START + NS_PER_S - 1, &intended_ns));
	assert_false(arrivals_take(&closed, START + NS_PER_S, &intended_ns));
	assert_true(arrivals_due_ns(&closed, START + NS_PER_S) == ARRIVALS_OVER);

	struct arrivals open = {.start_ns = START, .end_ns = START + NS_PER_S, .rate = 2};
	assert_true(arrivals_take(&open, START + NS_PER_S - 1, &intended_ns));
	assert_true(arrivals_take(&open, START + NS_PER_S - 1, &intended_ns));
	assert_true(arrivals_due_ns(&open, START + NS_PER_S - 1) == ARRIVALS_OVER);
}

static void no_more_begin_than_wanted(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = UINT64_MAX, .maximum = 2};
	uint64_t intended_ns;
	assert_true(arrivals_take(&arrivals, START, &intended_ns));
	assert_true(arrivals_take(&arrivals, START, &intended_ns));
	assert_false(arrivals_take(&arrivals, START, &intended_ns));
}

static void requests_that_never_began_are_counted(void **state)
{
	(void)state;
	struct arrivals arrivals = {.start_ns = START, .end_ns = START + 2 * NS_PER_S + NS_PER_S / 2, .rate = 100};
	assert_int_equal(arrivals_missed(&arrivals), 250);
	uint64_t intended_ns;
	for (int i = 0; i < 100; i++)
		assert_true(arrivals_take(&arrivals, START + 2 * NS_PER_S, &intended_ns));
	assert_int_equal(arrivals_missed(&arrivals), 150);
	arrivals.maximum = 120;
	assert_int_equal(arrivals_missed(&arrivals), 20);
	arrivals.rate = 0;
	assert_int_equal(arrivals_missed(&arrivals), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fixed_rate_does_not_drift),
		cmocka_unit_test(none_is_taken_before_its_moment),
		cmocka_unit_test(a_late_arrival_keeps_its_intended_moment),
		cmocka_unit_test(a_closed_loop_is_always_due),
		cmocka_unit_test(nothing_begins_at_the_end),
		cmocka_unit_test(no_more_begin_than_wanted),
		cmocka_unit_test(requests_that_never_began_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
