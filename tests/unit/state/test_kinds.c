/* test_row_compare.c: rows side by side: their order, the field that differs, and the stream that explains them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "state/kinds.h"
#include "tests/support/commands.h"

static const struct sale sale = {.row.kind = ROW_SALE, .row.version = 5, .sequence = 1, .status = SALE_ON_SALE, .currency = {"EUR"}};
static const struct seat seat = {.row.kind = ROW_SEAT, .row.version = 5, .label = {3, "A-1"}, .status = SEAT_HELD, .price = 5};
static struct seat_label labels[] = {{3, "A-1"}, {3, "A-2"}};
static const struct hold hold = {
	.row.kind = ROW_HOLD, .row.version = 5, .user = {3, "ann"}, .sequence = 1, .status = HOLD_ACTIVE, .seat_count = 2, .seats = labels};
static struct order_item items[] = {{.seat = {3, "A-1"}, .price = 5}};
static const struct order order = {.row.kind = ROW_ORDER,
                                   .row.version = 5,
                                   .user = {3, "ann"},
                                   .sequence = 1,
                                   .status = ORDER_PENDING,
                                   .payment_method = PAYMENT_METHOD_CARD,
                                   .currency = {"EUR"},
                                   .total = 5,
                                   .item_count = 1,
                                   .items = items};
static const struct payment payment = {
	.row.kind = ROW_PAYMENT, .row.version = 5, .transaction_id = {2, "t1"}, .status = PAYMENT_SUCCEEDED, .answer = {"{}", 2}};

static const struct refund refund = {.row.kind = ROW_REFUND,
                                     .row.version = 5,
                                     .transaction_id = {2, "t1"},
                                     .amount = 5,
                                     .currency = {"EUR"},
                                     .reason = REFUND_MISMATCH,
                                     .status = REFUND_DUE,
                                     .created_at_ms = 5};

/* Spoils one member of a copy, and asks for the difference. */
#define ASSERT_DIFFERENCE(type, member, value, name) \
	do { \
		struct type copy = type; \
		assert_null(row_difference(&type.row, &copy.row)); \
		copy.member = value; \
		assert_string_equal(row_difference(&type.row, &copy.row), name); \
	} while (0)

static void a_sales_difference_is_named(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(sale, sequence, 2, "sequence");
	ASSERT_DIFFERENCE(sale, status, SALE_PAUSED, "status");
	ASSERT_DIFFERENCE(sale, currency, (struct currency){"USD"}, "currency");
	ASSERT_DIFFERENCE(sale, on_sale_from_ms, 1, "on_sale_from");
	ASSERT_DIFFERENCE(sale, on_sale_until_ms, 1, "on_sale_until");
	ASSERT_DIFFERENCE(sale, seat_count, 1, "seat_count");
	ASSERT_DIFFERENCE(sale, is_settled, true, "settled");
	ASSERT_DIFFERENCE(sale, row.version, 6, "version");
}

static void a_seats_difference_is_named(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(seat, status, SEAT_SOLD, "status");
	ASSERT_DIFFERENCE(seat, holder_id, test_hold_id(1), "holder_id");
	ASSERT_DIFFERENCE(seat, price, 6, "price");
	ASSERT_DIFFERENCE(seat, row.version, 6, "version");
}

static void a_holds_difference_is_named(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(hold, event_id, test_event_id(), "event_id");
	ASSERT_DIFFERENCE(hold, user, ((struct short_text){3, "bob"}), "user_id");
	ASSERT_DIFFERENCE(hold, sequence, 2, "sequence");
	ASSERT_DIFFERENCE(hold, status, HOLD_EXPIRED, "status");
	ASSERT_DIFFERENCE(hold, created_at_ms, 1, "created_at");
	ASSERT_DIFFERENCE(hold, expires_at_ms, 1, "expires_at");
	ASSERT_DIFFERENCE(hold, seat_count, 1, "seats");
	ASSERT_DIFFERENCE(hold, seats, ((struct seat_label[]){labels[1], labels[0]}), "seats");
}

static void an_orders_difference_is_named(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(order, hold_id, test_hold_id(1), "hold_id");
	ASSERT_DIFFERENCE(order, event_id, test_event_id(), "event_id");
	ASSERT_DIFFERENCE(order, user, ((struct short_text){3, "bob"}), "user_id");
	ASSERT_DIFFERENCE(order, sequence, 2, "sequence");
	ASSERT_DIFFERENCE(order, status, ORDER_EXPIRED, "status");
	ASSERT_DIFFERENCE(order, payment_method, PAYMENT_METHOD_CASH, "payment_method");
	ASSERT_DIFFERENCE(order, currency, (struct currency){"USD"}, "currency");
	ASSERT_DIFFERENCE(order, total, 6, "total");
	ASSERT_DIFFERENCE(order, paid, 1, "paid");
	ASSERT_DIFFERENCE(order, kept, 1, "kept");
	ASSERT_DIFFERENCE(order, refunds_due, 1, "refunds_due");
	ASSERT_DIFFERENCE(order, refunded, 1, "refunded");
	ASSERT_DIFFERENCE(order, refund_count, 1, "refund_count");
	ASSERT_DIFFERENCE(order, refunds_open, 1, "refunds_open");
	ASSERT_DIFFERENCE(order, paid_with, ((struct short_text){2, "t1"}), "paid_with");
	ASSERT_DIFFERENCE(order, created_at_ms, 1, "created_at");
	ASSERT_DIFFERENCE(order, pay_by_ms, 1, "pay_by");
	ASSERT_DIFFERENCE(order, item_count, 0, "items");
	ASSERT_DIFFERENCE(order, items, (&(struct order_item){.seat = {3, "A-1"}, .price = 6}), "items");
}

