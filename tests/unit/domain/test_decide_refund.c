/* test_decide_refund.c: how much was paid, what is to be given back of it, and what was. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/support/commands.h"
#include "tests/support/stage.h"

#define TOTAL 3000 /* of the seats 1 and 2 */

static int set_up(void **state)
{
	static struct stage stage;
	stage_init(&stage);
	*state = &stage;
	assert_int_equal(stage_take(&stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(&stage, 1, "ann", 1), OK);
	return 0;
}

static int tear_down(void **state)
{
	stage_release(*state);
	return 0;
}

/* amount: -1: not said. currency: NULL: not said. */
static enum error report(struct stage *stage, const char *transaction, enum payment_status status, int64_t amount, const char *currency)
{
	struct command command = payment_command(&stage->request, 1, transaction, status);
	command.payment.has_amount = amount >= 0;
	command.payment.amount = amount >= 0 ? amount : 0;
	command.payment.has_currency = currency != NULL && currency_parse(slice_of(currency), &command.payment.currency);
	return stage_run(stage, &command);
}

static enum error give_back(struct stage *stage, const char *transaction, const struct uuid *refund_id, int64_t amount)
{
	struct command command = payment_command(&stage->request, 1, transaction, PAYMENT_REFUNDED);
	command.payment.has_amount = amount >= 0;
	command.payment.amount = amount >= 0 ? amount : 0;
	command.payment.has_refund_id = refund_id != NULL;
	if (refund_id != NULL)
		command.payment.refund_id = *refund_id;
	return stage_run(stage, &command);
}

static enum error done(struct stage *stage, const struct uuid *refund_id)
{
	struct command command = sale_command(&stage->request, COMMAND_REFUND_DONE);
	command.refund_id = *refund_id;
	return stage_run(stage, &command);
}

static const struct payment *payment_of(struct stage *stage, const char *transaction)
{
	struct short_text text = short_text_of(slice_of(transaction));
	return view_payment(stage->view, &text);
}

static const struct refund *refund_of(struct stage *stage, const char *transaction, uint32_t index)
{
	return view_refund(stage->view, &payment_of(stage, transaction)->refund_ids[index]);
}

static void assert_refund(const struct refund *refund, int64_t amount, enum refund_reason reason, enum refund_status status)
{
	assert_non_null(refund);
	assert_int_equal(refund->amount, amount);
	assert_int_equal(refund->reason, reason);
	assert_int_equal(refund->status, status);
}

static void assert_order(struct stage *stage, enum order_status reads, int64_t due)
{
	const struct order *order = stage_order(stage, 1);
	assert_int_equal(order_status_read(order, order->status), reads);
	assert_int_equal(order->refunds_due, due);
	assert_true(order_is_balanced(order));
	assert_null(changes_check(&stage->changes));
}

/* The seats to somebody else, the order expired. */
static void lose_the_seats(struct stage *stage)
{
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(stage_take(stage, 2, "bob", "1 2"), OK);
}

static void just_the_total_confirms(void **state)
{
	assert_int_equal(report(*state, "t1", PAYMENT_SUCCEEDED, TOTAL, "EUR"), OK);
	assert_order(*state, ORDER_CONFIRMED, 0);
	assert_int_equal(stage_order(*state, 1)->kept, TOTAL);
	assert_true(uuid_is_nil(&payment_of(*state, "t1")->refund_ids[0]));
}

static void too_little_does_not_confirm_and_is_to_be_given_back(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL - 1, NULL), OK);
	assert_string_equal(stage->events, "order.payment_mismatch");
	assert_order(stage, ORDER_PENDING, TOTAL - 1);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_RESERVED);
	assert_refund(refund_of(stage, "t1", 0), TOTAL - 1, REFUND_MISMATCH, REFUND_DUE);
	const struct event *event = &stage->changes.events[stage->changes.event_count - 1];
	assert_int_equal(event->paid_amount, TOTAL - 1);
	assert_int_equal(event->total, TOTAL);
	assert_true(uuid_equal(&event->id, &refund_of(stage, "t1", 0)->refund_id));
	assert_int_equal(report(stage, "t2", PAYMENT_SUCCEEDED, TOTAL, NULL), OK);
	assert_order(stage, ORDER_CONFIRMED, TOTAL - 1);
}

