/* apply.c: applies each event to the rows. It asserts or refuses every transition of the state machines. */
#include "domain/apply.h"

#include <assert.h>

#include "domain/order_account.h"

/* Look-ups answer const rows; apply is the one place that may change them. */
#define MUTABLE(type, row) ((struct type *)(uintptr_t)(row))

static struct seat *find_seat(struct view *view, const struct event *event, uint32_t index)
{
	assert(index < event->item_count);
	const struct seat *seat = view_seat(view, &event->event_id, &event->items[index].seat);
	return seat == NULL || seat->row.version == 0 ? NULL : MUTABLE(seat, seat);
}

static struct hold *find_hold(struct view *view, const struct uuid *hold_id)
{
	const struct hold *hold = view_hold(view, hold_id);
	return hold == NULL || hold->row.version == 0 ? NULL : MUTABLE(hold, hold);
}

static struct order *find_order(struct view *view, const struct uuid *order_id)
{
	const struct order *order = view_order(view, order_id);
	return order == NULL || order->row.version == 0 ? NULL : MUTABLE(order, order);
}

/* Every event comes after what it changes. */
static enum error change(struct view *view, struct row *row, const struct event *event)
{
	assert(view != NULL && row != NULL);
	uint64_t version = uuid_stamp(&event->id);
	if (version <= row->version)
		return ERR_CORRUPT;
	view_change(view, row, version);
	return OK;
}

/* Moves every seat of the event from one state and holder to another. */
static enum error move_seats(struct view *view, const struct event *event, enum seat_status from, const struct uuid *from_holder,
                             enum seat_status to, const struct uuid *to_holder)
{
	assert(from != to);
	assert((from == SEAT_AVAILABLE) == (from_holder == NULL));
	assert((to == SEAT_AVAILABLE) == (to_holder == NULL));
	static const struct uuid nobody;
	for (uint32_t i = 0; i < event->item_count; i++) {
		struct seat *seat = find_seat(view, event, i);
		if (seat == NULL || seat->status != from || !uuid_equal(&seat->holder_id, from_holder == NULL ? &nobody : from_holder))
			return ERR_CORRUPT;
		if (change(view, &seat->row, event) != OK)
			return ERR_CORRUPT;
		seat->status = to;
		seat->holder_id = to_holder == NULL ? nobody : *to_holder;
	}
	return OK;
}

static enum error apply_sale_created(struct view *view, const struct event *event)
{
	assert(event->type == EVENT_SALE_CREATED);
	const struct sale *old = view_sale(view, &event->event_id);
	if (event->sequence != 1 || (old != NULL && old->row.version != 0))
		return ERR_CORRUPT;
	struct sale sale = {.event_id = event->event_id};
	struct sale *row = view_put_sale(view, &sale);
	if (row == NULL)
		return ERR_NO_MEMORY;
	row->sequence = event->sequence;
	row->status = SALE_ON_SALE;
	row->currency = event->currency;
	row->on_sale_from_ms = event->on_sale_from_ms;
	row->on_sale_until_ms = event->on_sale_until_ms;
	row->seat_count = event->seat_count;
	view_change(view, &row->row, uuid_stamp(&event->id));
	return OK;
}

static enum error apply_sale_change(struct view *view, const struct event *event, enum sale_status status)
{
	assert(event_type_stream(event->type) == STREAM_SALE);
	const struct sale *found = view_sale(view, &event->event_id);
	if (found == NULL || found->row.version == 0 || found->sequence + 1 != event->sequence || found->status == SALE_CANCELLED)
		return ERR_CORRUPT;
	struct sale *sale = MUTABLE(sale, found);
	sale->status = status;
	sale->sequence = event->sequence;
	return change(view, &sale->row, event);
}

static enum error apply_sale_settled(struct view *view, const struct event *event)
{
	assert(event->type == EVENT_SALE_SETTLED);
	const struct sale *found = view_sale(view, &event->event_id);
	if (found == NULL || found->row.version == 0 || found->sequence + 1 != event->sequence || found->status != SALE_CANCELLED)
		return ERR_CORRUPT;
	struct sale *sale = MUTABLE(sale, found);
	sale->is_settled = true;
	sale->sequence = event->sequence;
	return change(view, &sale->row, event);
}

