/* test_histogram.c: latencies keep three digits whatever their size. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "bench/histogram.h"

/* Too large for a stack with sanitizers. */
static struct latency_histogram histogram;

static int clear(void **state)
{
	(void)state;
	memset(&histogram, 0, sizeof histogram);
	return 0;
}

static void every_value_keeps_three_digits(void **state)
{
	for (uint64_t value = 1; value <= HISTOGRAM_VALUE_MAX; value += value / 7 + 1) {
		clear(state);
		latency_histogram_add(&histogram, value);
		latency_histogram_add(&histogram, HISTOGRAM_VALUE_MAX);
		uint64_t median = latency_histogram_quantile(&histogram, 500);
		assert_true(median >= value);
		assert_true(median - value <= value / 1000);
	}
}

static void small_values_are_exact(void **state)
{
	for (uint64_t value = 0; value < 2048; value++) {
		clear(state);
		latency_histogram_add(&histogram, value);
		latency_histogram_add(&histogram, 1000000);
		assert_int_equal(latency_histogram_quantile(&histogram, 500), value);
	}
}

static void quantiles_of_an_even_distribution(void **state)
{
	(void)state;
	for (uint64_t value = 1; value <= 100000; value++)
		latency_histogram_add(&histogram, value);
	static const uint32_t per_mille[] = {1, 10, 500, 900, 990, 999};
	for (size_t i = 0; i < sizeof per_mille / sizeof per_mille[0]; i++) {
		uint64_t exact = 100 * per_mille[i];
		uint64_t found = latency_histogram_quantile(&histogram, per_mille[i]);
		assert_true(found >= exact && found - exact <= exact / 1000);
	}
	assert_int_equal(latency_histogram_quantile(&histogram, 1000), 100000);
	assert_int_equal(histogram.maximum, 100000);
	assert_int_equal(histogram.count, 100000);
}

static void an_empty_histogram_answers_zero(void **state)
{
	(void)state;
	assert_int_equal(latency_histogram_quantile(&histogram, 0), 0);
	assert_int_equal(latency_histogram_quantile(&histogram, 1000), 0);
}

static void one_value_is_every_quantile(void **state)
{
	(void)state;
	latency_histogram_add(&histogram, 123456);
	assert_int_equal(latency_histogram_quantile(&histogram, 0), 123456);
	assert_int_equal(latency_histogram_quantile(&histogram, 500), 123456);
	assert_int_equal(latency_histogram_quantile(&histogram, 1000), 123456);
}

static void values_beyond_the_range_count_as_its_end(void **state)
{
	(void)state;
	latency_histogram_add(&histogram, UINT64_MAX);
	assert_int_equal(histogram.maximum, HISTOGRAM_VALUE_MAX);
	assert_int_equal(latency_histogram_quantile(&histogram, 500), HISTOGRAM_VALUE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_value_keeps_three_digits, clear),
		cmocka_unit_test_setup(small_values_are_exact, clear),
		cmocka_unit_test_setup(quantiles_of_an_even_distribution, clear),
		cmocka_unit_test_setup(an_empty_histogram_answers_zero, clear),
		cmocka_unit_test_setup(one_value_is_every_quantile, clear),
		cmocka_unit_test_setup(values_beyond_the_range_count_as_its_end, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