static void another_currency_does_not_confirm_and_is_due_in_it(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL, "USD"), OK);
	assert_string_equal(stage->events, "order.payment_mismatch");
	assert_order(stage, ORDER_PENDING, 0); /* of its own currency nothing is due */
	assert_refund(refund_of(stage, "t1", 0), TOTAL, REFUND_MISMATCH, REFUND_DUE);
	assert_string_equal(refund_of(stage, "t1", 0)->currency.code, "USD");
	assert_int_equal(stage_order(stage, 1)->refunds_open, 1);
}

static void nothing_that_came_is_nothing_to_give_back(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, 0, "EUR"), OK);
	assert_string_equal(stage->events, "order.payment_mismatch");
	assert_order(stage, ORDER_PENDING, 0);
	assert_true(uuid_is_nil(&payment_of(stage, "t1")->refund_ids[0]));
}

static void too_little_for_a_lapsed_order_expires_it_first(void **state)
{
	struct stage *stage = *state;
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, 1, NULL), OK);
	assert_string_equal(stage->events, "order.expired order.payment_mismatch");
	assert_order(stage, ORDER_EXPIRED, 1);
}

static void more_confirms_and_the_difference_is_due(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 250, "EUR"), OK);
	assert_string_equal(stage->events, "order.confirmed order.refund_required");
	assert_order(stage, ORDER_CONFIRMED, 250);
	assert_refund(refund_of(stage, "t1", 0), 250, REFUND_OVERPAYMENT, REFUND_DUE);
	/* The answer is that of the last event. */
	assert_true(uuid_equal(&payment_of(stage, "t1")->applied_by, &stage->changes.events[stage->changes.event_count - 1].id));
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 250, "EUR"), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 251, "EUR"), ERR_PAYMENT_CONFLICT);
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 250, "USD"), ERR_PAYMENT_CONFLICT);
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, -1, NULL), ERR_PAYMENT_CONFLICT);
}

static void a_total_that_is_not_said_is_the_same_as_one_that_is(void **state)
{
	assert_int_equal(report(*state, "t1", PAYMENT_SUCCEEDED, -1, NULL), OK);
	assert_int_equal(report(*state, "t1", PAYMENT_SUCCEEDED, TOTAL, "EUR"), OK);
	assert_true(((struct stage *)*state)->outcome.is_replayed);
}

static void more_for_an_order_that_is_over_is_given_back_whole(void **state)
{
	struct stage *stage = *state;
	lose_the_seats(stage);
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 250, NULL), OK);
	assert_refund(refund_of(stage, "t1", 0), TOTAL + 250, REFUND_LATE_PAYMENT, REFUND_DUE);
	assert_order(stage, ORDER_EXPIRED, TOTAL + 250);
}

static void a_transaction_that_failed_may_succeed(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_fail(stage, 1, "t1"), OK);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.confirmed");
	assert_order(stage, ORDER_CONFIRMED, 0);
	assert_int_equal(payment_of(stage, "t1")->status, PAYMENT_SUCCEEDED);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(stage_fail(stage, 1, "t1"), ERR_PAYMENT_CONFLICT);
}

static void a_transaction_that_failed_may_succeed_after_it_was_stored(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_fail(stage, 1, "t1"), OK);
	lose_the_seats(stage);
	uint64_t stored_version = payment_of(stage, "t1")->row.stored_version;
	assert_int_not_equal(stored_version, 0);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_string_equal(stage->events, "order.refund_required");
	assert_refund(refund_of(stage, "t1", 0), TOTAL, REFUND_LATE_PAYMENT, REFUND_DUE);
	assert_int_equal(payment_of(stage, "t1")->row.stored_version, stored_version);
	assert_order(stage, ORDER_FAILED, TOTAL);
}

static void a_second_payment_is_a_duplicate(void **state)
{
	assert_int_equal(stage_pay(*state, 1, "t1"), OK);
	assert_int_equal(report(*state, "t2", PAYMENT_SUCCEEDED, 5, NULL), OK);
	assert_refund(refund_of(*state, "t2", 0), 5, REFUND_DUPLICATE_PAYMENT, REFUND_DUE);
	assert_order(*state, ORDER_CONFIRMED, 5);
}

