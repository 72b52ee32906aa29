/* test_decide_payment.c: every state of an order against every report, and the late payment rule. */
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
	return 0;
}

static int tear_down(void **state)
{
	stage_release(*state);
	return 0;
}

enum start { PENDING, LAPSED, CONFIRMED, EXPIRED, FAILED, CANCELLED };

/* Ann's order 1 of the seats 1 and 2, brought to a state; afterwards the step is past its deadline where the state needs that. */
static void bring_order_to(struct stage *stage, enum start start)
{
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	if (start == LAPSED || start == EXPIRED)
		stage_step(stage, TEST_ORDER_TTL_MS);
	if (start == EXPIRED)
		assert_int_equal(stage_expire_order(stage, 1), OK);
	if (start == CONFIRMED)
		assert_int_equal(stage_pay(stage, 1, "first"), OK);
	if (start == FAILED)
		assert_int_equal(stage_fail(stage, 1, "first"), OK);
	if (start == CANCELLED)
		assert_int_equal(stage_cancel(stage, 1, "ann"), OK);
	stage_step(stage, start == LAPSED || start == EXPIRED ? TEST_ORDER_TTL_MS : 1);
}

static void assert_order(struct stage *stage, enum order_status status, bool refund_required, enum seat_status seats)
{
	const struct order *order = stage_order(stage, 1);
	assert_int_equal(order->status, status);
	assert_int_equal(order_refund_required(order), refund_required);
	assert_int_equal(stage_seat(stage, 1)->status, seats);
	assert_int_equal(stage_seat(stage, 2)->status, seats);
}

static const struct payment *payment_of(struct stage *stage, const char *transaction)
{
	struct short_text text = short_text_of(slice_of(transaction));
	return view_payment(stage->view, &text);
}

static void a_payment_confirms_a_pending_order(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, PENDING);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.confirmed");
	assert_order(stage, ORDER_CONFIRMED, false, SEAT_SOLD);
	assert_int_equal(payment_of(stage, "t1")->status, PAYMENT_SUCCEEDED);
	assert_true(uuid_equal(&payment_of(stage, "t1")->applied_by, &stage->changes.events[0].id));
}

static void a_failed_payment_ends_a_pending_order(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, PENDING);
	assert_int_equal(stage_fail(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.failed");
	assert_order(stage, ORDER_FAILED, false, SEAT_AVAILABLE);
}

static void a_late_payment_confirms_while_all_its_seats_are_free(void **state)
{
	struct stage *stage = *state;
	static const char *const events[] = {
		[LAPSED] = "order.expired order.confirmed",
		[EXPIRED] = "order.confirmed",
		[FAILED] = "order.confirmed",
		[CANCELLED] = "order.confirmed",
	};
	for (enum start start = PENDING; start <= CANCELLED; start++) {
		if (events[start] == NULL)
			continue;
		bring_order_to(stage, start);
		assert_int_equal(stage_pay(stage, 1, "t1"), OK);
		assert_string_equal(stage->events, events[start]);
		assert_order(stage, ORDER_CONFIRMED, false, SEAT_SOLD);
		assert_int_equal(stage_order(stage, 1)->sequence, 3);
		stage_release(stage);
		stage_init(stage);
	}
}

static void a_late_payment_is_refunded_when_any_of_its_seats_is_taken(void **state)
{
	struct stage *stage = *state;
	static const enum order_status ends[] = {[EXPIRED] = ORDER_EXPIRED, [FAILED] = ORDER_FAILED, [CANCELLED] = ORDER_CANCELLED};
	for (enum start start = EXPIRED; start <= CANCELLED; start++) {
		bring_order_to(stage, start);
		assert_int_equal(stage_take(stage, 2, "bob", "2 3"), OK);
		assert_int_equal(stage_pay(stage, 1, "t1"), OK);
		assert_string_equal(stage->events, "order.refund_required");
		const struct order *order = stage_order(stage, 1);
		assert_int_equal(order->status, ends[start]);
		assert_true(order_refund_required(order));
		assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
		assert_int_equal(stage_seat(stage, 2)->status, SEAT_HELD);
		stage_release(stage);
		stage_init(stage);
	}
}

static void seats_reserved_or_sold_to_others_are_not_free(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CANCELLED);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), OK);
	assert_int_equal(stage_buy(stage, 2, "bob", 2), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.refund_required");
	assert_int_equal(stage_pay(stage, 2, "t2"), OK);
	assert_int_equal(stage_pay(stage, 1, "t3"), OK);
	assert_string_equal(stage->events, "order.refund_required");
}

