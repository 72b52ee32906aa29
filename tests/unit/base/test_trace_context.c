/* test_trace_context.c: the traceparent field. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/trace_context.h"

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN_ID "00f067aa0ba902b7"

static void a_field_reads_and_writes_back(void **state)
{
	(void)state;
	struct trace_context context;
	char text[TRACEPARENT_LENGTH + 1];
	char trace_id[TRACE_ID_TEXT_LENGTH + 1];
	assert_true(trace_context_parse(SLICE("00-" TRACE_ID "-" SPAN_ID "-01"), &context));
	assert_int_equal(context.flags, TRACE_SAMPLED);
	assert_int_equal(context.trace_id[0], 0x4b);
	assert_int_equal(context.span_id[7], 0xb7);
	trace_context_format(&context, text);
	assert_string_equal(text, "00-" TRACE_ID "-" SPAN_ID "-01");
	trace_id_format(&context, trace_id);
	assert_string_equal(trace_id, TRACE_ID);
}

static void newer_versions_are_read_as_far_as_they_are_known(void **state)
{
	(void)state;
	struct trace_context context;
	assert_true(trace_context_parse(SLICE("01-" TRACE_ID "-" SPAN_ID "-01"), &context));
	assert_true(trace_context_parse(SLICE("cc-" TRACE_ID "-" SPAN_ID "-ff-what-comes-later"), &context));
	assert_int_equal(context.flags, TRACE_SAMPLED | TRACE_RANDOM_ID);
	assert_true(trace_context_parse(SLICE("cc-" TRACE_ID "-" SPAN_ID "-00-"), &context));
	assert_int_equal(context.flags, 0);
	assert_false(trace_context_parse(SLICE("cc-" TRACE_ID "-" SPAN_ID "-01.later"), &context));
}

static void a_traceparent_that_the_standard_forbids_is_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		"00",
		"00-" TRACE_ID "-" SPAN_ID "-0",
		"00-" TRACE_ID "-" SPAN_ID "-",
		"00-" TRACE_ID "-" SPAN_ID "-01-",
		"00-" TRACE_ID "-" SPAN_ID "-01-later",
		"00-" TRACE_ID "-" SPAN_ID "-010",
		"ff-" TRACE_ID "-" SPAN_ID "-01",
		"0x-" TRACE_ID "-" SPAN_ID "-01",
		"00-00000000000000000000000000000000-" SPAN_ID "-01",
		"00-" TRACE_ID "-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN_ID "-01",
		"00-" TRACE_ID "-00F067AA0BA902B7-01",
		"00-" TRACE_ID "-" SPAN_ID "-0A",
		"00_" TRACE_ID "-" SPAN_ID "-01",
		"00-" TRACE_ID "_" SPAN_ID "-01",
		"00-" TRACE_ID "-" SPAN_ID "_01",
		"00-4bf92f3577b34da6a3ce929d0e0e473.-" SPAN_ID "-01",
		" 00-" TRACE_ID "-" SPAN_ID "-01",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct trace_context context = {.flags = 0xa5};
		if (trace_context_parse(slice_of(refused[i]), &context))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(context.flags, 0xa5);
	}
}

static void a_child_keeps_the_trace_and_has_its_own_span(void **state)
{
	(void)state;
	struct trace_context root = trace_context_root((const uint64_t[3]){0, 0, 0}, TRACE_SAMPLED);
	struct trace_context read;
	char text[TRACEPARENT_LENGTH + 1];
	trace_context_format(&root, text);
	assert_true(trace_context_parse(slice_of(text), &read)); /* even from the worst random bits */

	struct trace_context child = trace_context_child(&root, 42);
	assert_memory_equal(child.trace_id, root.trace_id, sizeof root.trace_id);
	assert_memory_not_equal(child.span_id, root.span_id, sizeof root.span_id);
	assert_int_equal(child.flags, TRACE_SAMPLED);
	assert_memory_equal(child.parent_id, root.span_id, sizeof root.span_id);
	assert_memory_equal(root.parent_id, ((const uint8_t[8]){0}), sizeof root.parent_id);
}

static void numbered_children_are_the_same_when_asked_for_again_and_differ_from_each_other(void **state)
{
	(void)state;
	struct trace_context root = trace_context_root((const uint64_t[3]){1, 2, 3}, TRACE_SAMPLED);
	struct trace_context other = trace_context_root((const uint64_t[3]){1, 2, 4}, TRACE_SAMPLED);
	struct trace_context first = trace_context_numbered_child(&root, 1), again = trace_context_numbered_child(&root, 1);
	struct trace_context second = trace_context_numbered_child(&root, 2), cousin = trace_context_numbered_child(&other, 1);
	assert_memory_equal(&first, &again, sizeof first);
	assert_memory_equal(first.parent_id, root.span_id, sizeof root.span_id);
	assert_memory_not_equal(first.span_id, second.span_id, sizeof first.span_id);
	assert_memory_not_equal(first.span_id, cousin.span_id, sizeof first.span_id);
	assert_memory_not_equal(first.span_id, root.span_id, sizeof first.span_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_reads_and_writes_back),
		cmocka_unit_test(newer_versions_are_read_as_far_as_they_are_known),
		cmocka_unit_test(a_traceparent_that_the_standard_forbids_is_refused),
		cmocka_unit_test(a_child_keeps_the_trace_and_has_its_own_span),
		cmocka_unit_test(numbered_children_are_the_same_when_asked_for_again_and_differ_from_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
