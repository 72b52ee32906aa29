/* test_apply.c: events that cannot follow what the view holds are refused. The tests of decide apply its events. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/apply.h"
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

/* An event about hold or order 1 as it is in the view, one sequence on, that can follow unless the test spoils it. */
static struct event next_event(struct stage *stage, enum event_type type)
{
	static struct order_item items[2];
	items[0].seat = test_label(1);
	items[1].seat = test_label(2);
	const struct hold *hold = stage_hold(stage, 1);
	const struct order *order = stage_order(stage, 1);
	bool is_order = event_type_stream(type) == STREAM_ORDER;
	uint32_t sequence = is_order ? order == NULL ? 0 : order->sequence : hold == NULL ? 0 : hold->sequence;
	return (struct event){
		.id = uuid_v7(hlc_next(view_clock(stage->view), TEST_NOW_MS), 0, 0),
		.type = type,
		.stream_id = is_order ? test_order_id(1) : test_hold_id(1),
		.sequence = sequence + 1,
		.event_id = test_event_id(),
		.user = SLICE("ann"),
		.items = items,
		.item_count = 2,
		.hold_id = test_hold_id(1),
		.order_status = type == EVENT_ORDER_CONFIRMED   ? ORDER_CONFIRMED
	                        : type == EVENT_ORDER_FAILED    ? ORDER_FAILED
	                        : type == EVENT_ORDER_EXPIRED   ? ORDER_EXPIRED
	                        : type == EVENT_ORDER_CANCELLED ? ORDER_CANCELLED
	                                                        : ORDER_PENDING,
		.data = SLICE("{}"),
	};
}

static void a_hold_is_created_once_of_free_seats(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_HOLD_CREATED);
	event.sequence = 2;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event = next_event(stage, EVENT_HOLD_CREATED);
	event.item_count = 0;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.item_count = SEATS_PER_HOLD_LIMIT + 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event = next_event(stage, EVENT_HOLD_CREATED);
	assert_int_equal(apply(stage->view, &event), OK);
	event = next_event(stage, EVENT_HOLD_CREATED);
	event.sequence = 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.stream_id = test_hold_id(2);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void a_hold_of_one_seat_twice_is_refused(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_HOLD_CREATED);
	const struct order_item items[2] = {{.seat = test_label(4)}, {.seat = test_label(4)}};
	event.items = items;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void an_unknown_seat_is_refused(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_HOLD_CREATED);
	event.event_id.bytes[3] ^= 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void only_an_active_hold_ends(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_HOLD_EXPIRED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	event = next_event(stage, EVENT_HOLD_RELEASED);
	event.sequence++;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event = next_event(stage, EVENT_HOLD_RELEASED);
	event.item_count = 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.item_count = 2;
	assert_int_equal(apply(stage->view, &event), OK);
	event = next_event(stage, EVENT_HOLD_EXPIRED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void an_order_is_created_once_of_an_active_hold(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_ORDER_CREATED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	event = next_event(stage, EVENT_ORDER_CREATED);
	event.sequence = 2;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.sequence = 1;
	event.item_count = 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.item_count = 2;
	assert_int_equal(apply(stage->view, &event), OK);
	event = next_event(stage, EVENT_ORDER_CREATED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void an_order_ends_only_while_it_waits(void **state)
{
	static const enum event_type ends[] = {EVENT_ORDER_FAILED, EVENT_ORDER_EXPIRED, EVENT_ORDER_CANCELLED};
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		struct event event = next_event(stage, ends[i]);
		assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	}
	struct event event = next_event(stage, EVENT_ORDER_CONFIRMED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void an_orders_events_are_consecutive_and_say_its_state(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	struct event event = next_event(stage, EVENT_ORDER_CONFIRMED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	event = next_event(stage, EVENT_ORDER_CONFIRMED);
	event.sequence++;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event = next_event(stage, EVENT_ORDER_CONFIRMED);
	event.item_count = 1;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.item_count = 2;
	assert_int_equal(apply(stage->view, &event), OK);
}

static void an_event_that_says_another_state_or_account_is_corrupt(void **state)
{
	struct stage *stage = *state;
	static const struct {
		enum event_type type;
		enum order_status status;
		int64_t refunds_due;
	} cases[] = {
		{EVENT_ORDER_CONFIRMED, ORDER_PENDING, 0},
		{EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED, 1},
		{EVENT_ORDER_REFUND_REQUIRED, ORDER_CONFIRMED, 0},
		{EVENT_ORDER_EXPIRED, ORDER_REFUNDED, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
		assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
		struct event event = next_event(stage, cases[i].type);
		event.order_status = cases[i].status;
		event.refunds_due = cases[i].refunds_due;
		assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
		stage_release(stage);
		stage_init(stage);
	}
}

static void a_late_confirmation_needs_free_seats(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_cancel(stage, 1, "ann"), OK);
	assert_int_equal(stage_take(stage, 2, "bob", "2"), OK);
	struct event event = next_event(stage, EVENT_ORDER_CONFIRMED);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void a_transaction_is_applied_once(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_fail(stage, 1, "t1"), OK);
	struct event event = next_event(stage, EVENT_ORDER_CONFIRMED);
	event.transaction_id = SLICE("t1");
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void an_event_comes_after_what_it_changes(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	struct event event = next_event(stage, EVENT_HOLD_RELEASED);
	event.id = uuid_v7(stage_hold(stage, 1)->row.version, 0, 0);
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event = next_event(stage, EVENT_HOLD_RELEASED);
	assert_int_equal(apply(stage->view, &event), OK);
	struct uuid early = uuid_v7(stage_seat(stage, 1)->row.version - 1, 0, 0);
	event = next_event(stage, EVENT_HOLD_CREATED);
	event.stream_id = test_hold_id(2);
	event.sequence = 1;
	event.id = early;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

static void a_sale_is_created_once_and_ends_with_its_cancellation(void **state)
{
	struct stage *stage = *state;
	struct event event = next_event(stage, EVENT_HOLD_CREATED);
	event.type = EVENT_SALE_CREATED;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.type = EVENT_SALE_PAUSED;
	event.sequence = 3;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.type = EVENT_SALE_CANCELLED;
	event.sequence = 2;
	assert_int_equal(apply(stage->view, &event), OK);
	struct event resumed = next_event(stage, EVENT_HOLD_CREATED);
	resumed.type = EVENT_SALE_RESUMED;
	resumed.sequence = 3;
	assert_int_equal(apply(stage->view, &resumed), ERR_CORRUPT);
	view_step_failed(stage->view);
	view_clear(stage->view);
	event.type = EVENT_SALE_CREATED;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
	event.type = EVENT_SALE_PAUSED;
	assert_int_equal(apply(stage->view, &event), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_hold_is_created_once_of_free_seats),
		TEST(a_hold_of_one_seat_twice_is_refused),
		TEST(an_unknown_seat_is_refused),
		TEST(only_an_active_hold_ends),
		TEST(an_order_is_created_once_of_an_active_hold),
		TEST(an_order_ends_only_while_it_waits),
		TEST(an_orders_events_are_consecutive_and_say_its_state),
		TEST(an_event_that_says_another_state_or_account_is_corrupt),
		TEST(a_late_confirmation_needs_free_seats),
		TEST(a_transaction_is_applied_once),
		TEST(an_event_comes_after_what_it_changes),
		TEST(a_sale_is_created_once_and_ends_with_its_cancellation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