static enum error apply_hold_created(struct view *view, const struct event *event)
{
	assert(event->type == EVENT_HOLD_CREATED);
	struct seat_label labels[SEATS_PER_HOLD_LIMIT];
	if (event->item_count < 1 || event->item_count > SEATS_PER_HOLD_LIMIT)
		return ERR_CORRUPT;
	if (event->sequence != 1 || find_hold(view, &event->stream_id) != NULL)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < event->item_count; i++)
		labels[i] = event->items[i].seat;
	struct hold hold = {
		.hold_id = event->stream_id,
		.event_id = event->event_id,
		.user = short_text_of(event->user),
		.sequence = event->sequence,
		.status = HOLD_ACTIVE,
		.created_at_ms = event->created_at_ms,
		.expires_at_ms = event->deadline_ms,
		.seat_count = event->item_count,
		.seats = labels,
	};
	struct hold *row = view_put_hold(view, &hold);
	if (row == NULL)
		return ERR_NO_MEMORY;
	view_change(view, &row->row, uuid_stamp(&event->id));
	return move_seats(view, event, SEAT_AVAILABLE, NULL, SEAT_HELD, &event->stream_id);
}

static enum error apply_hold_ended(struct view *view, const struct event *event, enum hold_status status)
{
	assert(status == HOLD_RELEASED || status == HOLD_EXPIRED);
	struct hold *hold = find_hold(view, &event->stream_id);
	if (hold == NULL || hold->status != HOLD_ACTIVE || hold->sequence + 1 != event->sequence || hold->seat_count != event->item_count)
		return ERR_CORRUPT;
	if (change(view, &hold->row, event) != OK)
		return ERR_CORRUPT;
	hold->status = status;
	hold->sequence = event->sequence;
	return move_seats(view, event, SEAT_HELD, &event->stream_id, SEAT_AVAILABLE, NULL);
}

static enum error apply_order_created(struct view *view, const struct event *event)
{
	assert(event->type == EVENT_ORDER_CREATED);
	struct hold *hold = find_hold(view, &event->hold_id);
	if (hold == NULL || hold->status != HOLD_ACTIVE || hold->seat_count != event->item_count)
		return ERR_CORRUPT;
	if (event->sequence != 1 || find_order(view, &event->stream_id) != NULL || change(view, &hold->row, event) != OK)
		return ERR_CORRUPT;
	hold->status = HOLD_CONVERTED;
	struct order order = {
		.order_id = event->stream_id,
		.hold_id = event->hold_id,
		.event_id = event->event_id,
		.user = short_text_of(event->user),
		.sequence = event->sequence,
		.status = ORDER_PENDING,
		.payment_method = event->payment_method,
		.currency = event->currency,
		.total = event->total,
		.created_at_ms = event->created_at_ms,
		.pay_by_ms = event->deadline_ms,
		.item_count = event->item_count,
		.items = (struct order_item *)(uintptr_t)event->items, /* copied, never written */
	};
	struct order *row = view_put_order(view, &order);
	if (row == NULL)
		return ERR_NO_MEMORY;
	view_change(view, &row->row, uuid_stamp(&event->id));
	return move_seats(view, event, SEAT_HELD, &event->hold_id, SEAT_RESERVED, &event->stream_id);
}

/* Whether the report of this event may come after what is known of its transaction: FAILED may become SUCCEEDED, and an overpayment is told
 * by two events. */
static bool follows_payment(const struct payment *old, const struct event *event)
{
	assert(old->row.version != 0);
	if (!uuid_equal(&old->order_id, &event->stream_id) || event->payment_status != PAYMENT_SUCCEEDED)
		return false;
	bool is_second = event->refund_count > 0 && event->refunds[0].reason == REFUND_OVERPAYMENT;
	return old->status == PAYMENT_FAILED || is_second;
}

