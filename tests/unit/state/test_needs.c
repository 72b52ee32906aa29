/* test_needs.c: the rows that a decision reads, followed until none is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "state/needs.h"
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

static struct needs needs_of(struct stage *stage, const struct command *command)
{
	struct needs needs;
	needs_init(&needs, &stage->batch);
	assert_int_equal(command_needs(command, stage->view, true, &needs), OK);
	needs_finish(&needs);
	return needs;
}

static void assert_counts(const struct needs *needs, uint32_t sales, uint32_t seats, uint32_t holds, uint32_t orders, uint32_t payments)
{
	assert_int_equal(needs->sale_count, sales);
	assert_int_equal(needs->seat_count, seats);
	assert_int_equal(needs->hold_count, holds);
	assert_int_equal(needs->order_count, orders);
	assert_int_equal(needs->payment_count, payments);
}

/* The rows of a stage, taken out of its view so that a test puts back what a load would bring. */
static struct seat seat_of(struct stage *stage, uint32_t seat)
{
	return *stage_seat(stage, seat);
}

static void an_empty_view_lacks_what_the_command_names(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	struct command command = with_key(hold_command(&stage->request, 1, "ann", "1 2"), 1, 1);
	struct needs needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 2, 0, 0, 0);
	assert_int_equal(needs.key_count, 1);
	command = order_seats_command(&stage->request, 1, "ann", "1 2 3");
	needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 3, 0, 0, 0);
	command = order_command(&stage->request, 1, "ann", 1);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 0, 1, 0, 0);
	command = payment_command(&stage->request, 1, "t1", PAYMENT_SUCCEEDED);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 0, 0, 1, 1);
	command = release_command(&stage->request, 1, "ann");
	needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 0, 1, 0, 0);
	command = order_expire_command(&stage->request, 1);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 0, 0, 1, 0);
	command = sale_command(&stage->request, COMMAND_SALE_PAUSE);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 0, 0, 0, 0);
	command = sale_create_command(&stage->request);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 0, 0, 0, 0);
}

static void nothing_is_needed_twice(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	struct needs needs;
	needs_init(&needs, &stage->batch);
	for (uint32_t i = 0; i < 50; i++) {
		struct command command = with_key(hold_command(&stage->request, i, "ann", i % 2 == 0 ? "1 2" : "2 3"), (uint8_t)(i % 3), 1);
		assert_int_equal(command_needs(&command, stage->view, true, &needs), OK);
		command = payment_command(&stage->request, i % 4, i % 5 == 0 ? "t1" : "t2", PAYMENT_FAILED);
		assert_int_equal(command_needs(&command, stage->view, true, &needs), OK);
	}
	assert_false(needs_are_empty(&needs));
	needs_finish(&needs);
	assert_counts(&needs, 1, 3, 0, 4, 2);
	assert_int_equal(needs.key_count, 3);
}

static void the_key_is_needed_only_when_it_is_asked_for(void **state)
{
	struct stage *stage = *state;
	struct command command = with_key(hold_command(&stage->request, 1, "ann", "1 2"), 1, 1);
	struct needs needs;
	needs_init(&needs, &stage->batch);
	assert_int_equal(command_needs(&command, stage->view, false, &needs), OK);
	assert_true(needs_are_empty(&needs));
}

static void a_taken_seat_brings_its_holder_and_a_lapsed_one_all_its_seats(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2 3"), OK);
	struct seat first = seat_of(stage, 1);
	struct hold hold = *stage_hold(stage, 1);
	struct sale sale = *stage_sale(stage);
	struct seat_label labels[] = {test_label(1), test_label(2), test_label(3)};
	hold.seats = labels;
	stage_step(stage, TEST_HOLD_TTL_MS - 1);
	view_clear(stage->view);
	assert_non_null(view_put_sale(stage->view, &sale));
	assert_non_null(view_put_seat(stage->view, &first));
	struct command command = hold_command(&stage->request, 2, "bob", "1");
	struct needs needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 0, 1, 0, 0);
	assert_non_null(view_put_hold(stage->view, &hold));
	needs = needs_of(stage, &command);
	assert_true(needs_are_empty(&needs));
	stage_step(stage, TEST_HOLD_TTL_MS);
	needs = needs_of(stage, &command);
	assert_counts(&needs, 0, 2, 0, 0, 0);
}

