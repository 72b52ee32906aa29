/* decide_cancelled.c: winding up the sale of a cancelled event, one hold and one order at a time: the worker's commands.
 *
 * Nothing new comes meanwhile: no hold and no order is made of a cancelled event, and none of its orders is confirmed. So what is open only
 * ever becomes less, and each command that finds nothing to do is answered OK. The seats of confirmed orders stay sold: the event does not
 * take place, and nobody buys them again. */
#include <assert.h>

#include "domain/decision.h"

/* Whether the event is cancelled; *ret_cancelled says so. ERR_CORRUPT. */
static enum error check_cancelled(const struct decision *decision, const struct uuid *event_id, bool *ret_cancelled)
{
	assert(event_id != NULL && ret_cancelled != NULL);
	const struct sale *sale = view_sale(decision->view, event_id);
	if (sale == NULL || sale->row.version == 0)
		return ERR_CORRUPT;
	*ret_cancelled = sale->status == SALE_CANCELLED;
	return OK;
}

enum error decide_hold_call_off(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_HOLD_CALL_OFF);
	const struct hold *hold = view_hold(decision->view, &decision->command->hold_id);
	bool is_cancelled = false;
	if (hold == NULL || hold->row.version == 0 || hold->status != HOLD_ACTIVE)
		return OK;
	enum error error = check_cancelled(decision, &hold->event_id, &is_cancelled);
	if (error != OK || !is_cancelled)
		return error;
	decision->outcome->resource_id = hold->hold_id;
	bool is_lapsed = hold_is_lapsed(hold, decision->now_ms);
	return decision_end_hold(decision, is_lapsed ? EVENT_HOLD_EXPIRED : EVENT_HOLD_RELEASED, hold, true);
}

/* Makes the money that a confirmed order paid for its seats a refund that is due. */
static enum error append_refund(struct decision *decision, struct order *order)
{
	assert(order->kept > 0);
	struct event event;
	const struct payment *payment = view_payment(decision->view, &order->paid_with);
	bool is_known = payment != NULL && payment->row.version != 0 && uuid_equal(&payment->order_id, &order->order_id);
	if (!is_known || !uuid_is_nil(&payment->refund_ids[REFUNDS_PER_PAYMENT_MAX - 1]))
		return ERR_CORRUPT; /* it was read at another moment than its order */
	event_of_order(EVENT_ORDER_REFUND_REQUIRED, order, &event);
	event.refunds[event.refund_count++] = (struct event_refund){
		.transaction_id = short_text_slice(&order->paid_with),
		.amount = order->kept,
		.currency = order->currency,
		.reason = REFUND_EVENT_CANCELLED,
		.status = REFUND_DUE,
	};
	return decision_append_order(decision, &event, order, true);
}

enum error decide_order_call_off(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_ORDER_CALL_OFF);
	const struct order *stored = view_order(decision->view, &decision->command->order_id);
	bool is_cancelled = false;
	if (stored == NULL || stored->row.version == 0)
		return OK;
	enum error error = check_cancelled(decision, &stored->event_id, &is_cancelled);
	if (error != OK || !is_cancelled)
		return error;
	struct order *order = decision_copy_order(decision, stored);
	if (order == NULL)
		return ERR_NO_MEMORY;
	decision->outcome->resource_id = order->order_id;
	if (order->kept > 0)
		return append_refund(decision, order);
	if (order->status != ORDER_PENDING)
		return OK;
	bool is_lapsed = order_is_lapsed(order, decision->now_ms);
	return decision_end_order(decision, is_lapsed ? EVENT_ORDER_EXPIRED : EVENT_ORDER_CANCELLED, order, true);
}

enum error decide_sale_settle(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_SALE_SETTLE);
	const struct sale *sale = view_sale(decision->view, &decision->command->event_id);
	if (sale == NULL || sale->row.version == 0 || sale->status != SALE_CANCELLED || sale->is_settled)
		return OK;
	struct event event = {
		.type = EVENT_SALE_SETTLED,
		.stream_id = sale->event_id,
		.sequence = sale->sequence + 1,
		.event_id = sale->event_id,
	};
	decision->outcome->resource_id = sale->event_id;
	return decision_append(decision, &event, true);
}
