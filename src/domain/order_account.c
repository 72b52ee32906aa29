/* order_account.c: changes the status and the money of an order as each of its events says. */
#include "domain/order_account.h"

#include <assert.h>
#include <string.h>

bool order_is_balanced(const struct order *order)
{
	assert(order != NULL);
	bool is_in_bounds = order->paid >= 0 && order->kept >= 0 && order->refunds_due >= 0 && order->refunded >= 0;
	bool keeps_right = order->kept == 0 || (order->status == ORDER_CONFIRMED && order->kept == order->total);
	return is_in_bounds && keeps_right && order->refunds_open <= order->refund_count &&
	       order->paid == order->kept + order->refunds_due + order->refunded;
}

/* The payment itself. An overpayment is told by two events, order.confirmed and order.refund_required: the first counts. */
static bool take_payment(struct order *order, const struct event *event)
{
	assert(event->refund_count <= REFUNDS_PER_PAYMENT_MAX);
	bool is_counted = event->refund_count > 0 && event->refunds[0].reason == REFUND_OVERPAYMENT;
	if (event->transaction_id.length == 0 || event->payment_status != PAYMENT_SUCCEEDED || is_counted)
		return true;
	if (event->has_paid && !currency_equal(&order->currency, &event->paid_currency))
		return true;
	return money_add(&order->paid, event->has_paid ? event->paid_amount : order->total);
}

static bool take_refund(struct order *order, const struct event *event, const struct event_refund *refund)
{
	assert(refund->status == REFUND_DUE || refund->status == REFUND_DONE);
	bool is_own = currency_equal(&order->currency, &refund->currency);
	if (refund->amount <= 0)
		return false;
	if (refund->status == REFUND_DUE) {
		order->refund_count++;
		order->refunds_open++;
		if (event->transaction_id.length == 0) /* no payment: the order gives back the money that it kept */
			order->kept -= refund->amount;
		return order->kept >= 0 && (!is_own || money_add(&order->refunds_due, refund->amount));
	}
	if (order->refunds_open == 0 || (is_own && order->refunds_due < refund->amount))
		return false;
	order->refunds_open--;
	order->refunds_due -= is_own ? refund->amount : 0;
	return !is_own || money_add(&order->refunded, refund->amount);
}

bool order_take(struct order *order, const struct event *event)
{
	assert(order != NULL && event_type_stream(event->type) == STREAM_ORDER);
	assert(event->refund_count <= REFUNDS_PER_PAYMENT_MAX);
	switch (event->type) {
	case EVENT_ORDER_CONFIRMED:
		order->status = ORDER_CONFIRMED;
		order->kept = order->total;
		order->paid_with = short_text_of(event->transaction_id);
		break;
	case EVENT_ORDER_FAILED:
		order->status = ORDER_FAILED;
		break;
	case EVENT_ORDER_EXPIRED:
		order->status = ORDER_EXPIRED;
		break;
	case EVENT_ORDER_CANCELLED:
		order->status = ORDER_CANCELLED;
		break;
	default: /* refund_required, payment_failed, payment_mismatch, refunded: the order stays what it is */
		break;
	}
	order->sequence = event->sequence;
	bool is_right = take_payment(order, event);
	for (uint32_t i = 0; is_right && i < event->refund_count; i++)
		is_right = take_refund(order, event, &event->refunds[i]);
	return is_right;
}