static void a_payment_brings_its_order_its_sale_its_seats_and_who_has_them(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_cancel(stage, 1, "ann"), OK);
	assert_int_equal(stage_take(stage, 2, "bob", "2"), OK);
	struct order order = *stage_order(stage, 1);
	struct order_item items[] = {order.items[0], order.items[1]};
	order.items = items;
	struct seat seats[] = {seat_of(stage, 1), seat_of(stage, 2)};
	stage_step(stage, 1);
	view_clear(stage->view);
	assert_non_null(view_put_order(stage->view, &order));
	struct command command = payment_command(&stage->request, 1, "t1", PAYMENT_SUCCEEDED);
	struct needs needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 2, 0, 0, 1);
	for (int i = 0; i < 2; i++)
		assert_non_null(view_put_seat(stage->view, &seats[i]));
	needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 0, 1, 0, 1);
}

static void a_confirmed_order_needs_no_seats_for_its_payment(void **state)
{
	struct stage *stage = *state;
	const struct order order = {.row.version = 1,
	                            .order_id = test_order_id(1),
	                            .event_id = test_event_id(),
	                            .status = ORDER_CONFIRMED,
	                            .item_count = 1,
	                            .items = &(struct order_item){.seat = test_label(1)}};
	view_clear(stage->view);
	assert_non_null(view_put_order(stage->view, &order));
	struct command command = payment_command(&stage->request, 1, "t1", PAYMENT_SUCCEEDED);
	struct needs needs = needs_of(stage, &command);
	assert_counts(&needs, 1, 0, 0, 0, 1);
}

static void replay_needs_the_rows_that_the_event_changes(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	const struct order_item items[] = {{.seat = test_label(1)}, {.seat = test_label(2)}};
	struct event event = {
		.type = EVENT_ORDER_CREATED,
		.stream_id = test_order_id(1),
		.event_id = test_event_id(),
		.hold_id = test_hold_id(1),
		.items = items,
		.item_count = 2,
	};
	struct needs needs;
	needs_init(&needs, &stage->batch);
	assert_int_equal(event_needs(&event, stage->view, &needs), OK);
	assert_counts(&needs, 0, 2, 1, 1, 0);
	needs_init(&needs, &stage->batch);
	event.type = EVENT_ORDER_CONFIRMED;
	event.transaction_id = SLICE("t1");
	assert_int_equal(event_needs(&event, stage->view, &needs), OK);
	assert_counts(&needs, 0, 2, 0, 1, 1);
	needs_init(&needs, &stage->batch);
	assert_int_equal(event_needs(&(struct event){.type = EVENT_HOLD_RELEASED, .stream_id = test_hold_id(1)}, stage->view, &needs), OK);
	assert_int_equal(event_needs(&(struct event){.type = EVENT_SALE_PAUSED, .event_id = test_event_id()}, stage->view, &needs), OK);
	assert_counts(&needs, 1, 0, 1, 0, 0);
}

static void a_decision_relies_on_all_that_it_read(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	stage_step(stage, 1);
	struct command command = hold_command(&stage->request, 2, "bob", "1 3");
	command_rely(&command, stage->view, true);
	uint32_t count = 0;
	assert_non_null(view_relied(stage->view, &stage->batch, &count));
	assert_int_equal(count, 4); /* the sale, two seats, the hold that has one of them */
	assert_true(view_is_relied_on(&stage_hold(stage, 1)->row));
	assert_false(view_is_relied_on(&stage_seat(stage, 2)->row));
}

static void a_full_arena_is_said_so(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	struct arena small;
	arena_init(&small, 64, 64);
	struct needs needs;
	needs_init(&needs, &small);
	struct command command = with_key(hold_command(&stage->request, 1, "ann", "1 2"), 1, 1);
	assert_int_equal(command_needs(&command, stage->view, true, &needs), ERR_NO_MEMORY);
	arena_release(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_empty_view_lacks_what_the_command_names),
		TEST(nothing_is_needed_twice),
		TEST(the_key_is_needed_only_when_it_is_asked_for),
		TEST(a_taken_seat_brings_its_holder_and_a_lapsed_one_all_its_seats),
		TEST(a_payment_brings_its_order_its_sale_its_seats_and_who_has_them),
		TEST(a_confirmed_order_needs_no_seats_for_its_payment),
		TEST(replay_needs_the_rows_that_the_event_changes),
		TEST(a_decision_relies_on_all_that_it_read),
		TEST(a_full_arena_is_said_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
