/* decide_payment.c: what a payment report does to its order: once per transaction, and money is never silently lost.
 *
 *            PENDING           CONFIRMED           EXPIRED, FAILED, CANCELLED
 * SUCCEEDED  order.confirmed   refund_required     order.confirmed when all its seats are free, else refund_required
 * FAILED     order.failed      refused             order.payment_failed: written down, changes nothing
 *
 * An order past its deadline that nobody has marked is expired first. No order of a cancelled event is confirmed. */
#include <assert.h>

#include "base/defect.h"
#include "domain/decision.h"

static enum error replay(struct decision *decision, const struct payment *payment)
{
	const struct payment_report *report = &decision->command->payment;
	struct outcome *outcome = decision->outcome;
	if (payment->status != report->status || !uuid_equal(&payment->order_id, &report->order_id)) {
		outcome->error = ERR_PAYMENT_CONFLICT;
		return OK;
	}
	outcome->body = arena_copy(decision->command->arena, payment->answer);
	outcome->is_replayed = true;
	outcome->resource_id = payment->order_id;
	return outcome->body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* Appends the event that answers, with the payment; `offset` events of the order come before it in this decision. */
static enum error append_payment(struct decision *decision, enum event_type type, enum order_status status, const struct order *order,
                                 uint32_t offset)
{
	const struct payment_report *report = &decision->command->payment;
	struct event event;
	event_of_order(type, status, order, &event);
	event.sequence += offset;
	event.refund_required = order->refund_required || type == EVENT_ORDER_REFUND_REQUIRED;
	event.transaction_id = short_text_slice(&report->transaction_id);
	event.payment_status = report->status;
	return decision_append(decision, &event, true);
}

/* Appends the end of a pending order that the payment finds already over, or ends without confirming it. */
static enum error append_end(struct decision *decision, enum event_type type, enum order_status status, const struct order *order)
{
	if (!order_has_its_seats(decision->view, order))
		return ERR_CORRUPT;
	struct event event;
	event_of_order(type, status, order, &event);
	return decision_append(decision, &event, false);
}

/* Whether the order's seats can be taken again; *ret_free says so. ERR_CORRUPT. */
static enum error check_free(const struct decision *decision, const struct order *order, bool *ret_free)
{
	bool is_free = true;
	for (uint32_t i = 0; i < order->item_count; i++) {
		const struct seat *seat = view_seat(decision->view, &order->event_id, &order->items[i].seat);
		const struct hold *hold;
		const struct order *holder;
		if (seat == NULL || seat->row.version == 0)
			return ERR_CORRUPT;
		enum seat_taking taking = seat_can_be_taken(decision, seat, &hold, &holder);
		if (taking == SEAT_TAKING_CORRUPT)
			return ERR_CORRUPT;
		is_free = is_free && taking != SEAT_TAKING_TAKEN;
	}
	*ret_free = is_free;
	return OK;
}

/* SUCCEEDED for an order that no longer waits. The order itself, when it is lapsed and unmarked, is ended first. */
static enum error decide_late(struct decision *decision, const struct order *order, const struct sale *sale)
{
	bool is_free = false;
	enum error error = check_free(decision, order, &is_free);
	if (error != OK)
		return error;
	uint32_t offset = 0;
	if (order->status == ORDER_PENDING) {
		error = append_end(decision, EVENT_ORDER_EXPIRED, ORDER_EXPIRED, order);
		if (error != OK)
			return error;
		offset = 1;
	}
	enum order_status ended = offset == 1 ? ORDER_EXPIRED : order->status;
	if (!is_free || sale->status == SALE_CANCELLED)
		return append_payment(decision, EVENT_ORDER_REFUND_REQUIRED, ended, order, offset);
	const struct seat_label **labels = arena_allocate_array(decision->changes->arena, order->item_count, sizeof *labels);
	if (labels == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < order->item_count; i++)
		labels[i] = &order->items[i].seat;
	error = end_lapsed_holders(decision, &order->event_id, labels, order->item_count, order);
	if (error != OK)
		return error;
	return append_payment(decision, EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED, order, offset);
}

static enum error decide_succeeded(struct decision *decision, const struct order *order, const struct sale *sale)
{
	if (order->status == ORDER_CONFIRMED)
		return append_payment(decision, DEFECT(PAYMENT_TWICE) ? EVENT_ORDER_CONFIRMED : EVENT_ORDER_REFUND_REQUIRED,
		                      ORDER_CONFIRMED, order, 0);
	if (order->status != ORDER_PENDING || order_is_lapsed(order, decision->now_ms))
		return decide_late(decision, order, sale);
	if (sale->status == SALE_CANCELLED) {
		enum error error = append_end(decision, EVENT_ORDER_CANCELLED, ORDER_CANCELLED, order);
		if (error != OK)
			return error;
		return append_payment(decision, EVENT_ORDER_REFUND_REQUIRED, ORDER_CANCELLED, order, 1);
	}
	if (!order_has_its_seats(decision->view, order))
		return ERR_CORRUPT;
	return append_payment(decision, EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED, order, 0);
}

static enum error decide_failed(struct decision *decision, const struct order *order)
{
	if (order->status == ORDER_CONFIRMED) {
		decision->outcome->error = ERR_ORDER_NOT_PAYABLE;
		decision->outcome->order_status = order->status;
		return OK;
	}
	if (order->status != ORDER_PENDING)
		return append_payment(decision, EVENT_ORDER_PAYMENT_FAILED, order->status, order, 0);
	if (order_is_lapsed(order, decision->now_ms)) {
		enum error error = append_end(decision, EVENT_ORDER_EXPIRED, ORDER_EXPIRED, order);
		if (error != OK)
			return error;
		return append_payment(decision, EVENT_ORDER_PAYMENT_FAILED, ORDER_EXPIRED, order, 1);
	}
	if (!order_has_its_seats(decision->view, order))
		return ERR_CORRUPT;
	return append_payment(decision, EVENT_ORDER_FAILED, ORDER_FAILED, order, 0);
}

enum error decide_payment(struct decision *decision)
{
	const struct payment_report *report = &decision->command->payment;
	assert(report->transaction_id.length > 0);
	const struct payment *payment = view_payment(decision->view, &report->transaction_id);
	if (payment != NULL && payment->row.version != 0)
		return replay(decision, payment);
	const struct order *order = view_order(decision->view, &report->order_id);
	if (order == NULL || order->row.version == 0) {
		decision->outcome->error = ERR_ORDER_UNKNOWN;
		return OK;
	}
	const struct sale *sale = view_sale(decision->view, &order->event_id);
	if (sale == NULL || sale->row.version == 0)
		return ERR_CORRUPT;
	decision->outcome->resource_id = order->order_id;
	return report->status == PAYMENT_SUCCEEDED ? decide_succeeded(decision, order, sale) : decide_failed(decision, order);
}
