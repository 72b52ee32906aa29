/* decide_payment.c: applies a payment report to its order: once per transaction and status, and no money is silently lost.
 *
 *            PENDING           CONFIRMED           EXPIRED, FAILED, CANCELLED
 * SUCCEEDED  order.confirmed   refund_required     order.confirmed when all its seats are free, else refund_required
 * FAILED     order.failed      refused             order.payment_failed: written down, changes nothing
 * REFUNDED   closes refunds: decide_refund.c
 *
 * An order past its deadline that nobody has marked is expired first. No order of a cancelled event is confirmed: its payment becomes a
 * refund. Too little money, or another currency, does not confirm: order.payment_mismatch, and the whole payment becomes a refund. Of
 * too much money the difference does. A transaction that failed may succeed later. */
#include <assert.h>

#include "domain/decision.h"

/* The amount and currency of the report; of the order, where the report has none. */
struct money_paid {
	int64_t amount;
	struct currency currency;
};

static struct money_paid paid_by(const struct payment_report *report, const struct order *order)
{
	assert(report != NULL && order != NULL);
	return (struct money_paid){
		.amount = report->has_amount ? report->amount : order->total,
		.currency = report->has_currency ? report->currency : order->currency,
	};
}

/* The report came before. */
static enum error replay(struct decision *decision, const struct payment *payment, const struct order *order)
{
	assert(payment->row.version != 0);
	const struct payment_report *report = &decision->command->payment;
	const struct money_paid paid = paid_by(report, order);
	struct outcome *outcome = decision->outcome;
	if (payment->amount != paid.amount || !currency_equal(&payment->currency, &paid.currency)) {
		outcome->error = ERR_PAYMENT_CONFLICT;
		return OK;
	}
	outcome->body = arena_copy(decision->command->arena, payment->answer);
	outcome->is_replayed = true;
	outcome->resource_id = payment->order_id;
	return outcome->body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* Appends an event with the payment. refund_amount: the part of it that is to be refunded, for the reason. */
static enum error append_payment(struct decision *decision, enum event_type type, struct order *order, int64_t refund_amount,
                                 enum refund_reason reason)
{
	assert(event_type_stream(type) == STREAM_ORDER);
	assert(refund_amount >= 0);
	const struct payment_report *report = &decision->command->payment;
	const struct money_paid paid = paid_by(report, order);
	bool is_followed = type == EVENT_ORDER_CONFIRMED && paid.amount > order->total;
	struct event event;
	event_of_order(type, order, &event);
	event.transaction_id = short_text_slice(&report->transaction_id);
	event.payment_status = report->status;
	event.has_paid = report->has_amount || report->has_currency;
	event.paid_amount = event.has_paid ? paid.amount : 0;
	if (event.has_paid)
		event.paid_currency = paid.currency;
	if (refund_amount > 0) {
		event.refunds[event.refund_count++] = (struct event_refund){
			.transaction_id = event.transaction_id,
			.amount = refund_amount,
			.currency = paid.currency,
			.reason = reason,
			.status = REFUND_DUE,
		};
	}
	return decision_append_order(decision, &event, order, !is_followed);
}

static enum error append_refund(struct decision *decision, struct order *order, enum refund_reason reason)
{
	return append_payment(decision, EVENT_ORDER_REFUND_REQUIRED, order, paid_by(&decision->command->payment, order).amount, reason);
}

/* Confirms, and marks what came beyond the total. */
static enum error append_confirmed(struct decision *decision, struct order *order)
{
	assert(order->status != ORDER_CONFIRMED);
	int64_t excess = paid_by(&decision->command->payment, order).amount - order->total;
	enum error error = append_payment(decision, EVENT_ORDER_CONFIRMED, order, 0, REFUND_OVERPAYMENT);
	if (error != OK || excess <= 0)
		return error;
	return append_payment(decision, EVENT_ORDER_REFUND_REQUIRED, order, excess, REFUND_OVERPAYMENT);
}

/* Ends the order when it has lapsed and nobody has marked it. */
static enum error append_lapse(struct decision *decision, struct order *order)
{
	assert(order != NULL);
	return order_is_lapsed(order, decision->now_ms) ? decision_end_order(decision, EVENT_ORDER_EXPIRED, order, false) : OK;
}

/* Whether the order's seats can be taken again; *ret_free says so. ERR_CORRUPT. */
static enum error check_free(const struct decision *decision, const struct order *order, bool *ret_free)
{
	assert(ret_free != NULL);
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

/* SUCCEEDED for an order that no longer waits. `stored` is the order in the view, `order` the copy. */
static enum error decide_late(struct decision *decision, const struct order *stored, struct order *order)
{
	assert(stored != order && stored->status != ORDER_CONFIRMED);
	bool is_free = false;
	enum error error = check_free(decision, stored, &is_free);
	if (error == OK)
		error = append_lapse(decision, order);
	if (error != OK)
		return error;
	if (!is_free)
		return append_refund(decision, order, REFUND_LATE_PAYMENT);
	const struct seat_label **labels = arena_allocate_array(changes_arena(decision->changes), order->item_count, sizeof *labels);
	if (labels == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < order->item_count; i++)
		labels[i] = &order->items[i].seat;
	error = end_lapsed_holders(decision, &order->event_id, labels, order->item_count, stored);
	return error != OK ? error : append_confirmed(decision, order);
}

/* SUCCEEDED for an order of a cancelled event. */
static enum error decide_cancelled(struct decision *decision, struct order *order)
{
	enum error error = append_lapse(decision, order);
	if (error == OK && order->status == ORDER_PENDING)
		error = decision_end_order(decision, EVENT_ORDER_CANCELLED, order, false);
	return error != OK ? error : append_refund(decision, order, REFUND_EVENT_CANCELLED);
}

static enum error decide_succeeded(struct decision *decision, const struct order *stored, const struct sale *sale)
{
	assert(decision->command->payment.status == PAYMENT_SUCCEEDED);
	struct order *order = decision_copy_order(decision, stored); /* as it is after what is appended */
	if (order == NULL)
		return ERR_NO_MEMORY;
	const struct money_paid paid = paid_by(&decision->command->payment, stored);
	bool is_too_little = paid.amount < order->total || !currency_equal(&paid.currency, &order->currency);
	if (sale->status == SALE_CANCELLED)
		return decide_cancelled(decision, order);
	if (order->status == ORDER_CONFIRMED)
		return append_refund(decision, order, REFUND_DUPLICATE_PAYMENT);
	if (is_too_little) {
		enum error error = append_lapse(decision, order);
		return error != OK ? error : append_payment(decision, EVENT_ORDER_PAYMENT_MISMATCH, order, paid.amount, REFUND_MISMATCH);
	}
	if (order->status != ORDER_PENDING || order_is_lapsed(order, decision->now_ms))
		return decide_late(decision, stored, order);
	if (!order_has_its_seats(decision->view, stored))
		return ERR_CORRUPT;
	return append_confirmed(decision, order);
}

static enum error decide_failed(struct decision *decision, const struct order *stored)
{
	assert(decision->command->payment.status == PAYMENT_FAILED);
	if (stored->status == ORDER_CONFIRMED) {
		decision->outcome->error = ERR_ORDER_NOT_PAYABLE;
		decision->outcome->order_status = order_status_at(stored, decision->now_ms);
		return OK;
	}
	struct order *order = decision_copy_order(decision, stored);
	if (order == NULL)
		return ERR_NO_MEMORY;
	enum error error = append_lapse(decision, order);
	if (error != OK)
		return error;
	if (order->status != ORDER_PENDING)
		return append_payment(decision, EVENT_ORDER_PAYMENT_FAILED, order, 0, REFUND_MISMATCH);
	if (!order_has_its_seats(decision->view, stored))
		return ERR_CORRUPT;
	return append_payment(decision, EVENT_ORDER_FAILED, order, 0, REFUND_MISMATCH);
}

/* A SUCCEEDED after the FAILED of the same transaction is new; a FAILED after a SUCCEEDED is not believed. */
static bool is_retried(const struct payment *payment, const struct payment_report *report)
{
	return payment->status == PAYMENT_FAILED && report->status == PAYMENT_SUCCEEDED;
}

/* Whether an order's sums stay within what JSON can say exactly. */
static bool has_room(const struct order *order, const struct payment_report *report)
{
	assert(order->total >= 0);
	int64_t sum = order->paid;
	return money_add(&sum, paid_by(report, order).amount) && sum <= MONEY_MAX;
}

enum error decide_payment(struct decision *decision)
{
	const struct payment_report *report = &decision->command->payment;
	assert(report->transaction_id.length > 0 && report->amount >= 0);
	const struct payment *payment = view_payment(decision->view, &report->transaction_id);
	bool is_known = payment != NULL && payment->row.version != 0;
	const struct order *order = view_order(decision->view, &report->order_id);
	if (order == NULL || order->row.version == 0) {
		decision->outcome->error = is_known ? ERR_PAYMENT_CONFLICT : ERR_ORDER_UNKNOWN;
		return OK;
	}
	decision->outcome->resource_id = order->order_id; /* of a refusal too: the log names it */
	if (is_known && !uuid_equal(&payment->order_id, &report->order_id)) {
		decision->outcome->error = ERR_PAYMENT_CONFLICT;
		return OK;
	}
	if (report->status == PAYMENT_REFUNDED)
		return decide_refunded(decision, is_known ? payment : NULL, order);
	if (is_known && payment->status == report->status)
		return replay(decision, payment, order);
	if (is_known && !is_retried(payment, report)) {
		decision->outcome->error = ERR_PAYMENT_CONFLICT;
		return OK;
	}
	const struct sale *sale = view_sale(decision->view, &order->event_id);
	if (sale == NULL || sale->row.version == 0)
		return ERR_CORRUPT;
	if (!has_room(order, report)) {
		decision->outcome->error = ERR_ORDER_NOT_PAYABLE;
		return OK;
	}
	return report->status == PAYMENT_SUCCEEDED ? decide_succeeded(decision, order, sale) : decide_failed(decision, order);
}
