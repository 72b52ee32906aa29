/* test_expirer.c: the expirer's rounds, with commands that are done whenever the test says so. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "app/expirer.h"
#include "base/list.h"
#include "pipeline/worker.h"
#include "tests/support/fake_time.h"

#define NOW_MS UINT64_C(1800000000000)
#define LATER_HOLD 201

struct world {
	struct reader reader;
	struct fake_clock clock;
	struct fake_random random;
	struct expirer *expirer;
	_Atomic bool is_time_known;
	uint32_t due; /* items with ids 1, 2, 3 …; even ones are orders */
	uint64_t next_deadline_ms;
	bool is_store_down;
	bool is_immediate; /* commands are done while they are submitted */
	bool is_outrun;    /* somebody else has ended what they are about */
	enum error answer;
	uint32_t questions;
	uint32_t cancelled; /* the work for a cancelled event, its settling included */
	bool has_later;     /* another cancelled event, with an open hold */
	uint32_t passed_over;
	uint64_t settle_ms;
	struct list submitted;
	uint32_t submitted_count;
	uint32_t wakes;
};

static uint8_t random_byte(struct world *world)
{
	return (uint8_t)random_u64(&world->random.base);
}

static enum store_result fake_list_due(struct reader *reader, uint64_t now_ms, uint32_t limit, struct arena *arena,
                                       struct due_list *ret_list)
{
	struct world *world = container_of(reader, struct world, reader);
	world->questions++;
	assert_int_equal(now_ms, world->clock.wall_ms);
	if (world->is_store_down)
		return STORE_DOWN;
	uint32_t count = world->due < limit ? world->due : limit;
	struct due_item *items = arena_allocate_array(arena, count, sizeof *items);
	assert_non_null(items);
	for (uint32_t i = 0; i < count; i++)
		items[i] = (struct due_item){
			.kind = i % 2 == 0 ? ROW_HOLD : ROW_ORDER,
			.id = {.bytes = {[0] = (uint8_t)(i + 1), [14] = random_byte(world)}},
			.deadline_ms = now_ms,
		};
	*ret_list = (struct due_list){.items = items, .count = count, .next_deadline_ms = world->next_deadline_ms};
	return STORE_OK;
}

/* A hold, an order, and when these are done the event itself. */
static enum store_result fake_list_cancelled(struct reader *reader, const struct uuid *after, uint32_t limit, struct arena *arena,
                                             struct uuid *ret_event, struct due_list *ret_list)
{
	struct world *world = container_of(reader, struct world, reader);
	struct due_item *items = arena_allocate_array(arena, limit, sizeof *items);
	assert_non_null(items);
	world->passed_over += after != NULL;
	*ret_list = (struct due_list){.items = items};
	*ret_event = (struct uuid){0};
	if (world->has_later && (world->cancelled == 0 || after != NULL)) {
		*ret_event = (struct uuid){.bytes = {10}};
		items[ret_list->count++] = (struct due_item){.kind = ROW_HOLD, .id = {.bytes = {LATER_HOLD}}};
		return STORE_OK;
	}
	if (world->cancelled == 0 || after != NULL)
		return STORE_OK;
	*ret_event = (struct uuid){.bytes = {9}};
	for (uint32_t i = 0; i + 1 < world->cancelled; i++)
		items[ret_list->count++] =
			(struct due_item){.kind = i % 2 == 0 ? ROW_HOLD : ROW_ORDER, .id = {.bytes = {[0] = (uint8_t)(101 + i)}}};
	if (world->cancelled == 1)
		items[ret_list->count++] = (struct due_item){.kind = ROW_SALE, .id = *ret_event, .deadline_ms = world->settle_ms};
	return STORE_OK;
}

static const struct reader_operations reader_operations = {.list_due = fake_list_due, .list_cancelled = fake_list_cancelled};

