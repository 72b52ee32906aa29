/* test_changes.c: the changes of a batch, and the rules that any batch obeys. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "state/changes.h"
#include "state/kinds.h"
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

/* A batch with a hold, its order, and a refusal that rests on a row of an earlier step. */
static struct changes *fill(struct stage *stage)
{
	stage_step(stage, 1);
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	view_rely_on(stage->view, &stage_seat(stage, 3)->row, true);
	assert_int_equal(changes_collect(&stage->changes, stage->view), OK);
	assert_null(changes_check(&stage->changes));
	return &stage->changes;
}

static void events_get_ascending_ids_of_their_streams_shard(void **state)
{
	struct stage *stage = *state;
	const struct changes *changes = fill(stage);
	assert_int_equal(changes->event_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct event *event = &changes->events[i];
		assert_int_equal(uuid_shard(&event->id), uuid_shard(&event->stream_id));
		assert_int_equal(event->occurred_at_ms, TEST_NOW_MS + 1);
		if (i > 0)
			assert_true(uuid_compare(&changes->events[i - 1].id, &event->id) < 0);
	}
}

static void ids_come_after_every_version_that_was_seen(void **state)
{
	struct stage *stage = *state;
	uint64_t ahead = hlc_from_milliseconds(TEST_NOW_MS + 5000);
	hlc_observe(view_clock(stage->view), ahead);
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	const struct event *event = &stage->changes.events[0];
	assert_int_equal(uuid_stamp(&event->id), ahead + 1);
	assert_int_equal(event->occurred_at_ms, TEST_NOW_MS + 5000);
	assert_int_equal(event->created_at_ms, TEST_NOW_MS);
}

static void changed_rows_are_gathered_once_and_those_relied_on_beside_them(void **state)
{
	struct stage *stage = *state;
	const struct changes *changes = fill(stage);
	assert_int_equal(changes->row_count, 5); /* hold, two seats, order, payment */
	assert_int_equal(changes->relied_count, 1);
	assert_int_equal(row_key_compare(changes->relied[0], &stage_seat(stage, 3)->row), 0);
	for (uint32_t i = 0; i < changes->row_count; i++)
		for (uint32_t j = 0; j < i; j++)
			assert_ptr_not_equal(changes->rows[i], changes->rows[j]);
}

static void events_can_be_taken_back(void **state)
{
	struct stage *stage = *state;
	struct changes *changes = fill(stage);
	changes_truncate(changes, 1);
	assert_int_equal(changes->event_count, 1);
}

static void a_batch_has_room_for_many(void **state)
{
	struct stage *stage = *state;
	for (uint32_t i = 0; i < 1000; i++) {
		const struct event event = {.type = EVENT_HOLD_CREATED, .sequence = 1, .stream_id = test_hold_id(i), .data = SLICE("{}")};
		assert_non_null(changes_append(&stage->changes, &event));
		assert_int_equal(changes_add_unused_key(&stage->changes, &(struct idempotency){.is_present = true, .key = {(uint8_t)i}}),
		                 OK);
	}
	struct uuid id = test_hold_id(999);
	assert_true(uuid_equal(&stage->changes.events[999].stream_id, &id));
	assert_int_equal(stage->changes.unused_keys[300].key[0], 300 % 256);
	assert_null(changes_check(&stage->changes));
}

static void every_broken_rule_is_named(void **state)
{
	struct stage *stage = *state;
	struct changes *changes = fill(stage);
	struct event *event = &changes->events[2];
	struct event sound = *event;
	event->id = changes->events[1].id;
	assert_string_equal(changes_check(changes), "ids ascend");
	*event = sound;
	event->sequence = 3;
	assert_string_equal(changes_check(changes), "sequences are consecutive");
	*event = sound;
	event->data = (struct slice){0};
	assert_string_equal(changes_check(changes), "an event has data");
	*event = sound;
	event->total++;
	assert_string_equal(changes_check(changes), "an order's total is the sum of its items");
	*event = sound;
	struct order_item items[2] = {{.price = MONEY_MAX}, {.price = 1}};
	event->items = items;
	assert_string_equal(changes_check(changes), "an order's total is within bounds");
	*event = sound;
	struct seat *seat = stage_seat(stage, 1);
	seat->row.stored_version = seat->row.version;
	assert_string_equal(changes_check(changes), "a changed row has a greater version");
	seat->row.stored_version = 1;
	((struct row *)(uintptr_t)changes->relied[0])->version++;
	assert_string_equal(changes_check(changes), "a row relied on is unchanged");
}

static void a_full_arena_is_said_so(void **state)
{
	(void)state;
	struct arena small;
	struct hlc clock = {0};
	struct changes changes;
	arena_init(&small, 64, 64);
	changes_init(&changes, &small, &clock, 1, TEST_NOW_MS);
	assert_null(changes_append(&changes, &(struct event){.type = EVENT_HOLD_CREATED, .sequence = 1}));
	assert_int_equal(changes_add_unused_key(&changes, &(struct idempotency){.is_present = true}), ERR_NO_MEMORY);
	assert_int_equal(changes.event_count + changes.unused_key_count, 0);
	arena_release(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(events_get_ascending_ids_of_their_streams_shard),
		TEST(ids_come_after_every_version_that_was_seen),
		TEST(changed_rows_are_gathered_once_and_those_relied_on_beside_them),
		TEST(events_can_be_taken_back),
		TEST(a_batch_has_room_for_many),
		TEST(every_broken_rule_is_named),
		TEST(a_full_arena_is_said_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