static enum error put_payment(struct view *view, const struct event *event)
{
	assert(event_type_stream(event->type) == STREAM_ORDER);
	if (event->transaction_id.length == 0 || event->payment_status == PAYMENT_REFUNDED)
		return OK;
	struct payment payment = {
		.row.kind = ROW_PAYMENT,
		.transaction_id = short_text_of(event->transaction_id),
		.order_id = event->stream_id,
		.status = event->payment_status,
		.amount = event->has_paid ? event->paid_amount : event->total,
		.currency = event->has_paid ? event->paid_currency : event->currency,
		.applied_by = event->id,
		.answer = event->data,
	};
	const struct payment *old = view_payment(view, &payment.transaction_id);
	bool is_known = old != NULL && old->row.version != 0;
	if (is_known && !follows_payment(old, event))
		return ERR_CORRUPT;
	struct payment *row = is_known ? view_replace_payment(view, &payment) : view_put_payment(view, &payment);
	if (row == NULL)
		return ERR_NO_MEMORY;
	return change(view, &row->row, event);
}

/* The payment names its refunds, so that a report that it was given back finds them. */
static enum error name_refund(struct view *view, const struct event *event, const struct event_refund *refund)
{
	assert(refund->status == REFUND_DUE);
	const struct short_text transaction_id = short_text_of(refund->transaction_id);
	const struct payment *found = view_payment(view, &transaction_id);
	if (found == NULL || found->row.version == 0)
		return ERR_CORRUPT;
	struct payment *payment = MUTABLE(payment, found);
	uint32_t count = 0;
	while (count < REFUNDS_PER_PAYMENT_MAX && !uuid_is_nil(&payment->refund_ids[count]))
		count++;
	if (count == REFUNDS_PER_PAYMENT_MAX || !uuid_equal(&payment->order_id, &event->stream_id))
		return ERR_CORRUPT;
	payment->refund_ids[count] = refund->refund_id;
	uint64_t version = uuid_stamp(&event->id);
	return payment->row.version == version ? OK : change(view, &payment->row, event); /* it may be what this very event has put */
}

static enum error make_refund(struct view *view, const struct event *event, const struct event_refund *from)
{
	assert(from->status == REFUND_DUE);
	const struct refund *old = view_refund(view, &from->refund_id);
	if ((old != NULL && old->row.version != 0) || !uuid_equal(&from->refund_id, &event->id))
		return ERR_CORRUPT;
	const struct refund refund = {
		.refund_id = from->refund_id,
		.order_id = event->stream_id,
		.event_id = event->event_id,
		.transaction_id = short_text_of(from->transaction_id),
		.amount = from->amount,
		.currency = from->currency,
		.reason = from->reason,
		.status = REFUND_DUE,
		.created_at_ms = from->created_at_ms,
	};
	struct refund *row = view_put_refund(view, &refund);
	if (row == NULL)
		return ERR_NO_MEMORY;
	view_change(view, &row->row, uuid_stamp(&event->id));
	return name_refund(view, event, from);
}

static enum error close_refund(struct view *view, const struct event *event, const struct event_refund *from)
{
	assert(from->status == REFUND_DONE);
	const struct refund *old = view_refund(view, &from->refund_id);
	if (old == NULL || old->row.version == 0 || old->status != REFUND_DUE || !uuid_equal(&old->order_id, &event->stream_id))
		return ERR_CORRUPT;
	if (old->amount != from->amount || old->reason != from->reason)
		return ERR_CORRUPT;
	struct refund refund = *old;
	refund.status = REFUND_DONE;
	refund.done_at_ms = from->done_at_ms;
	refund.closed_by = event->id;
	refund.answer = event->data;
	struct refund *row = view_replace_refund(view, &refund);
	return row == NULL ? ERR_NO_MEMORY : change(view, &row->row, event);
}

static enum error apply_refunds(struct view *view, const struct event *event)
{
	assert(event->refund_count <= REFUNDS_PER_PAYMENT_MAX);
	enum error error = OK;
	for (uint32_t i = 0; error == OK && i < event->refund_count; i++)
		error = event->refunds[i].status == REFUND_DUE ? make_refund(view, event, &event->refunds[i])
		                                               : close_refund(view, event, &event->refunds[i]);
	return error;
}

