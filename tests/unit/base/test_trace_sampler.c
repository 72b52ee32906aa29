/* Which traces are recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace_sampler.h"

static struct trace_sampler sampler(const char *name, double ratio)
{
	struct trace_sampler made;
	assert_true(trace_sampler_parse(slice_of(name), ratio, &made));
	return made;
}

static const struct trace_context recorded = {.trace_id = {1}, .span_id = {1}, .flags = TRACE_SAMPLED};
static const struct trace_context not_recorded = {.trace_id = {1}, .span_id = {1}, .flags = TRACE_RANDOM_ID};

static bool takes(const struct trace_sampler *by, const struct trace_context *parent, const struct trace_context *own)
{
	return (trace_sampler_flags(by, parent, own) & TRACE_SAMPLED) != 0;
}

static void on_takes_all_and_off_takes_none(void **state)
{
	(void)state;
	struct trace_sampler on = sampler("always_on", 1), off = sampler("always_off", 1);
	struct trace_context last = not_recorded;
	memset(last.trace_id, 0xff, sizeof last.trace_id);
	assert_true(takes(&on, NULL, &last));
	assert_true(takes(&on, &not_recorded, &last));
	assert_false(takes(&off, NULL, &recorded));
	assert_false(takes(&off, &recorded, &recorded));
	assert_int_equal(trace_sampler_flags(&off, NULL, &not_recorded), TRACE_RANDOM_ID);
}

static void the_parents_decision_holds_when_the_sampler_is_based_on_parents(void **state)
{
	(void)state;
	struct trace_sampler on = sampler("parentbased_always_on", 1), off = sampler("parentbased_always_off", 1);
	assert_true(takes(&on, &recorded, &not_recorded));
	assert_false(takes(&on, &not_recorded, &recorded));
	assert_true(takes(&on, NULL, &not_recorded));
	assert_true(takes(&off, &recorded, &not_recorded));
	assert_false(takes(&off, NULL, &recorded));
}

static void a_ratio_takes_its_share_of_the_ids(void **state)
{
	(void)state;
	struct trace_sampler half = sampler("traceidratio", 0.5), none = sampler("parentbased_traceidratio", 0),
			     all = sampler("traceidratio", 1);
	struct trace_context low = not_recorded, high = not_recorded;
	low.trace_id[8] = 0x7f; /* the second half of the id decides, as elsewhere */
	high.trace_id[8] = 0x80;
	assert_true(takes(&half, NULL, &low));
	assert_false(takes(&half, NULL, &high));
	assert_false(takes(&none, NULL, &not_recorded));
	memset(high.trace_id, 0xff, sizeof high.trace_id);
	assert_true(takes(&all, NULL, &high));
}

static void other_names_are_refused(void **state)
{
	(void)state;
	struct trace_sampler untouched = {.threshold = 42};
	static const char *const names[] = {"", "on", "parentbased_", "parentbased_jaeger_remote", "ALWAYS_ON", "always_on "};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_false(trace_sampler_parse(slice_of(names[i]), 1, &untouched));
	assert_int_equal(untouched.threshold, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_takes_all_and_off_takes_none),
		cmocka_unit_test(the_parents_decision_holds_when_the_sampler_is_based_on_parents),
		cmocka_unit_test(a_ratio_takes_its_share_of_the_ids),
		cmocka_unit_test(other_names_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