static void finish(struct world *world, struct job *job)
{
	job->outcome = (struct outcome){.error = world->answer};
	if (world->answer == OK && !world->is_outrun)
		job->outcome.body = SLICE("{}");
	bool is_of_cancelled = job->command.kind != COMMAND_HOLD_EXPIRE && job->command.kind != COMMAND_ORDER_EXPIRE;
	if (world->answer == OK && is_of_cancelled && job->command.hold_id.bytes[0] == LATER_HOLD)
		world->has_later = false;
	else if (world->answer == OK && is_of_cancelled)
		world->cancelled--;
	else if (world->answer == OK)
		world->due--;
	job->done(job);
}

static void submit(void *context, struct job *job)
{
	struct world *world = context;
	world->submitted_count++;
	if (world->is_immediate)
		finish(world, job);
	else
		list_push(&world->submitted, &job->node);
}

static void wake(void *context)
{
	((struct world *)context)->wakes++;
}

static void finish_all(struct world *world)
{
	for (struct list_node *node = list_pop(&world->submitted); node != NULL; node = list_pop(&world->submitted))
		finish(world, container_of(node, struct job, node));
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->reader.operations = &reader_operations;
	world->next_deadline_ms = UINT64_MAX;
	world->is_time_known = true;
	list_init(&world->submitted);
	fake_clock_init(&world->clock, NOW_MS);
	fake_random_init(&world->random, 1);
	const struct expirer_options options = {
		.reader = &world->reader,
		.clock = &world->clock.base,
		.random = &world->random.base,
		.is_time_known = &world->is_time_known,
		.submit = submit,
		.wake = wake,
		.context = world,
	};
	assert_int_equal(expirer_new(&options, &world->expirer), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	finish_all(world);
	expirer_free(world->expirer);
	free(world);
	return 0;
}

static void due_holds_and_orders_become_commands_of_the_expiry_worker(void **state)
{
	struct world *world = *state;
	world->due = 2;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->submitted_count, 2);
	const struct job *first = container_of(world->submitted.head.next, struct job, node);
	const struct job *second = container_of(world->submitted.head.previous, struct job, node);
	assert_int_equal(first->command.kind, COMMAND_HOLD_EXPIRE);
	assert_int_equal(first->command.hold_id.bytes[0], 1);
	assert_int_equal(second->command.kind, COMMAND_ORDER_EXPIRE);
	assert_int_equal(second->command.order_id.bytes[0], 2);
	assert_true(slice_equal_string(first->command.actor, "expiry-worker"));
	assert_false(first->command.idempotency.is_present);
	assert_true(slice_is_empty(first->admission.user) && slice_is_empty(first->admission.address));
	assert_memory_not_equal(first->trace.trace_id, second->trace.trace_id, 16);
}

static void nothing_is_asked_before_the_time_of_the_store_is_known(void **state)
{
	struct world *world = *state;
	world->due = 2;
	world->is_time_known = false;
	assert_in_range(expirer_step(world->expirer), 1, 1000);
	assert_int_equal(world->questions, 0);
	world->is_time_known = true;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->submitted_count, 2);
	finish_all(world);
	world->due = 0;
	world->is_time_known = false; /* the store went: its time is still known */
	(void)expirer_step(world->expirer);
	assert_int_equal(world->questions, 2);
}

static void round_goes_on_when_its_last_command_is_done(void **state)
{
	struct world *world = *state;
	world->due = 2000;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	uint32_t first_round = world->submitted_count;
	assert_in_range(first_round, 100, 1999);
	world->due = 700 + first_round;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->questions, 1); /* none is asked while the round is under way */
	finish_all(world);
	assert_int_equal(world->wakes, 1);
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->submitted_count, 700 + first_round);
	finish_all(world);
	assert_int_equal(world->wakes, 2);
	assert_true(expirer_step(world->expirer) > 0);
	assert_int_equal(expirer_counters(world->expirer)->ended, 700 + first_round);
}

