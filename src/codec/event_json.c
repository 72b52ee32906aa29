/* event_json.c: domain events to JSON and back. */
#include "codec/event_json.h"

#include <assert.h>
#include <stddef.h>

#include "base/json_writer.h"
#include "codec/json_fields.h"
#include "codec/sale_json.h"
#include "domain/limits.h"

/* The members of a hold's or an order's JSON, taken from an event or a row. */
struct hold_text {
	const struct uuid *hold_id, *event_id;
	struct slice user;
	const char *status;
	uint64_t expires_at_ms, created_at_ms;
};

static void write_hold_head(struct json_writer *writer, const struct hold_text *hold)
{
	json_writer_object_begin(writer, NULL);
	json_writer_uuid(writer, "hold_id", hold->hold_id);
	json_writer_uuid(writer, "event_id", hold->event_id);
	json_writer_string(writer, "user_id", hold->user);
	json_writer_array_begin(writer, "seats");
}

static void write_hold_tail(struct json_writer *writer, const struct hold_text *hold)
{
	json_writer_array_end(writer);
	json_writer_string(writer, "status", slice_of(hold->status));
	json_writer_time(writer, "expires_at", hold->expires_at_ms);
	json_writer_time(writer, "created_at", hold->created_at_ms);
	json_writer_object_end(writer);
}

void hold_write(struct buffer *buffer, const struct hold *hold, uint64_t now_ms)
{
	assert(buffer != NULL && hold != NULL);
	struct json_writer writer = json_writer_on(buffer);
	const struct hold_text text = {
		.hold_id = &hold->hold_id,
		.event_id = &hold->event_id,
		.user = short_text_slice(&hold->user),
		.status = hold_status_name(hold_is_lapsed(hold, now_ms) ? HOLD_EXPIRED : hold->status),
		.expires_at_ms = hold->expires_at_ms,
		.created_at_ms = hold->created_at_ms,
	};
	write_hold_head(&writer, &text);
	for (uint32_t i = 0; i < hold->seat_count; i++)
		json_writer_string(&writer, NULL, seat_label_slice(&hold->seats[i]));
	write_hold_tail(&writer, &text);
}

static void write_hold_event(struct json_writer *writer, const struct event *event)
{
	enum hold_status status = event->type == EVENT_HOLD_CREATED    ? HOLD_ACTIVE
	                          : event->type == EVENT_HOLD_RELEASED ? HOLD_RELEASED
	                                                               : HOLD_EXPIRED;
	const struct hold_text text = {
		.hold_id = &event->stream_id,
		.event_id = &event->event_id,
		.user = event->user,
		.status = hold_status_name(status),
		.expires_at_ms = event->deadline_ms,
		.created_at_ms = event->created_at_ms,
	};
	write_hold_head(writer, &text);
	for (uint32_t i = 0; i < event->item_count; i++)
		json_writer_string(writer, NULL, seat_label_slice(&event->items[i].seat));
	write_hold_tail(writer, &text);
}

/* Leaves the object open, for the payment. */
static void write_order(struct json_writer *writer, const struct event *order)
{
	json_writer_object_begin(writer, NULL);
	json_writer_uuid(writer, "order_id", &order->stream_id);
	json_writer_uuid(writer, "event_id", &order->event_id);
	json_writer_uuid(writer, "hold_id", &order->hold_id);
	json_writer_string(writer, "user_id", order->user);
	json_writer_string(writer, "status", slice_of(order_status_name(order->order_status)));
	json_writer_int(writer, "total", order->total);
	json_writer_string(writer, "currency", slice_of(order->currency.code));
	json_writer_string(writer, "payment_method", slice_of(payment_method_name(order->payment_method)));
	json_writer_time(writer, "pay_by", order->deadline_ms);
	json_writer_bool(writer, "refund_required", order->refund_required);
	if (order->refunds_due != REFUNDS_DUE_UNKNOWN)
		json_writer_int(writer, "refunds_due", order->refunds_due);
	json_writer_array_begin(writer, "items");
	for (uint32_t i = 0; i < order->item_count; i++) {
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "seat", seat_label_slice(&order->items[i].seat));
		json_writer_int(writer, "price", order->items[i].price);
		json_writer_object_end(writer);
	}
	json_writer_array_end(writer);
	json_writer_time(writer, "created_at", order->created_at_ms);
}

/* All of a refund but its ids, which differ from place to place. */
static void write_refund_body(struct json_writer *writer, const struct event_refund *refund)
{
	json_writer_string(writer, "transaction_id", refund->transaction_id);
	json_writer_int(writer, "amount", refund->amount);
	json_writer_string(writer, "currency", slice_of(refund->currency.code));
	json_writer_string(writer, "reason", slice_of(refund_reason_name(refund->reason)));
	json_writer_string(writer, "status", slice_of(refund_status_name(refund->status)));
	json_writer_time(writer, "created_at", refund->created_at_ms);
	if (refund->status == REFUND_DONE)
		json_writer_time(writer, "done_at", refund->done_at_ms);
}

