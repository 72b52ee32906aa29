/* test_sale.c: when seats may be held. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/sale.h"

static void the_window_is_open_from_its_start_until_before_its_end(void **state)
{
	(void)state;
	const struct sale sale = {.row.version = 1, .status = SALE_ON_SALE, .on_sale_from_ms = 100, .on_sale_until_ms = 200};
	assert_int_equal(sale_check_open(&sale, 99), ERR_NOT_ON_SALE);
	assert_int_equal(sale_check_open(&sale, 100), OK);
	assert_int_equal(sale_check_open(&sale, 199), OK);
	assert_int_equal(sale_check_open(&sale, 200), ERR_NOT_ON_SALE);
}

static void without_a_window_it_is_always_open(void **state)
{
	(void)state;
	const struct sale sale = {.row.version = 1, .status = SALE_ON_SALE};
	assert_int_equal(sale_check_open(&sale, 0), OK);
	assert_int_equal(sale_check_open(&sale, UINT64_MAX), OK);
}

static void the_longest_lasting_reason_comes_first(void **state)
{
	(void)state;
	struct sale sale = {.row.version = 1, .status = SALE_PAUSED, .on_sale_from_ms = 100};
	assert_int_equal(sale_check_open(&sale, 100), ERR_SALES_PAUSED);
	assert_int_equal(sale_check_open(&sale, 99), ERR_NOT_ON_SALE);
	sale.status = SALE_CANCELLED;
	assert_int_equal(sale_check_open(&sale, 99), ERR_EVENT_CANCELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_is_open_from_its_start_until_before_its_end),
		cmocka_unit_test(without_a_window_it_is_always_open),
		cmocka_unit_test(the_longest_lasting_reason_comes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
