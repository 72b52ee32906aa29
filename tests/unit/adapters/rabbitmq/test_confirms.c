/* test_confirms.c: confirms in any order, one or many at a time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/rabbitmq/confirms.h"

static void send(struct confirms *confirms, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		confirms_add(confirms);
}

static void confirms_out_of_order_wait_for_the_oldest(void **state)
{
	(void)state;
	static struct confirms confirms;
	confirms_reset(&confirms);
	send(&confirms, 4);
	assert_int_equal(confirms_settle(&confirms, 3, false, false), 1);
	assert_int_equal(confirms_settle(&confirms, 2, false, false), 1);
	assert_int_equal(confirms_count(&confirms), 4);
	assert_int_equal(confirms_settle(&confirms, 1, false, false), 1);
	assert_int_equal(confirms_count(&confirms), 1);
	assert_int_equal(confirms_settle(&confirms, 4, false, false), 1);
	assert_int_equal(confirms_count(&confirms), 0);
}

static void many_are_settled_at_once_and_none_twice(void **state)
{
	(void)state;
	static struct confirms confirms;
	confirms_reset(&confirms);
	send(&confirms, 10);
	assert_int_equal(confirms_settle(&confirms, 4, false, false), 1);
	assert_int_equal(confirms_settle(&confirms, 4, false, false), 0);
	assert_int_equal(confirms_settle(&confirms, 6, true, false), 5);
	assert_int_equal(confirms_settle(&confirms, 6, true, false), 0);
	assert_int_equal(confirms_count(&confirms), 4);
	assert_int_equal(confirms_settle(&confirms, 0, true, false), 4);
	assert_int_equal(confirms_count(&confirms), 0);
	assert_int_equal(confirms_settle(&confirms, 0, true, false), 0);
}

static void tags_that_were_never_sent_settle_nothing(void **state)
{
	(void)state;
	static struct confirms confirms;
	confirms_reset(&confirms);
	send(&confirms, 2);
	assert_int_equal(confirms_settle(&confirms, 0, false, false), 0);
	assert_int_equal(confirms_settle(&confirms, 3, true, false), 0);
	assert_int_equal(confirms_settle(&confirms, UINT64_MAX, false, false), 0);
	assert_int_equal(confirms_count(&confirms), 2);
}

static void the_ring_goes_round(void **state)
{
	(void)state;
	static struct confirms confirms;
	confirms_reset(&confirms);
	for (uint64_t tag = 1; tag < 5 * CONFIRMS_MAX; tag += CONFIRMS_MAX / 2) {
		send(&confirms, CONFIRMS_MAX / 2);
		assert_int_equal(confirms_settle(&confirms, tag, false, false), 1);
		assert_int_equal(confirms_count(&confirms), CONFIRMS_MAX / 2 - 1);
		assert_int_equal(confirms_settle(&confirms, tag + CONFIRMS_MAX / 2 - 1, true, false), CONFIRMS_MAX / 2 - 1);
		assert_int_equal(confirms_count(&confirms), 0);
	}
	send(&confirms, CONFIRMS_MAX);
	assert_int_equal(confirms_count(&confirms), CONFIRMS_MAX);
	assert_int_equal(confirms_settle(&confirms, 0, true, false), CONFIRMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confirms_out_of_order_wait_for_the_oldest),
		cmocka_unit_test(many_are_settled_at_once_and_none_twice),
		cmocka_unit_test(tags_that_were_never_sent_settle_nothing),
		cmocka_unit_test(the_ring_goes_round),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