static void a_refunded_order_has_nothing_due(void **state)
{
	struct stage *stage = *state;
	lose_the_seats(stage);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL - 1), ERR_REFUND_AMOUNT);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), OK);
	assert_string_equal(stage->events, "order.refunded");
	assert_order(stage, ORDER_REFUNDED, 0);
	assert_int_equal(stage_order(stage, 1)->status, ORDER_EXPIRED);
	const struct refund *refund = refund_of(stage, "t1", 0);
	assert_refund(refund, TOTAL, REFUND_LATE_PAYMENT, REFUND_DONE);
	assert_int_equal(refund->done_at_ms, stage->changes.events[stage->changes.event_count - 1].occurred_at_ms);
	/* Again: the same answer, whether or not it says how much. */
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(give_back(stage, "t1", NULL, -1), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL + 1), ERR_REFUND_AMOUNT);
	assert_int_equal(give_back(stage, "t1", &refund->refund_id, TOTAL), OK);
	assert_true(stage->outcome.is_replayed);
}

static void where_nothing_is_due_nothing_is_given_back(void **state)
{
	struct stage *stage = *state;
	struct uuid unknown = test_order_id(7);
	assert_int_equal(give_back(stage, "t1", NULL, -1), ERR_REFUND_NOT_DUE);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(give_back(stage, "t1", NULL, -1), ERR_REFUND_NOT_DUE);
	assert_int_equal(give_back(stage, "t1", &unknown, -1), ERR_REFUND_UNKNOWN);
	assert_int_equal(stage_pay(stage, 1, "t2"), OK);
	struct uuid refund_id = refund_of(stage, "t2", 0)->refund_id;
	assert_int_equal(give_back(stage, "t1", &refund_id, -1), ERR_PAYMENT_CONFLICT);
	assert_int_equal(done(stage, &unknown), ERR_REFUND_UNKNOWN);
}

static void somebody_who_gives_back_may_say_so_again(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(stage_pay(stage, 1, "t2"), OK);
	struct uuid refund_id = refund_of(stage, "t2", 0)->refund_id;
	assert_int_equal(done(stage, &refund_id), OK);
	assert_string_equal(stage->events, "order.refunded");
	assert_int_equal(stage->outcome.refund->status, REFUND_DONE);
	uint64_t done_at_ms = stage->outcome.refund->done_at_ms;
	assert_int_equal(done_at_ms, refund_of(stage, "t2", 0)->done_at_ms);
	assert_order(stage, ORDER_CONFIRMED, 0); /* the payment that confirmed it was not refunded */
	assert_int_equal(done(stage, &refund_id), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage->outcome.refund->done_at_ms, done_at_ms);
	assert_int_equal(give_back(stage, "t2", NULL, TOTAL), OK); /* the provider says so, too */
	assert_true(stage->outcome.is_replayed);
}

static void a_pending_order_whose_mismatch_was_given_back_stays_pending(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, 1, NULL), OK);
	assert_int_equal(give_back(stage, "t1", NULL, -1), OK);
	assert_order(stage, ORDER_PENDING, 0);
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(order_status_at(stage_order(stage, 1), TEST_NOW_MS + TEST_ORDER_TTL_MS), ORDER_REFUNDED);
	assert_int_equal(stage_expire_order(stage, 1), OK);
	assert_string_equal(stage->events, "order.expired");
	assert_order(stage, ORDER_REFUNDED, 0);
	/* It is over like any other: a late payment confirms it while its seats are free. */
	assert_int_equal(stage_pay(stage, 1, "t2"), OK);
	assert_order(stage, ORDER_CONFIRMED, 0);
}

static void payments_in_two_currencies_are_refunded_in_both(void **state)
{
	struct stage *stage = *state;
	lose_the_seats(stage);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	assert_int_equal(report(stage, "t2", PAYMENT_SUCCEEDED, 7, "USD"), OK);
	assert_int_equal(give_back(stage, "t1", NULL, -1), OK);
	assert_order(stage, ORDER_EXPIRED, 0);
	assert_int_equal(give_back(stage, "t2", NULL, 7), OK);
	assert_order(stage, ORDER_REFUNDED, 0);
}

static void two_refunds_of_one_payment_are_closed_together_or_apart(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 10, NULL), OK);
	assert_int_equal(report(stage, "t2", PAYMENT_SUCCEEDED, 20, NULL), OK);
	struct command cancel = sale_command(&stage->request, COMMAND_SALE_CANCEL);
	assert_int_equal(stage_run(stage, &cancel), OK);
	struct command call_off = order_expire_command(&stage->request, 1);
	call_off.kind = COMMAND_ORDER_CALL_OFF;
	assert_int_equal(stage_run(stage, &call_off), OK);
	assert_order(stage, ORDER_CONFIRMED, TOTAL + 30);
	assert_refund(refund_of(stage, "t1", 1), TOTAL, REFUND_EVENT_CANCELLED, REFUND_DUE);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), ERR_REFUND_AMOUNT); /* both are due */
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL + 10), OK);
	assert_string_equal(stage->events, "order.refunded");
	assert_order(stage, ORDER_CONFIRMED, 20);
	assert_int_equal(give_back(stage, "t1", NULL, 10), ERR_REFUND_AMOUNT);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL + 10), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(give_back(stage, "t2", NULL, 20), OK);
	assert_order(stage, ORDER_REFUNDED, 0);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_SOLD); /* nobody buys them again */
}

