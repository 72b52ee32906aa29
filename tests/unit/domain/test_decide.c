/* test_decide.c: a key that was used is answered again, and what a decision leaves behind. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/decide.h"
#include "tests/support/commands.h"
#include "tests/support/stage.h"

static int set_up(void **state)
{
	static struct stage stage;
	stage_init(&stage);
	*state = &stage;
	return 0;
}

static int tear_down(void **state)
{
	stage_release(*state);
	return 0;
}

/* A hold with key 1 whose events are remembered as the committer does. */
static void take_with_key(struct stage *stage)
{
	struct command command = with_key(hold_command(&stage->request, 1, "ann", "1"), 1, 10);
	assert_int_equal(stage_run(stage, &command), OK);
	const struct event *event = &stage->changes.events[0];
	assert_true(event->idempotency.is_present);
	const struct key key = {
		.row.version = uuid_stamp(&event->id),
		.idempotency = event->idempotency,
		.stream_id = event->stream_id,
		.answer = SLICE("{\"first\":1}"),
	};
	assert_non_null(view_put_key(stage->view, &key));
}

static void a_used_key_is_answered_again_without_deciding(void **state)
{
	struct stage *stage = *state;
	take_with_key(stage);
	struct command command = with_key(hold_command(&stage->request, 2, "ann", "1"), 1, 10);
	assert_int_equal(stage_run(stage, &command), OK);
	assert_string_equal(stage->events, "");
	assert_true(stage->outcome.is_replayed);
	struct uuid id = test_hold_id(1);
	assert_true(uuid_equal(&stage->outcome.resource_id, &id));
	assert_true(slice_equal_string(stage->outcome.body, "{\"first\":1}"));
}

static void a_used_key_with_another_request_is_a_mismatch(void **state)
{
	struct stage *stage = *state;
	take_with_key(stage);
	struct command command = with_key(hold_command(&stage->request, 2, "ann", "2"), 1, 11);
	assert_int_equal(stage_run(stage, &command), ERR_IDEMPOTENCY_MISMATCH);
	assert_string_equal(stage->events, "");
	assert_false(stage->outcome.is_replayed);
}

static void the_last_event_carries_the_key(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	struct command command = with_key(hold_command(&stage->request, 2, "bob", "1"), 1, 10);
	assert_int_equal(stage_run(stage, &command), OK);
	assert_string_equal(stage->events, "hold.expired hold.created");
	assert_false(stage->changes.events[0].idempotency.is_present);
	assert_true(stage->changes.events[1].idempotency.is_present);
}

static void events_carry_who_asked_and_the_trace(void **state)
{
	struct stage *stage = *state;
	struct command command = hold_command(&stage->request, 1, "ann", "1");
	command.actor = SLICE("box office");
	command.trace.flags = TRACE_SAMPLED;
	assert_int_equal(stage_run(stage, &command), OK);
	assert_true(slice_equal_string(stage->changes.events[0].actor, "box office"));
	assert_int_equal(stage->changes.events[0].trace.flags, TRACE_SAMPLED);
}

static void without_memory_nothing_is_left_behind(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	struct command command = hold_command(&stage->request, 2, "bob", "1 2");
	stage_load(stage, &command);
	stage->batch.maximum = stage->batch.reserved;
	while (arena_allocate(&stage->batch, 64) != NULL)
		continue;
	struct outcome outcome = {.at_ms = 77};
	assert_int_equal(decide(&command, stage->view, &stage->changes, &outcome), ERR_NO_MEMORY);
	assert_int_equal(stage->changes.event_count, 0);
	assert_int_equal(outcome.at_ms, 77);
}

static void deciding_twice_makes_the_same_thing(void **state)
{
	struct stage *stage = *state;
	struct command command = hold_command(&stage->request, 1, "ann", "1 2");
	stage_load(stage, &command);
	for (int i = 0; i < 2; i++) {
		struct outcome outcome;
		assert_int_equal(decide(&command, stage->view, &stage->changes, &outcome), OK);
	}
	const struct event *events = stage->changes.events;
	assert_true(uuid_equal(&events[0].stream_id, &events[1].stream_id));
	assert_int_equal(events[0].deadline_ms, events[1].deadline_ms);
	assert_int_equal(events[0].sequence, events[1].sequence);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_used_key_is_answered_again_without_deciding),
		TEST(a_used_key_with_another_request_is_a_mismatch),
		TEST(the_last_event_carries_the_key),
		TEST(events_carry_who_asked_and_the_trace),
		TEST(without_memory_nothing_is_left_behind),
		TEST(deciding_twice_makes_the_same_thing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
