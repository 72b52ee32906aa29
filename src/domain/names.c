/* names.c: the names of states and types, on the wire and in the store's data. */
#include <assert.h>
#include <stddef.h>

#include "base/attributes.h"
#include "domain/event.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"

const char *sale_status_name(enum sale_status status)
{
	static const char *const names[] = {[SALE_ON_SALE] = "on_sale", [SALE_PAUSED] = "paused", [SALE_CANCELLED] = "cancelled"};
	assert(status >= SALE_ON_SALE && status <= SALE_CANCELLED);
	return names[status];
}

const char *seat_status_name(enum seat_status status)
{
	static const char *const names[] = {
		[SEAT_AVAILABLE] = "available", [SEAT_HELD] = "held", [SEAT_RESERVED] = "reserved", [SEAT_SOLD] = "sold"};
	assert(status >= SEAT_AVAILABLE && status <= SEAT_SOLD);
	return names[status];
}

const char *hold_status_name(enum hold_status status)
{
	static const char *const names[] = {
		[HOLD_ACTIVE] = "ACTIVE", [HOLD_CONVERTED] = "CONVERTED", [HOLD_RELEASED] = "RELEASED", [HOLD_EXPIRED] = "EXPIRED"};
	assert(status >= HOLD_ACTIVE && status <= HOLD_EXPIRED);
	return names[status];
}

const char *order_status_name(enum order_status status)
{
	static const char *const names[] = {[ORDER_PENDING] = "PENDING", [ORDER_CONFIRMED] = "CONFIRMED", [ORDER_FAILED] = "FAILED",
	                                    [ORDER_EXPIRED] = "EXPIRED", [ORDER_CANCELLED] = "CANCELLED", [ORDER_REFUNDED] = "REFUNDED"};
	assert(status >= ORDER_PENDING && status <= ORDER_REFUNDED);
	return names[status];
}

const char *payment_method_name(enum payment_method method)
{
	static const char *const names[] = {[PAYMENT_METHOD_CARD] = "card",
	                                    [PAYMENT_METHOD_INVOICE] = "invoice",
	                                    [PAYMENT_METHOD_CASH] = "cash",
	                                    [PAYMENT_METHOD_TRANSFER] = "transfer"};
	assert(method >= PAYMENT_METHOD_CARD && method <= PAYMENT_METHOD_TRANSFER);
	return names[method];
}

const char *payment_status_name(enum payment_status status)
{
	static const char *const names[] = {
		[PAYMENT_SUCCEEDED] = "SUCCEEDED", [PAYMENT_FAILED] = "FAILED", [PAYMENT_REFUNDED] = "REFUNDED"};
	assert(status >= PAYMENT_SUCCEEDED && status <= PAYMENT_REFUNDED);
	return names[status];
}

const char *refund_reason_name(enum refund_reason reason)
{
	static const char *const names[] = {[REFUND_LATE_PAYMENT] = "late_payment",
	                                    [REFUND_OVERPAYMENT] = "overpayment",
	                                    [REFUND_MISMATCH] = "mismatch",
	                                    [REFUND_DUPLICATE_PAYMENT] = "duplicate_payment",
	                                    [REFUND_EVENT_CANCELLED] = "event_cancelled"};
	assert(reason >= REFUND_LATE_PAYMENT && reason <= REFUND_EVENT_CANCELLED);
	return names[reason];
}

const char *refund_status_name(enum refund_status status)
{
	static const char *const names[] = {[REFUND_DUE] = "due", [REFUND_DONE] = "done"};
	assert(status >= REFUND_DUE && status <= REFUND_DONE);
	return names[status];
}

struct event_type_row {
	const char *name;
	enum stream_kind stream;
	bool is_published;
};

static const struct event_type_row event_types[EVENT_TYPE_COUNT] = {
#define X(type, text, stream_of, published) [type] = {.name = text, .stream = stream_of, .is_published = published},
	EVENT_TYPES(X)
#undef X
};

const char *event_type_name(enum event_type type)
{
	assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
	return event_types[type].name;
}

enum event_type event_type_parse(struct slice name)
{
	for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
		if (slice_equal_string(name, event_types[type].name))
			return (enum event_type)type;
	return EVENT_NONE;
}

enum stream_kind event_type_stream(enum event_type type)
{
	assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
	return event_types[type].stream;
}

bool event_type_is_published(enum event_type type)
{
	assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
	return event_types[type].is_published;
}
