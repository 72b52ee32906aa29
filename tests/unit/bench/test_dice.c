/* test_dice.c: choices stay in their range, and the popular ones are popular. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "bench/dice.h"

static void choices_stay_in_their_range(void **state)
{
	(void)state;
	struct dice dice = {.state = 1};
	for (uint32_t limit = 1; limit < 2000; limit++) {
		for (int i = 0; i < 50; i++) {
			assert_true(dice_below(&dice, limit) < limit);
			assert_true(dice_popular(&dice, limit) < limit);
		}
	}
}

static void a_seed_repeats_its_choices(void **state)
{
	(void)state;
	struct dice one = {.state = 42}, other = {.state = 42};
	for (int i = 0; i < 1000; i++)
		assert_true(dice_next(&one) == dice_next(&other));
}

static void every_doubling_of_the_rank_is_as_popular(void **state)
{
	(void)state;
	struct dice dice = {.state = 7};
	uint32_t octaves[10] = {0};
	for (int i = 0; i < 100000; i++)
		octaves[31 - __builtin_clz(dice_popular(&dice, 1023) + 1)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(octaves[i], 9500, 10500);
}

static void percents_are_percents(void **state)
{
	(void)state;
	struct dice dice = {.state = 3};
	uint32_t hits = 0;
	for (int i = 0; i < 100000; i++) {
		hits += dice_percent(&dice, 30);
		assert_false(dice_percent(&dice, 0));
		assert_true(dice_percent(&dice, 100));
	}
	assert_in_range(hits, 29500, 30500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices_stay_in_their_range),
		cmocka_unit_test(a_seed_repeats_its_choices),
		cmocka_unit_test(every_doubling_of_the_rank_is_as_popular),
		cmocka_unit_test(percents_are_percents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
