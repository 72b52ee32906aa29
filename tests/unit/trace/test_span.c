/* Spans are of bounded size, whatever is put into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trace/span.h"

static const struct trace_context context = {.trace_id = {1}, .span_id = {2}, .parent_id = {3}, .flags = TRACE_SAMPLED};

static void attributes_are_kept_in_order(void **state)
{
	(void)state;
	struct span span;
	span_init(&span, &context, SPAN_SERVER, NULL, 5, 7);
	span_name(&span, SLICE("GET"), SLICE("/v1/events"));
	span_add_word(&span, "word", "one");
	span_add_text(&span, "text", SLICE("two"));
	span_add_int(&span, "int", -3);
	span_add_bool(&span, "bool", true);
	assert_string_equal(span.text + span.name_at, "GET /v1/events");
	assert_int_equal(span.attribute_count, 4);
	assert_string_equal(span.attributes[0].word, "one");
	assert_string_equal(span.text + span.attributes[1].at, "two");
	assert_int_equal(span.attributes[2].number, -3);
	assert_true(span.attributes[3].truth);
	assert_memory_equal(&span.context, &context, sizeof context);
}

static void a_text_that_is_too_long_is_cut_between_characters(void **state)
{
	(void)state;
	struct span span;
	char text[SPAN_TEXT_MAX + 2];
	memset(text, 'a', sizeof text);
	memcpy(text + SPAN_TEXT_MAX - 2, "\xc3\xa4", 2); /* where only the first of its two bytes would fit */
	span_init(&span, &context, SPAN_SERVER, "", 5, 7);
	span_add_text(&span, "long", (struct slice){.data = text, .length = sizeof text});
	assert_int_equal(strlen(span.text), SPAN_TEXT_MAX - 2);
	span_add_text(&span, "short", SLICE("b"));
	assert_true(span.text_length <= SPAN_TEXT_MAX);
	for (int i = 0; i < 3; i++)
		span_add_text(&span, "more", SLICE("c"));
	assert_true(span.text_length <= SPAN_TEXT_MAX);
}

static void bytes_other_than_utf_8_are_replaced(void **state)
{
	(void)state;
	struct span span;
	span_init(&span, &context, SPAN_SERVER, "", 5, 7);
	span_add_text(&span, "text", SLICE("a\xff\xc3\xa4\xe2\x82 \xed\xa0\x80z"));
	assert_string_equal(span.text, "a?\xc3\xa4?? ???z");
}

static void the_end_of_a_name_is_an_attribute(void **state)
{
	(void)state;
	struct span span;
	span_init(&span, &context, SPAN_SERVER, NULL, 5, 7);
	span_name(&span, SLICE("publish"), SLICE("exchange:key"));
	span_add_end_of_name(&span, "destination", 8);
	assert_int_equal(span.attribute_count, 1);
	assert_string_equal(span.text + span.attributes[0].at, "exchange:key");
}

static void attributes_past_the_most_are_left_out(void **state)
{
	(void)state;
	struct span span;
	span_init(&span, &context, SPAN_SERVER, "", 5, 7);
	for (int i = 0; i < SPAN_ATTRIBUTES_MAX + 5; i++)
		span_add_int(&span, "int", i);
	assert_int_equal(span.attribute_count, SPAN_ATTRIBUTES_MAX);
	assert_int_equal(span.attributes[SPAN_ATTRIBUTES_MAX - 1].number, SPAN_ATTRIBUTES_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_kept_in_order),
		cmocka_unit_test(a_text_that_is_too_long_is_cut_between_characters),
		cmocka_unit_test(bytes_other_than_utf_8_are_replaced),
		cmocka_unit_test(the_end_of_a_name_is_an_attribute),
		cmocka_unit_test(attributes_past_the_most_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
