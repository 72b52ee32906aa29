/* test_decide_order.c: making an order of a hold, cancelling it, and ending it unpaid. */
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

static enum error buy_seats(struct stage *stage, uint32_t order, const char *user, const char *seats)
{
	struct command command = order_seats_command(&stage->request, order, user, seats);
	return stage_run(stage, &command);
}

static void an_order_is_made_of_the_hold_and_keeps_its_seats(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "2 5"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_string_equal(stage->events, "order.created");
	const struct order *order = stage_order(stage, 1);
	assert_int_equal(order->status, ORDER_PENDING);
	assert_int_equal(order->sequence, 1);
	assert_int_equal(order->total, 7000);
	assert_string_equal(order->currency.code, "EUR");
	assert_int_equal(order->pay_by_ms, TEST_NOW_MS + TEST_ORDER_TTL_MS);
	assert_int_equal(order->item_count, 2);
	assert_int_equal(order->items[1].price, 5000);
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_CONVERTED);
	assert_int_equal(stage_seat(stage, 5)->status, SEAT_RESERVED);
	assert_true(uuid_equal(&stage_seat(stage, 5)->holder_id, &order->order_id));
}

static void a_hold_is_found_by_its_seats_in_any_order(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "2 5 7"), OK);
	assert_int_equal(buy_seats(stage, 1, "ann", "7 2 5"), OK);
	struct uuid hold_id = test_hold_id(1);
	assert_true(uuid_equal(&stage_order(stage, 1)->hold_id, &hold_id));
}

static void only_the_callers_hold_of_exactly_these_seats_is_found(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "2 5"), OK);
	assert_int_equal(stage_take(stage, 2, "ann", "6"), OK);
	assert_int_equal(buy_seats(stage, 1, "ann", "2"), ERR_HOLD_UNKNOWN);
	assert_int_equal(buy_seats(stage, 1, "ann", "2 6"), ERR_HOLD_UNKNOWN);
	assert_int_equal(buy_seats(stage, 1, "ann", "2 5 6"), ERR_HOLD_UNKNOWN);
	assert_int_equal(buy_seats(stage, 1, "ann", "1 2 5"), ERR_HOLD_UNKNOWN);
	assert_int_equal(buy_seats(stage, 1, "bob", "2 5"), ERR_HOLD_UNKNOWN);
	assert_int_equal(buy_seats(stage, 1, "ann", "3"), ERR_HOLD_UNKNOWN);
	struct command command = order_seats_command(&stage->request, 1, "ann", "2 5");
	struct seat_label labels[] = {test_label(2), seat_label_of(SLICE("Z-9-9"))};
	command.order_create.seats = labels;
	assert_int_equal(stage_run(stage, &command), ERR_SEAT_UNKNOWN);
	assert_int_equal(stage->outcome.unknown_count, 1);
	assert_int_equal(stage->outcome.unknown_seats[0], 1);
	command.order_create.event_id.bytes[0] ^= 1;
	assert_int_equal(stage_run(stage, &command), ERR_EVENT_UNKNOWN);
}

static void a_lapsed_hold_found_by_its_seats_has_expired(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "2"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(buy_seats(stage, 1, "ann", "2"), ERR_HOLD_EXPIRED);
}

static void only_an_active_unexpired_hold_of_ones_own_becomes_an_order(void **state)
{
	struct stage *stage = *state;
	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(stage_take(stage, i, "ann", (const char *[]){"1", "2", "3", "4"}[i - 1]), OK);
	assert_int_equal(stage_buy(stage, 1, "bob", 1), ERR_HOLD_UNKNOWN);
	assert_int_equal(stage_buy(stage, 1, "ann", 8), ERR_HOLD_UNKNOWN);
	assert_int_equal(stage_give_back(stage, 2, "ann"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 2), ERR_HOLD_RELEASED);
	assert_int_equal(stage_buy(stage, 1, "ann", 3), OK);
	assert_int_equal(stage_buy(stage, 2, "ann", 3), ERR_HOLD_CONVERTED);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_buy(stage, 2, "ann", 1), ERR_HOLD_EXPIRED);
	assert_int_equal(stage_expire_hold(stage, 4), OK);
	assert_int_equal(stage_buy(stage, 2, "ann", 4), ERR_HOLD_EXPIRED);
}