static void a_payments_difference_is_named_but_for_its_answer(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(payment, order_id, test_order_id(1), "order_id");
	ASSERT_DIFFERENCE(payment, status, PAYMENT_FAILED, "status");
	ASSERT_DIFFERENCE(payment, amount, 5, "amount");
	ASSERT_DIFFERENCE(payment, currency, (struct currency){"USD"}, "currency");
	ASSERT_DIFFERENCE(payment, refund_ids[1], test_order_id(1), "refund_ids");
	ASSERT_DIFFERENCE(payment, applied_by, test_order_id(1), "applied_by");
	struct payment copy = payment;
	copy.answer = (struct slice){0};
	assert_null(row_difference(&payment.row, &copy.row));
}

static void a_refunds_difference_is_named_but_for_its_answer(void **state)
{
	(void)state;
	ASSERT_DIFFERENCE(refund, order_id, test_order_id(1), "order_id");
	ASSERT_DIFFERENCE(refund, event_id, test_order_id(1), "event_id");
	ASSERT_DIFFERENCE(refund, transaction_id, ((struct short_text){2, "t2"}), "transaction_id");
	ASSERT_DIFFERENCE(refund, amount, 6, "amount");
	ASSERT_DIFFERENCE(refund, currency, (struct currency){"USD"}, "currency");
	ASSERT_DIFFERENCE(refund, reason, REFUND_OVERPAYMENT, "reason");
	ASSERT_DIFFERENCE(refund, status, REFUND_DONE, "status");
	ASSERT_DIFFERENCE(refund, created_at_ms, 6, "created_at");
	ASSERT_DIFFERENCE(refund, done_at_ms, 6, "done_at");
	ASSERT_DIFFERENCE(refund, closed_by, test_order_id(1), "closed_by");
	struct refund copy = refund;
	copy.answer = SLICE("{}");
	assert_null(row_difference(&refund.row, &copy.row));
}

static void rows_are_in_the_order_of_their_keys(void **state)
{
	(void)state;
	struct seat b = seat, c = seat;
	b.label = seat_label_of(SLICE("A-10"));
	c.event_id = test_event_id();
	assert_int_equal(row_key_compare(&seat.row, &seat.row), 0);
	assert_true(row_key_compare(&seat.row, &b.row) < 0);
	assert_true(row_key_compare(&c.row, &b.row) > 0);
	struct payment other = payment;
	other.transaction_id = short_text_of(SLICE("t"));
	assert_true(row_key_compare(&other.row, &payment.row) < 0);
	const struct hold one = {.row.kind = ROW_HOLD, .hold_id = test_hold_id(1)},
			  two = {.row.kind = ROW_HOLD, .hold_id = test_hold_id(2)};
	assert_true(row_key_compare(&one.row, &two.row) < 0);
}

static void a_row_is_explained_by_its_stream(void **state)
{
	(void)state;
	const struct seat taken = {.row.kind = ROW_SEAT, .event_id = test_event_id(), .status = SEAT_HELD, .holder_id = test_hold_id(1)};
	struct seat available = taken;
	available.holder_id = (struct uuid){0};
	struct uuid stream = row_stream(&taken.row);
	assert_true(uuid_equal(&stream, &taken.holder_id));
	stream = row_stream(&available.row);
	assert_true(uuid_equal(&stream, &taken.event_id));
	const struct payment paid = {.row.kind = ROW_PAYMENT, .order_id = test_order_id(1)};
	stream = row_stream(&paid.row);
	assert_true(uuid_equal(&stream, &paid.order_id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sales_difference_is_named),
		cmocka_unit_test(a_seats_difference_is_named),
		cmocka_unit_test(a_holds_difference_is_named),
		cmocka_unit_test(an_orders_difference_is_named),
		cmocka_unit_test(a_payments_difference_is_named_but_for_its_answer),
		cmocka_unit_test(a_refunds_difference_is_named_but_for_its_answer),
		cmocka_unit_test(rows_are_in_the_order_of_their_keys),
		cmocka_unit_test(a_row_is_explained_by_its_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