/* Cancels the event, by which the total of each payment that confirmed becomes due. */
static void call_off(struct stage *stage)
{
	stage_sale(stage)->status = SALE_CANCELLED;
	struct command command = order_expire_command(&stage->request, 1);
	command.kind = COMMAND_ORDER_CALL_OFF;
	assert_int_equal(stage_run(stage, &command), OK);
}

static void a_repeat_of_the_first_of_two_does_not_close_the_second(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 10, NULL), OK);
	assert_int_equal(give_back(stage, "t1", NULL, 10), OK);
	call_off(stage);
	assert_int_equal(give_back(stage, "t1", NULL, 10), OK);
	assert_true(stage->outcome.is_replayed);
	assert_int_equal(give_back(stage, "t1", NULL, -1), OK);
	assert_true(stage->outcome.is_replayed);
	assert_order(stage, ORDER_CONFIRMED, TOTAL);
	/* The second is closed by who names it, or its amount. */
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), OK);
	assert_string_equal(stage->events, "order.refunded");
	assert_order(stage, ORDER_REFUNDED, 0);
}

static void two_refunds_of_the_same_amount_are_told_apart_by_their_ids(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + TOTAL, NULL), OK);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), OK);
	call_off(stage);
	assert_int_equal(give_back(stage, "t1", NULL, TOTAL), OK);
	assert_true(stage->outcome.is_replayed);
	assert_order(stage, ORDER_CONFIRMED, TOTAL);
	struct uuid second = refund_of(stage, "t1", 1)->refund_id;
	assert_int_equal(give_back(stage, "t1", &second, TOTAL), OK);
	assert_order(stage, ORDER_REFUNDED, 0);
}

static void the_first_report_closes_what_is_due_though_somebody_has_closed_another(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, TOTAL + 10, NULL), OK);
	struct uuid first = refund_of(stage, "t1", 0)->refund_id;
	assert_int_equal(done(stage, &first), OK);
	call_off(stage);
	assert_int_equal(give_back(stage, "t1", NULL, -1), OK);
	assert_string_equal(stage->events, "order.refunded");
	assert_order(stage, ORDER_REFUNDED, 0);
}

static void money_that_cannot_be_counted_is_refused(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(report(stage, "t1", PAYMENT_SUCCEEDED, MONEY_MAX, NULL), OK);
	assert_int_equal(report(stage, "t2", PAYMENT_SUCCEEDED, 1, NULL), ERR_ORDER_NOT_PAYABLE);
	assert_string_equal(stage->events, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(just_the_total_confirms),
		TEST(too_little_does_not_confirm_and_is_to_be_given_back),
		TEST(another_currency_does_not_confirm_and_is_due_in_it),
		TEST(nothing_that_came_is_nothing_to_give_back),
		TEST(too_little_for_a_lapsed_order_expires_it_first),
		TEST(more_confirms_and_the_difference_is_due),
		TEST(a_total_that_is_not_said_is_the_same_as_one_that_is),
		TEST(more_for_an_order_that_is_over_is_given_back_whole),
		TEST(a_transaction_that_failed_may_succeed),
		TEST(a_transaction_that_failed_may_succeed_after_it_was_stored),
		TEST(a_second_payment_is_a_duplicate),
		TEST(a_refunded_order_has_nothing_due),
		TEST(where_nothing_is_due_nothing_is_given_back),
		TEST(somebody_who_gives_back_may_say_so_again),
		TEST(a_pending_order_whose_mismatch_was_given_back_stays_pending),
		TEST(payments_in_two_currencies_are_refunded_in_both),
		TEST(two_refunds_of_one_payment_are_closed_together_or_apart),
		TEST(a_repeat_of_the_first_of_two_does_not_close_the_second),
		TEST(two_refunds_of_the_same_amount_are_told_apart_by_their_ids),
		TEST(the_first_report_closes_what_is_due_though_somebody_has_closed_another),
		TEST(money_that_cannot_be_counted_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