static void of_a_backlog_each_round_takes_another_part(void **state)
{
	struct world *world = *state;
	bool were_taken[256] = {false};
	for (uint32_t round = 0; round < 40; round++) {
		uint32_t before = world->submitted_count;
		bool are_taken[256] = {false};
		world->due = 100000;
		(void)expirer_step(world->expirer);
		assert_in_range(world->submitted_count - before, 500, 1024);
		list_for_each(node, &world->submitted) {
			const struct command *command = &container_of(node, struct job, node)->command;
			const struct uuid *id = command->kind == COMMAND_HOLD_EXPIRE ? &command->hold_id : &command->order_id;
			are_taken[id->bytes[14]] = true;
		}
		uint32_t kinds = 0;
		for (uint32_t i = 0; i < 256; i++) {
			kinds += are_taken[i];
			were_taken[i] |= are_taken[i];
		}
		assert_int_equal(kinds, 256 / 4);
		finish_all(world);
	}
	for (uint32_t i = 0; i < 256; i++)
		assert_true(were_taken[i]);
}

static void a_worker_does_not_count_holds_that_another_worker_ended(void **state)
{
	struct world *world = *state;
	world->due = 5;
	world->is_outrun = true;
	(void)expirer_step(world->expirer);
	finish_all(world);
	assert_int_equal(expirer_counters(world->expirer)->ended, 0);
	assert_int_equal(expirer_counters(world->expirer)->lost_race, 5);
	assert_int_equal(expirer_counters(world->expirer)->failures, 0);
}

static void commands_may_be_done_while_they_are_submitted(void **state)
{
	struct world *world = *state;
	world->due = 3;
	world->is_immediate = true;
	assert_int_equal(expirer_step(world->expirer), 0);
	assert_int_equal(world->submitted_count, 3);
	assert_int_equal(world->wakes, 0);
	assert_true(expirer_step(world->expirer) > 0);
}

static void nothing_due_means_waiting_until_the_next_deadline_or_half_a_second(void **state)
{
	struct world *world = *state;
	world->next_deadline_ms = NOW_MS + 120;
	assert_int_equal(expirer_step(world->expirer), 120);
	world->next_deadline_ms = NOW_MS + 3600000;
	assert_int_equal(expirer_step(world->expirer), 500);
	world->next_deadline_ms = UINT64_MAX;
	assert_int_equal(expirer_step(world->expirer), 500);
}

static void commands_that_fail_are_tried_again_after_a_pause(void **state)
{
	struct world *world = *state;
	world->due = 3;
	world->answer = ERR_STORE_UNAVAILABLE;
	(void)expirer_step(world->expirer);
	finish_all(world);
	assert_int_equal(world->wakes, 1);
	uint64_t pause_ms = expirer_step(world->expirer);
	assert_in_range(pause_ms, 50, 1000);
	assert_int_equal(world->questions, 1);
	world->answer = OK;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	finish_all(world);
	assert_int_equal(world->due, 0);
	assert_int_equal(expirer_counters(world->expirer)->failures, 3);
}

static void store_that_is_down_is_asked_less_and_less(void **state)
{
	struct world *world = *state;
	world->is_store_down = true;
	uint64_t waited_ms = 0;
	for (uint32_t i = 0; i < 50; i++) {
		uint64_t pause_ms = expirer_step(world->expirer);
		assert_in_range(pause_ms, 50, 1000);
		waited_ms += pause_ms;
	}
	assert_true(waited_ms > 10000);
	assert_int_equal(world->submitted_count, 0);
}

static const struct job *submitted(const struct world *world, uint32_t index)
{
	const struct list_node *node = world->submitted.head.next;
	for (uint32_t i = 0; i < index; i++)
		node = node->next;
	return container_of(node, struct job, node);
}

