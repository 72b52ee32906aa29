/* test_money.c: currencies, and sums that cannot overflow. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/money.h"

static void active_codes_are_known(void **state)
{
	(void)state;
	static const char *const codes[] = {"AED", "EUR", "JPY", "TND", "USD", "XOF", "ZWG"};
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		struct currency currency;
		assert_true(currency_parse(slice_of(codes[i]), &currency));
		assert_string_equal(currency.code, codes[i]);
	}
}

static void everything_else_is_refused(void **state)
{
	(void)state;
	static const char *const codes[] = {"", "E", "EU", "EURO", "eur", "EUr", "AAA", "ZZZ", "DEM", "XAU", "XXX", "XTS", "E\0R"};
	struct currency currency = {"old"};
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++)
		assert_false(currency_parse(slice_of(codes[i]), &currency));
	assert_false(currency_parse((struct slice){.data = "E\0R", .length = 3}, &currency));
	assert_string_equal(currency.code, "old");
}

static void sums_stop_at_the_greatest_amount(void **state)
{
	(void)state;
	int64_t total = 0;
	assert_true(money_add(&total, MONEY_MAX - 1));
	assert_true(money_add(&total, 1));
	assert_true(money_add(&total, 0));
	assert_int_equal(total, MONEY_MAX);
	assert_false(money_add(&total, 1));
	assert_false(money_add(&total, INT64_MAX));
	assert_false(money_add(&total, -1));
	assert_int_equal(total, MONEY_MAX);
	total = -1;
	assert_false(money_add(&total, 1));
	total = INT64_MAX;
	assert_false(money_add(&total, INT64_MAX));
	assert_true(total == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_codes_are_known),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(sums_stop_at_the_greatest_amount),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
