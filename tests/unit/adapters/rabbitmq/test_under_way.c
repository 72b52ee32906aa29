/* test_under_way.c: messages of several channels, settled in any order: how far all are confirmed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/rabbitmq/under_way.h"

static struct under_way under_way;

static int set_up(void **state)
{
	(void)state;
	under_way_reset(&under_way);
	return 0;
}

static void events_count_when_all_before_them_are_confirmed_whatever_the_channel(void **state)
{
	(void)state;
	under_way_add(&under_way, 0, 16);
	under_way_add(&under_way, 1, 3);
	under_way_add(&under_way, 0, 1);
	under_way_add(&under_way, 1, 5);
	assert_int_equal(under_way_settle(&under_way, 1, 2, true, false), 2);
	assert_int_equal(under_way_advance(&under_way), 0);
	assert_int_equal(under_way_settle(&under_way, 0, 1, false, false), 1);
	assert_int_equal(under_way_advance(&under_way), 16 + 3);
	assert_false(under_way_is_settled(&under_way));
	assert_int_equal(under_way_settle(&under_way, 0, 2, false, false), 1);
	assert_int_equal(under_way_advance(&under_way), 1 + 5);
	assert_true(under_way_is_settled(&under_way));
	assert_false(under_way.is_refused);
}

static void messages_do_not_advance_past_a_refused_one(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		under_way_add(&under_way, 2, 1);
	assert_int_equal(under_way_settle(&under_way, 2, 1, false, false), 1);
	assert_int_equal(under_way_settle(&under_way, 2, 2, false, true), 1);
	assert_int_equal(under_way_settle(&under_way, 2, 0, true, false), 2); /* those behind it */
	assert_int_equal(under_way_advance(&under_way), 1);
	assert_int_equal(under_way_advance(&under_way), 0);
	assert_true(under_way.is_refused && under_way_is_settled(&under_way));
}

static void a_confirm_of_an_unsent_message_is_ignored(void **state)
{
	(void)state;
	under_way_add(&under_way, 0, 1);
	assert_int_equal(under_way_settle(&under_way, 0, 2, false, true), 0);
	assert_int_equal(under_way_settle(&under_way, 3, 1, true, false), 0);
	assert_int_equal(under_way_settle(&under_way, UNDER_WAY_CHANNELS, 1, false, false), 0);
	assert_int_equal(under_way_advance(&under_way), 0);
	assert_false(under_way.is_refused);
}

static void the_ring_goes_round(void **state)
{
	(void)state;
	uint64_t tags[2] = {0};
	for (uint32_t round = 0; round < 3 * UNDER_WAY_MAX; round += UNDER_WAY_MAX / 4) {
		for (uint32_t i = 0; i < UNDER_WAY_MAX / 4; i++) {
			under_way_add(&under_way, (uint8_t)(i % 2), 2);
			tags[i % 2]++;
		}
		assert_int_equal(under_way_settle(&under_way, 0, tags[0], true, false), UNDER_WAY_MAX / 8);
		assert_int_equal(under_way_settle(&under_way, 1, tags[1], true, false), UNDER_WAY_MAX / 8);
		assert_int_equal(under_way_advance(&under_way), UNDER_WAY_MAX / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(events_count_when_all_before_them_are_confirmed_whatever_the_channel, set_up),
		cmocka_unit_test_setup(messages_do_not_advance_past_a_refused_one, set_up),
		cmocka_unit_test_setup(a_confirm_of_an_unsent_message_is_ignored, set_up),
		cmocka_unit_test_setup(the_ring_goes_round, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