static void a_cancelled_events_holds_and_orders_are_called_off_and_then_it_is_settled(void **state)
{
	struct world *world = *state;
	world->due = 1;
	world->cancelled = 3;
	uint64_t ended = expirer_counters(world->expirer)->ended;
	world->settle_ms = world->clock.wall_ms + 1;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->submitted_count, 3); /* beside what is due */
	assert_int_equal(submitted(world, 0)->command.kind, COMMAND_HOLD_CALL_OFF);
	assert_int_equal(submitted(world, 0)->command.hold_id.bytes[0], 101);
	assert_int_equal(submitted(world, 1)->command.kind, COMMAND_ORDER_CALL_OFF);
	assert_int_equal(submitted(world, 1)->command.order_id.bytes[0], 102);
	assert_int_equal(submitted(world, 2)->command.kind, COMMAND_HOLD_EXPIRE);
	finish_all(world);
	/* A hold that was being made when it was cancelled may still come to light. */
	assert_int_equal(expirer_step(world->expirer), 500);
	assert_int_equal(world->submitted_count, 3);
	world->clock.wall_ms++;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(submitted(world, 0)->command.kind, COMMAND_SALE_SETTLE);
	assert_int_equal(submitted(world, 0)->command.event_id.bytes[0], 9);
	finish_all(world);
	assert_int_equal(expirer_step(world->expirer), 500);
	assert_int_equal(expirer_counters(world->expirer)->ended, ended + 1); /* the one that had lapsed */
}

static void an_event_that_waits_to_be_settled_holds_up_no_other(void **state)
{
	struct world *world = *state;
	world->cancelled = 1;
	world->settle_ms = world->clock.wall_ms + 1;
	world->has_later = true;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->submitted_count, 1);
	assert_int_equal(submitted(world, 0)->command.kind, COMMAND_HOLD_CALL_OFF);
	assert_int_equal(submitted(world, 0)->command.hold_id.bytes[0], LATER_HOLD);
	finish_all(world);
	assert_int_equal(expirer_step(world->expirer), 500);
	assert_int_equal(world->submitted_count, 1);
	world->clock.wall_ms++;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(submitted(world, 0)->command.kind, COMMAND_SALE_SETTLE);
	finish_all(world);
}

static void an_event_that_cannot_be_served_is_passed_over_once(void **state)
{
	struct world *world = *state;
	world->cancelled = 2;
	world->answer = ERR_OVERLOADED;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	finish_all(world);
	(void)expirer_step(world->expirer); /* the pause */
	assert_int_equal(world->passed_over, 0);
	assert_int_equal(expirer_step(world->expirer), 500);
	assert_int_equal(world->passed_over, 1);
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	assert_int_equal(world->passed_over, 1);
}

static void an_inconsistent_cancelled_event_is_left_alone_and_delays_no_other(void **state)
{
	struct world *world = *state;
	world->cancelled = 2;
	world->answer = ERR_CORRUPT;
	assert_int_equal(expirer_step(world->expirer), WORKER_UNTIL_WOKEN);
	finish_all(world);
	uint32_t submitted_count = world->submitted_count;
	assert_int_equal(expirer_step(world->expirer), 500); /* nothing of it is asked for again … */
	assert_int_equal(expirer_step(world->expirer), 500); /* … and the next time another event has its turn */
	assert_int_equal(world->passed_over, 1);
	assert_int_equal(world->submitted_count, submitted_count);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(due_holds_and_orders_become_commands_of_the_expiry_worker),
		TEST(a_cancelled_events_holds_and_orders_are_called_off_and_then_it_is_settled),
		TEST(an_event_that_waits_to_be_settled_holds_up_no_other),
		TEST(an_event_that_cannot_be_served_is_passed_over_once),
		TEST(an_inconsistent_cancelled_event_is_left_alone_and_delays_no_other),
		TEST(nothing_is_asked_before_the_time_of_the_store_is_known),
		TEST(round_goes_on_when_its_last_command_is_done),
		TEST(of_a_backlog_each_round_takes_another_part),
		TEST(a_worker_does_not_count_holds_that_another_worker_ended),
		TEST(commands_may_be_done_while_they_are_submitted),
		TEST(nothing_due_means_waiting_until_the_next_deadline_or_half_a_second),
		TEST(commands_that_fail_are_tried_again_after_a_pause),
		TEST(store_that_is_down_is_asked_less_and_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
