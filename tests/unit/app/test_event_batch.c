/* test_event_batch.c: the events of a batch, and the patterns by which they are chosen. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/event_batch.h"
#include "base/list.h"

static void events_come_one_after_the_other_with_what_they_have(void **state)
{
	(void)state;
	struct event_batch batch;
	struct batched_event event;
	assert_true(event_batch_open(SLICE("[{\"id\":\"1\",\"type\":\"hold.created\",\"traceparent\":\"00-ab\",\"tracestate\":\"a=1\"},"
	                                   " {\"id\":2,\"type\":\"a\\u002eb\"}, 7 ]"),
	                             &batch));
	assert_true(event_batch_next(&batch, &event));
	assert_true(slice_equal_string(event.id, "1") && slice_equal_string(event.type, "hold.created"));
	assert_true(slice_equal_string(event.traceparent, "00-ab"));
	assert_true(slice_equal_string(event.tracestate, "a=1"));
	assert_true(event_batch_next(&batch, &event));
	assert_true(slice_equal_string(event.body, "{\"id\":2,\"type\":\"a\\u002eb\"}"));
	assert_int_equal(event.id.length + event.type.length + event.traceparent.length, 0);
	assert_true(event_batch_next(&batch, &event));
	assert_true(slice_equal_string(event.body, "7"));
	assert_false(event_batch_next(&batch, &event));
}

static void a_batch_must_be_an_array(void **state)
{
	(void)state;
	static const char *const bodies[] = {"", "{}", "[", "[1,]", "7"};
	struct event_batch batch;
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++)
		assert_false(event_batch_open(slice_of(bodies[i]), &batch));
}

static void patterns_match_as_those_of_topic_exchanges(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *key;
		bool matches;
	} cases[] = {
		{"#", "hold.created", true},
		{"#", "", true},
		{"hold.created", "hold.created", true},
		{"hold.created", "hold.expired", false},
		{"hold.*", "hold.created", true},
		{"hold.*", "hold", false},
		{"*", "hold.created", false},
		{"hold.#", "hold", true},
		{"#.created", "hold.created", true},
		{"#.created", "a.created.b.created", true},
		{"#.created.#", "a.created.b", true},
		{"*.*", "hold.created", true},
		{"*.*.*", "hold.created", false},
		{"order.#.x", "order.a.b", false},
		{"", "hold", false},
		{"", "", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		if (topic_matches(slice_of(cases[i].pattern), slice_of(cases[i].key)) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_one_after_the_other_with_what_they_have),
		cmocka_unit_test(a_batch_must_be_an_array),
		cmocka_unit_test(patterns_match_as_those_of_topic_exchanges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