/* An order that loses its seats unless it has none: only a pending one has. */
static enum error free_seats(struct view *view, const struct event *event)
{
	assert(event->type != EVENT_ORDER_CONFIRMED);
	return move_seats(view, event, SEAT_RESERVED, &event->stream_id, SEAT_AVAILABLE, NULL);
}

/* Whether the event says of the order what it is now. Events written before there were refunds do not tell what is due. */
static bool tells_of(const struct event *event, const struct order *order)
{
	assert(uuid_equal(&event->stream_id, &order->order_id));
	bool is_due = event->refunds_due == REFUNDS_DUE_UNKNOWN || event->refunds_due == order->refunds_due;
	return is_due && event->order_status == order_status_read(order, order->status);
}

static enum error apply_order_event(struct view *view, const struct event *event)
{
	assert(event_type_stream(event->type) == STREAM_ORDER && event->type != EVENT_ORDER_CREATED);
	struct order *order = find_order(view, &event->stream_id);
	if (order == NULL || order->sequence + 1 != event->sequence || order->item_count != event->item_count)
		return ERR_CORRUPT;
	bool was_pending = order->status == ORDER_PENDING;
	enum error error = OK;
	switch (event->type) {
	case EVENT_ORDER_CONFIRMED:
		if (order->status == ORDER_CONFIRMED)
			return ERR_CORRUPT;
		error = was_pending ? move_seats(view, event, SEAT_RESERVED, &event->stream_id, SEAT_SOLD, &event->stream_id)
		                    : move_seats(view, event, SEAT_AVAILABLE, NULL, SEAT_SOLD, &event->stream_id);
		break;
	case EVENT_ORDER_FAILED:
	case EVENT_ORDER_EXPIRED:
	case EVENT_ORDER_CANCELLED:
		error = was_pending ? free_seats(view, event) : ERR_CORRUPT;
		break;
	default:
		break;
	}
	if (error == OK)
		error = change(view, &order->row, event);
	if (error != OK)
		return error;
	if (!order_take(order, event) || !tells_of(event, order))
		return ERR_CORRUPT;
	error = put_payment(view, event);
	return error == OK ? apply_refunds(view, event) : error;
}

enum error apply(struct view *view, const struct event *event)
{
	assert(view != NULL && event != NULL && uuid_stamp(&event->id) != 0);
	switch (event->type) {
	case EVENT_SALE_CREATED:
		return apply_sale_created(view, event);
	case EVENT_SALE_PAUSED:
		return apply_sale_change(view, event, SALE_PAUSED);
	case EVENT_SALE_RESUMED:
		return apply_sale_change(view, event, SALE_ON_SALE);
	case EVENT_SALE_CANCELLED:
		return apply_sale_change(view, event, SALE_CANCELLED);
	case EVENT_SALE_SETTLED:
		return apply_sale_settled(view, event);
	case EVENT_HOLD_CREATED:
		return apply_hold_created(view, event);
	case EVENT_HOLD_RELEASED:
		return apply_hold_ended(view, event, HOLD_RELEASED);
	case EVENT_HOLD_EXPIRED:
		return apply_hold_ended(view, event, HOLD_EXPIRED);
	case EVENT_ORDER_CREATED:
		return apply_order_created(view, event);
	case EVENT_ORDER_CONFIRMED:
	case EVENT_ORDER_FAILED:
	case EVENT_ORDER_EXPIRED:
	case EVENT_ORDER_CANCELLED:
	case EVENT_ORDER_REFUND_REQUIRED:
	case EVENT_ORDER_PAYMENT_FAILED:
	case EVENT_ORDER_PAYMENT_MISMATCH:
	case EVENT_ORDER_REFUNDED:
		return apply_order_event(view, event);
	case EVENT_NONE:
	case EVENT_TYPE_COUNT:
		break;
	}
	assert(false && "an event has a type");
	return ERR_CORRUPT;
}
