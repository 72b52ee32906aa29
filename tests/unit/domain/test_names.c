/* test_names.c: how states and types are written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/event.h"
#include "domain/hold.h"
#include "domain/sale.h"
#include "domain/seat.h"

static void event_types_are_read_back_from_their_names(void **state)
{
	(void)state;
	for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
		assert_int_equal(event_type_parse(slice_of(event_type_name(type))), type);
	assert_int_equal(event_type_parse(SLICE("")), EVENT_NONE);
	assert_int_equal(event_type_parse(SLICE("hold.create")), EVENT_NONE);
	assert_int_equal(event_type_parse(SLICE("hold.created ")), EVENT_NONE);
}

static void all_but_the_workers_note_is_published(void **state)
{
	(void)state;
	for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
		assert_int_equal(event_type_is_published(type), type != EVENT_SALE_SETTLED);
}

static void states_have_the_names_of_the_interface(void **state)
{
	(void)state;
	assert_string_equal(seat_status_name(SEAT_AVAILABLE), "available");
	assert_string_equal(seat_status_name(SEAT_SOLD), "sold");
	assert_string_equal(hold_status_name(HOLD_ACTIVE), "ACTIVE");
	assert_string_equal(hold_status_name(HOLD_EXPIRED), "EXPIRED");
	assert_string_equal(order_status_name(ORDER_PENDING), "PENDING");
	assert_string_equal(order_status_name(ORDER_CANCELLED), "CANCELLED");
	assert_string_equal(order_status_name(ORDER_REFUNDED), "REFUNDED");
	assert_string_equal(payment_status_name(PAYMENT_REFUNDED), "REFUNDED");
	assert_string_equal(refund_reason_name(REFUND_LATE_PAYMENT), "late_payment");
	assert_string_equal(refund_reason_name(REFUND_OVERPAYMENT), "overpayment");
	assert_string_equal(refund_reason_name(REFUND_MISMATCH), "mismatch");
	assert_string_equal(refund_reason_name(REFUND_DUPLICATE_PAYMENT), "duplicate_payment");
	assert_string_equal(refund_reason_name(REFUND_EVENT_CANCELLED), "event_cancelled");
	assert_string_equal(refund_status_name(REFUND_DUE), "due");
	assert_string_equal(refund_status_name(REFUND_DONE), "done");
	assert_string_equal(payment_method_name(PAYMENT_METHOD_CARD), "card");
	assert_string_equal(payment_method_name(PAYMENT_METHOD_TRANSFER), "transfer");
	assert_string_equal(sale_status_name(SALE_ON_SALE), "on_sale");
	assert_string_equal(sale_status_name(SALE_CANCELLED), "cancelled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_types_are_read_back_from_their_names),
		cmocka_unit_test(all_but_the_workers_note_is_published),
		cmocka_unit_test(states_have_the_names_of_the_interface),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
