/* test_decide_cancelled.c: the sale of a cancelled event is wound up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/support/commands.h"
#include "tests/support/stage.h"

static int set_up(void **state)
{
	static struct stage stage;
	stage_init(&stage);
	*state = &stage;
	assert_int_equal(stage_take(&stage, 1, "ann", "1 2"), OK);
	return 0;
}

static int tear_down(void **state)
{
	stage_release(*state);
	return 0;
}

static enum error cancel_sale(struct stage *stage)
{
	struct command command = sale_command(&stage->request, COMMAND_SALE_CANCEL);
	return stage_run(stage, &command);
}

static enum error call_off_hold(struct stage *stage, uint32_t number)
{
	struct command command = hold_expire_command(&stage->request, number);
	command.kind = COMMAND_HOLD_CALL_OFF;
	return stage_run(stage, &command);
}

static enum error call_off_order(struct stage *stage, uint32_t number)
{
	struct command command = order_expire_command(&stage->request, number);
	command.kind = COMMAND_ORDER_CALL_OFF;
	return stage_run(stage, &command);
}

static enum error settle(struct stage *stage)
{
	struct command command = sale_command(&stage->request, COMMAND_SALE_SETTLE);
	return stage_run(stage, &command);
}

static void nothing_is_called_off_while_the_event_takes_place(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(call_off_hold(stage, 1), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_int_equal(settle(stage), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(call_off_hold(stage, 7), OK); /* not there */
	assert_int_equal(call_off_order(stage, 7), OK);
}

static void an_open_hold_is_released(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(cancel_sale(stage), OK);
	uint64_t cancelled_at = stage->changes.events[stage->changes.event_count - 1].occurred_at_ms;
	assert_int_equal(call_off_hold(stage, 1), OK);
	assert_string_equal(stage->events, "hold.released");
	assert_true(stage->changes.events[stage->changes.event_count - 1].occurred_at_ms >= cancelled_at);
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_RELEASED);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
	assert_int_equal(call_off_hold(stage, 1), OK);
	assert_string_equal(stage->events, "");
}

static void a_hold_that_has_lapsed_expires(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(cancel_sale(stage), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(call_off_hold(stage, 1), OK);
	assert_string_equal(stage->events, "hold.expired");
}

static void a_pending_order_is_cancelled(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(cancel_sale(stage), OK);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "order.cancelled");
	assert_int_equal(stage_order(stage, 1)->status, ORDER_CANCELLED);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.refund_required");
	assert_int_equal(stage->changes.events[stage->changes.event_count - 1].refunds[0].reason, REFUND_EVENT_CANCELLED);
}

static void a_pending_order_that_has_lapsed_expires(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(cancel_sale(stage), OK);
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "order.expired");
}

static void calling_off_a_confirmed_order_requires_its_refund_once(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(cancel_sale(stage), OK);
	stage_step(stage, 1);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "order.refund_required");
	const struct order *order = stage_order(stage, 1);
	assert_int_equal(order_status_read(order, order->status), ORDER_CONFIRMED);
	assert_true(order_refund_required(order));
	assert_int_equal(order->refunds_due, 3000);
	assert_int_equal(order->kept, 0);
	assert_true(order_is_balanced(order));
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_SOLD);
	const struct event *event = &stage->changes.events[stage->changes.event_count - 1];
	assert_int_equal(event->transaction_id.length, 0);
	assert_true(slice_equal_string(event->refunds[0].transaction_id, "t1"));
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "");
}

static void a_free_order_has_nothing_to_give_back(void **state)
{
	struct stage *stage = *state;
	stage_seat(stage, 1)->price = 0;
	stage_seat(stage, 2)->price = 0;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(cancel_sale(stage), OK);
	assert_int_equal(call_off_order(stage, 1), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(order_status_read(stage_order(stage, 1), ORDER_CONFIRMED), ORDER_CONFIRMED);
}

static void an_event_is_settled_once_and_only_when_cancelled(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(cancel_sale(stage), OK);
	assert_int_equal(settle(stage), OK);
	assert_string_equal(stage->events, "event.settled");
	assert_true(stage_sale(stage)->is_settled);
	assert_int_equal(stage_sale(stage)->status, SALE_CANCELLED);
	assert_int_equal(settle(stage), OK);
	assert_string_equal(stage->events, "");
}

static void an_order_without_its_payment_was_read_at_another_moment(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(cancel_sale(stage), OK);
	stage_step(stage, 1);
	stage_order(stage, 1)->paid_with = short_text_of(SLICE("t2"));
	struct command command = order_expire_command(&stage->request, 1);
	command.kind = COMMAND_ORDER_CALL_OFF;
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(nothing_is_called_off_while_the_event_takes_place),
		TEST(an_open_hold_is_released),
		TEST(a_hold_that_has_lapsed_expires),
		TEST(a_pending_order_is_cancelled),
		TEST(a_pending_order_that_has_lapsed_expires),
		TEST(calling_off_a_confirmed_order_requires_its_refund_once),
		TEST(a_free_order_has_nothing_to_give_back),
		TEST(an_event_is_settled_once_and_only_when_cancelled),
		TEST(an_order_without_its_payment_was_read_at_another_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