static void a_pause_stops_new_holds_but_not_orders(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_take(stage, 2, "ann", "2"), OK);
	stage_sale(stage)->status = SALE_PAUSED;
	stage_sale(stage)->on_sale_until_ms = TEST_NOW_MS;
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	stage_sale(stage)->status = SALE_CANCELLED;
	assert_int_equal(stage_buy(stage, 2, "ann", 2), ERR_EVENT_CANCELLED);
}

static void a_hold_that_lost_its_seats_is_corrupt(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	stage_step(stage, 0);
	stage_seat(stage, 1)->holder_id = test_hold_id(2);
	struct command command = order_command(&stage->request, 1, "ann", 1);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
}

static void a_total_past_the_greatest_amount_is_refused(void **state)
{
	struct stage *stage = *state;
	stage_seat(stage, 1)->price = MONEY_MAX;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	struct command command = order_command(&stage->request, 1, "ann", 1);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	assert_string_equal(stage->events, "");
}

static void cancelling_a_pending_order_frees_its_seats(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_cancel(stage, 1, "bob"), ERR_ORDER_UNKNOWN);
	assert_int_equal(stage_cancel(stage, 2, "ann"), ERR_ORDER_UNKNOWN);
	assert_int_equal(stage_cancel(stage, 1, "ann"), OK);
	assert_string_equal(stage->events, "order.cancelled");
	assert_int_equal(stage_order(stage, 1)->status, ORDER_CANCELLED);
	assert_int_equal(stage_order(stage, 1)->sequence, 2);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
	assert_int_equal(stage_cancel(stage, 1, "ann"), ERR_ORDER_NOT_CANCELLABLE);
}

static void paid_failed_and_late_orders_cannot_be_cancelled(void **state)
{
	struct stage *stage = *state;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(stage_take(stage, i, "ann", (const char *[]){"1", "2", "3"}[i - 1]), OK);
		assert_int_equal(stage_buy(stage, i, "ann", i), OK);
	}
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(stage_cancel(stage, 1, "ann"), ERR_ORDER_NOT_CANCELLABLE);
	assert_int_equal(stage_fail(stage, 2, "t2"), OK);
	assert_int_equal(stage_cancel(stage, 2, "ann"), ERR_ORDER_NOT_CANCELLABLE);
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(stage_cancel(stage, 3, "ann"), ERR_ORDER_NOT_CANCELLABLE);
	assert_int_equal(stage_order(stage, 3)->status, ORDER_PENDING);
}

static void an_unpaid_order_expires_at_its_deadline_and_not_before(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	stage_step(stage, TEST_ORDER_TTL_MS - 1);
	assert_int_equal(stage_expire_order(stage, 1), OK);
	assert_string_equal(stage->events, "");
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(stage_expire_order(stage, 1), OK);
	assert_string_equal(stage->events, "order.expired");
	assert_int_equal(stage_order(stage, 1)->status, ORDER_EXPIRED);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
	assert_int_equal(stage_expire_order(stage, 1), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage_expire_order(stage, 7), OK);
}

static void an_order_that_lost_its_seats_is_corrupt(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	stage_step(stage, 0);
	stage_seat(stage, 1)->status = SEAT_AVAILABLE;
	struct command command = cancel_command(&stage->request, 1, "ann");
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	command = payment_command(&stage->request, 1, "t1", PAYMENT_SUCCEEDED);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	command = payment_command(&stage->request, 1, "t1", PAYMENT_FAILED);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	assert_int_equal(stage->changes.event_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_order_is_made_of_the_hold_and_keeps_its_seats),
		TEST(a_hold_is_found_by_its_seats_in_any_order),
		TEST(only_the_callers_hold_of_exactly_these_seats_is_found),
		TEST(a_lapsed_hold_found_by_its_seats_has_expired),
		TEST(only_an_active_unexpired_hold_of_ones_own_becomes_an_order),
		TEST(a_pause_stops_new_holds_but_not_orders),
		TEST(a_hold_that_lost_its_seats_is_corrupt),
		TEST(a_total_past_the_greatest_amount_is_refused),
		TEST(cancelling_a_pending_order_frees_its_seats),
		TEST(paid_failed_and_late_orders_cannot_be_cancelled),
		TEST(an_unpaid_order_expires_at_its_deadline_and_not_before),
		TEST(an_order_that_lost_its_seats_is_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
