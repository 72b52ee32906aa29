/* test_scrape.c: the Prometheus text format, read back, and what two scrapes say of the time between. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "runtime/scrape.h"

#define SECOND UINT64_C(1000000000)

static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct scrape scrape_of(const char *text, uint64_t taken_ns)
{
	struct scrape scrape;
	assert_int_equal(scrape_parse(slice_of(text), &arena, &scrape), OK);
	scrape.taken_ns = taken_ns;
	return scrape;
}

static void samples_have_a_name_labels_and_a_value(void **state)
{
	(void)state;
	struct scrape scrape =
		scrape_of("# HELP a what\n# TYPE a counter\na 1.5\nb{x=\"1\",long=\"a } \\\" b\"} 2e3\n\nb{x=\"2\"} +Inf\n", 0);
	assert_int_equal(scrape.count, 3);
	assert_true(slice_equal_string(scrape.samples[0].name, "a") && slice_is_empty(scrape.samples[0].labels));
	assert_true(scrape.samples[0].value == 1.5 && scrape.samples[1].value == 2000);
	assert_true(slice_equal_string(sample_label(&scrape.samples[1], "x"), "1"));
	assert_true(slice_equal_string(sample_label(&scrape.samples[1], "long"), "a } \\\" b"));
	assert_null(sample_label(&scrape.samples[1], "lon").data);
	assert_null(sample_label(&scrape.samples[0], "x").data);
	assert_true(scrape_sum(&scrape, "b", "x", SLICE("1")) == 2000);
	assert_true(scrape_sum(&scrape, "c", NULL, (struct slice){0}) == 0);
}

static void lines_without_a_sample_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(scrape_of("a\nb{\nc{x=\"1} 1\nd one\n{} 1\n 1\ne{x=\"\\", 0).count, 0);
	assert_int_equal(scrape_of("", 0).count, 0);
	assert_int_equal(scrape_of("last 1", 0).count, 1);
}

static void a_rate_is_of_the_time_between(void **state)
{
	(void)state;
	struct scrape before = scrape_of("a{x=\"1\"} 10\na{x=\"2\"} 5\n", SECOND),
		      now = scrape_of("a{x=\"1\"} 30\na{x=\"2\"} 5\n", 3 * SECOND);
	assert_true(scrape_rate(&before, &now, "a", NULL, (struct slice){0}) == 10);
	assert_true(scrape_rate(&before, &now, "a", "x", SLICE("2")) == 0);
	assert_true(scrape_rate(&now, &before, "a", NULL, (struct slice){0}) == 0);
	assert_true(scrape_rate(&now, &now, "a", NULL, (struct slice){0}) == 0);
}

static void a_quantile_is_of_what_was_counted_between(void **state)
{
	(void)state;
	struct scrape before = scrape_of("h_bucket{le=\"1\"} 100\nh_bucket{le=\"2\"} 100\nh_bucket{le=\"+Inf\"} 100\n", 0);
	struct scrape now = scrape_of("h_bucket{r=\"a\",le=\"2\"} 110\nh_bucket{r=\"a\",le=\"1\"} 100\nh_bucket{r=\"a\",le=\"+Inf\"} 110\n"
	                              "h_bucket{r=\"b\",le=\"1\"} 10\nh_bucket{r=\"b\",le=\"2\"} 10\nh_bucket{r=\"b\",le=\"+Inf\"} 10\n",
	                              SECOND);
	assert_true(scrape_quantile(&before, &now, "h", 0.25) == 0.5);
	assert_true(scrape_quantile(&before, &now, "h", 0.5) == 1);
	assert_true(scrape_quantile(&before, &now, "h", 1) == 2);
	assert_true(scrape_quantile(&now, &now, "h", 0.5) < 0);
	assert_true(scrape_quantile(&before, &now, "other", 0.5) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_have_a_name_labels_and_a_value),
		cmocka_unit_test(lines_without_a_sample_are_left_out),
		cmocka_unit_test(a_rate_is_of_the_time_between),
		cmocka_unit_test(a_quantile_is_of_what_was_counted_between),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