static void a_late_payment_ends_the_lapsed_holders_of_its_seats_once(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CANCELLED);
	assert_int_equal(stage_take(stage, 2, "bob", "1 2 3"), OK);
	stage_step(stage, 1 + TEST_HOLD_TTL_MS);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "hold.expired order.confirmed");
	assert_order(stage, ORDER_CONFIRMED, false, SEAT_SOLD);
	assert_int_equal(stage_seat(stage, 3)->status, SEAT_AVAILABLE);
}

static void a_late_payment_ends_lapsed_orders_on_its_seats(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, FAILED);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), OK);
	assert_int_equal(stage_buy(stage, 2, "bob", 2), OK);
	assert_int_equal(stage_take(stage, 3, "cy", "2"), OK);
	stage_step(stage, 1 + TEST_ORDER_TTL_MS);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.expired hold.expired order.confirmed");
	assert_int_equal(stage_order(stage, 2)->status, ORDER_EXPIRED);
	assert_order(stage, ORDER_CONFIRMED, false, SEAT_SOLD);
}

static void nothing_is_ended_for_a_payment_that_is_refunded(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CANCELLED);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_take(stage, 3, "cy", "2"), OK);
	stage_step(stage, 1 + TEST_HOLD_TTL_MS);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.refund_required");
	assert_int_equal(stage_hold(stage, 2)->status, HOLD_ACTIVE);
}

static void no_order_of_a_cancelled_event_is_confirmed(void **state)
{
	struct stage *stage = *state;
	static const struct {
		const char *events;
		enum order_status status;
	} expected[] = {
		[PENDING] = {"order.cancelled order.refund_required", ORDER_CANCELLED},
		[LAPSED] = {"order.expired order.refund_required", ORDER_EXPIRED},
		[EXPIRED] = {"order.refund_required", ORDER_EXPIRED},
		[FAILED] = {"order.refund_required", ORDER_FAILED},
		[CANCELLED] = {"order.refund_required", ORDER_CANCELLED},
	};
	for (enum start start = PENDING; start <= CANCELLED; start++) {
		if (expected[start].events == NULL)
			continue;
		bring_order_to(stage, start);
		stage_sale(stage)->status = SALE_CANCELLED;
		assert_int_equal(stage_pay(stage, 1, "t1"), OK);
		assert_string_equal(stage->events, expected[start].events);
		assert_order(stage, expected[start].status, true, SEAT_AVAILABLE);
		stage_release(stage);
		stage_init(stage);
	}
}

static void a_pause_or_a_closed_window_does_not_keep_money_out(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, EXPIRED);
	stage_sale(stage)->status = SALE_PAUSED;
	stage_sale(stage)->on_sale_until_ms = 1;
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.confirmed");
}

static void a_second_payment_is_refunded_and_the_order_stays_confirmed(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CONFIRMED);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.refund_required");
	assert_order(stage, ORDER_CONFIRMED, true, SEAT_SOLD);
}

static void failure_after_confirmation_is_refused(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CONFIRMED);
	assert_int_equal(stage_fail(stage, 1, "t1"), ERR_ORDER_NOT_PAYABLE);
	assert_string_equal(stage->events, "");
	assert_int_equal(payment_of(stage, "t1")->row.version, 0);
}