static void write_event_refunds(struct json_writer *writer, const struct event *event)
{
	/* A refund written before there were any was not in its event's data: the answer of a repeat has it not either. */
	if (event->refunds_due == REFUNDS_DUE_UNKNOWN)
		return;
	json_writer_array_begin(writer, "refunds");
	for (uint32_t i = 0; i < event->refund_count; i++) {
		json_writer_object_begin(writer, NULL);
		json_writer_uuid(writer, "refund_id", &event->refunds[i].refund_id);
		write_refund_body(writer, &event->refunds[i]);
		json_writer_object_end(writer);
	}
	json_writer_array_end(writer);
}

void refund_write(struct json_writer *writer, const struct refund *refund)
{
	assert(writer != NULL && refund != NULL);
	const struct event_refund body = {
		.transaction_id = short_text_slice(&refund->transaction_id),
		.amount = refund->amount,
		.currency = refund->currency,
		.reason = refund->reason,
		.status = refund->status,
		.created_at_ms = refund->created_at_ms,
		.done_at_ms = refund->done_at_ms,
	};
	json_writer_object_begin(writer, NULL);
	json_writer_uuid(writer, "refund_id", &refund->refund_id);
	json_writer_uuid(writer, "order_id", &refund->order_id);
	json_writer_uuid(writer, "event_id", &refund->event_id);
	write_refund_body(writer, &body);
	json_writer_object_end(writer);
}

static void write_order_event(struct json_writer *writer, const struct event *event)
{
	write_order(writer, event);
	if (event->transaction_id.length > 0) {
		json_writer_string(writer, "transaction_id", event->transaction_id);
		json_writer_string(writer, "payment_status", slice_of(payment_status_name(event->payment_status)));
	}
	if (event->has_paid) {
		json_writer_int(writer, "paid_amount", event->paid_amount);
		json_writer_string(writer, "paid_currency", slice_of(event->paid_currency.code));
	}
	if (event->refund_count > 0)
		write_event_refunds(writer, event);
	json_writer_object_end(writer);
}

void order_write(struct buffer *buffer, const struct order *order, uint64_t now_ms)
{
	assert(buffer != NULL && order != NULL);
	struct json_writer writer = json_writer_on(buffer);
	struct event text;
	event_of_order(EVENT_ORDER_CREATED, order, &text);
	text.order_status = order_status_at(order, now_ms);
	text.refund_required = order_refund_required(order);
	text.refunds_due = order->refunds_due;
	write_order(&writer, &text);
	json_writer_object_end(&writer);
}

static void write_sale_created(struct json_writer *writer, const struct event *event, bool with_layout)
{
	const struct sale_summary summary = {
		.event_id = event->event_id,
		.details = event->details,
		.on_sale_from_ms = event->on_sale_from_ms,
		.on_sale_until_ms = event->on_sale_until_ms,
		.currency = event->currency,
		.status = SALE_ON_SALE,
		.seat_count = event->seat_count,
		.created_at_ms = event->created_at_ms,
	};
	json_writer_object_begin(writer, NULL);
	sale_summary_write(writer, &summary);
	if (with_layout)
		sale_layout_write(writer, &event->layout);
	json_writer_object_end(writer);
}

static void write_sale_change(struct json_writer *writer, const struct event *event)
{
	enum sale_status status = event->type == EVENT_SALE_PAUSED    ? SALE_PAUSED
	                          : event->type == EVENT_SALE_RESUMED ? SALE_ON_SALE
	                                                              : SALE_CANCELLED;
	json_writer_object_begin(writer, NULL);
	json_writer_uuid(writer, "event_id", &event->event_id);
	json_writer_string(writer, "status", slice_of(sale_status_name(status)));
	json_writer_object_end(writer);
}

void event_data_write(struct buffer *buffer, const struct event *event)
{
	assert(buffer != NULL && event != NULL);
	struct json_writer writer = json_writer_on(buffer);
	switch (event_type_stream(event->type)) {
	case STREAM_SALE:
		if (event->type == EVENT_SALE_CREATED)
			write_sale_created(&writer, event, true);
		else
			write_sale_change(&writer, event);
		break;
	case STREAM_HOLD:
		write_hold_event(&writer, event);
		break;
	case STREAM_ORDER:
		write_order_event(&writer, event);
		break;
	}
}

bool event_answer_differs(const struct event *event)
{
	return event->type == EVENT_SALE_CREATED || event->transaction_id.length > 0 || event->refund_count > 0;
}

void event_answer_write(struct buffer *buffer, const struct event *event)
{
	assert(buffer != NULL && event != NULL);
	struct json_writer writer = json_writer_on(buffer);
	if (event->type == EVENT_SALE_CREATED) {
		write_sale_created(&writer, event, false);
	} else if (event_answer_differs(event)) {
		write_order(&writer, event);
		json_writer_object_end(&writer);
	} else {
		event_data_write(buffer, event);
	}
}
