/* test_store_clock.c: the clock of a machine, put right. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/store_clock.h"
#include "tests/support/fake_time.h"

#define NOW_MS UINT64_C(1800000000000)

struct world {
	struct fake_clock machine;
	struct store_clock clock;
};

static int make_world(void **state)
{
	static struct world world;
	fake_clock_init(&world.machine, NOW_MS);
	store_clock_init(&world.clock, &world.machine.base);
	*state = &world;
	return 0;
}

static void before_the_first_answer_it_is_the_machines(void **state)
{
	struct world *world = *state;
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS);
	fake_clock_advance(&world->machine, 5);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS + 5);
}

static void whether_ahead_or_behind_it_tells_the_stores_time(void **state)
{
	struct world *world = *state;
	store_clock_correct(&world->clock, 600000, 1);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS - 600000);
	store_clock_correct(&world->clock, -70, 1);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS + 70);
	store_clock_correct(&world->clock, 0, 1);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS);
}

static void differences_within_the_error_change_nothing(void **state)
{
	struct world *world = *state;
	store_clock_correct(&world->clock, 100, 1);
	store_clock_correct(&world->clock, 130, 30); /* the answer was slow */
	store_clock_correct(&world->clock, 70, 30);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS - 100);
	store_clock_correct(&world->clock, 131, 30);
	assert_int_equal(clock_now_ms(&world->clock.base), NOW_MS - 131);
}

static void waits_and_latencies_are_left_alone(void **state)
{
	struct world *world = *state;
	uint64_t before_ns = clock_monotonic_ns(&world->clock.base);
	store_clock_correct(&world->clock, 600000, 1);
	assert_int_equal(clock_monotonic_ns(&world->clock.base), before_ns);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_world)
	const struct CMUnitTest tests[] = {
		TEST(before_the_first_answer_it_is_the_machines),
		TEST(whether_ahead_or_behind_it_tells_the_stores_time),
		TEST(differences_within_the_error_change_nothing),
		TEST(waits_and_latencies_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