static void failure_of_what_has_ended_is_written_down(void **state)
{
	struct stage *stage = *state;
	static const struct {
		const char *events;
		enum order_status status;
	} expected[] = {
		[LAPSED] = {"order.expired order.payment_failed", ORDER_EXPIRED},
		[EXPIRED] = {"order.payment_failed", ORDER_EXPIRED},
		[FAILED] = {"order.payment_failed", ORDER_FAILED},
		[CANCELLED] = {"order.payment_failed", ORDER_CANCELLED},
	};
	for (enum start start = LAPSED; start <= CANCELLED; start++) {
		if (expected[start].events == NULL)
			continue;
		bring_order_to(stage, start);
		assert_int_equal(stage_fail(stage, 1, "t1"), OK);
		assert_string_equal(stage->events, expected[start].events);
		assert_order(stage, expected[start].status, false, SEAT_AVAILABLE);
		stage_release(stage);
		stage_init(stage);
	}
}

static void money_after_a_failure_still_confirms(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, LAPSED);
	assert_int_equal(stage_fail(stage, 1, "t1"), OK);
	assert_int_equal(stage_pay(stage, 1, "t2"), OK);
	assert_string_equal(stage->events, "order.confirmed");
	assert_int_equal(stage_order(stage, 1)->sequence, 4);
}

static void a_refund_that_is_due_stays_due_after_confirmation(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CANCELLED);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(stage_give_back(stage, 2, "bob"), OK);
	assert_int_equal(stage_pay(stage, 1, "t2"), OK);
	assert_string_equal(stage->events, "order.confirmed");
	assert_order(stage, ORDER_CONFIRMED, true, SEAT_SOLD);
}

static void a_transaction_is_applied_once(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, PENDING);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "");
	assert_true(stage->outcome.is_replayed);
	assert_true(slice_equal_string(stage->outcome.body, "{}"));
	stage_step(stage, 2);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_true(stage->outcome.is_replayed);
}

static void a_transaction_with_other_content_is_refused(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, PENDING);
	assert_int_equal(stage_take(stage, 2, "bob", "3"), OK);
	assert_int_equal(stage_buy(stage, 2, "bob", 2), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(stage_fail(stage, 1, "t1"), ERR_PAYMENT_CONFLICT);
	assert_int_equal(stage_pay(stage, 2, "t1"), ERR_PAYMENT_CONFLICT);
	assert_int_equal(stage_order(stage, 2)->status, ORDER_PENDING);
}

static void an_unknown_order_is_said_so_and_nothing_is_kept(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_pay(stage, 5, "t1"), ERR_ORDER_UNKNOWN);
	assert_string_equal(stage->events, "");
	bring_order_to(stage, PENDING);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.confirmed");
}

static void a_seat_whose_holder_does_not_have_it_is_corrupt(void **state)
{
	struct stage *stage = *state;
	bring_order_to(stage, CANCELLED);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), OK);
	stage_step(stage, 2);
	stage_hold(stage, 2)->status = HOLD_RELEASED;
	struct command command = payment_command(&stage->request, 1, "t1", PAYMENT_SUCCEEDED);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	assert_int_equal(stage->changes.event_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_payment_confirms_a_pending_order),
		TEST(a_failed_payment_ends_a_pending_order),
		TEST(a_late_payment_confirms_while_all_its_seats_are_free),
		TEST(a_late_payment_is_refunded_when_any_of_its_seats_is_taken),
		TEST(seats_reserved_or_sold_to_others_are_not_free),
		TEST(a_late_payment_ends_the_lapsed_holders_of_its_seats_once),
		TEST(a_late_payment_ends_lapsed_orders_on_its_seats),
		TEST(nothing_is_ended_for_a_payment_that_is_refunded),
		TEST(no_order_of_a_cancelled_event_is_confirmed),
		TEST(a_pause_or_a_closed_window_does_not_keep_money_out),
		TEST(a_second_payment_is_refunded_and_the_order_stays_confirmed),
		TEST(failure_after_confirmation_is_refused),
		TEST(failure_of_what_has_ended_is_written_down),
		TEST(money_after_a_failure_still_confirms),
		TEST(a_refund_that_is_due_stays_due_after_confirmation),
		TEST(a_transaction_is_applied_once),
		TEST(a_transaction_with_other_content_is_refused),
		TEST(an_unknown_order_is_said_so_and_nothing_is_kept),
		TEST(a_seat_whose_holder_does_not_have_it_is_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
