/* test_backoff.c: pauses grow, within their bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/backoff.h"

static void pauses_stay_between_base_and_three_times_the_last(void **state)
{
	(void)state;
	struct backoff backoff = {.base_ms = 10, .maximum_ms = 1000};
	uint64_t random = 88172645463325252;
	uint64_t last = 10;
	uint64_t largest = 0;
	for (uint32_t i = 0; i < 10000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint64_t pause = backoff_next(&backoff, random);
		assert_in_range(pause, 10, last * 3 < 1000 ? last * 3 : 1000);
		last = pause;
		largest = pause > largest ? pause : largest;
	}
	assert_true(largest > 900);
}

static void reset_starts_from_the_base(void **state)
{
	(void)state;
	struct backoff backoff = {.base_ms = 10, .maximum_ms = 1000};
	for (uint32_t i = 0; i < 20; i++)
		(void)backoff_next(&backoff, UINT64_C(1) << 40);
	backoff_reset(&backoff);
	assert_in_range(backoff_next(&backoff, 7), 10, 30);
}

static void equal_bounds_are_a_constant_pause(void **state)
{
	(void)state;
	struct backoff backoff = {.base_ms = 5, .maximum_ms = 5};
	assert_int_equal(backoff_next(&backoff, 0), 5);
	assert_int_equal(backoff_next(&backoff, UINT64_MAX), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_stay_between_base_and_three_times_the_last),
		cmocka_unit_test(reset_starts_from_the_base),
		cmocka_unit_test(equal_bounds_are_a_constant_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
