/* decide_refund.c: closes refunds, by an operator's word or by the provider's report. Each refund is closed once. */
#include <assert.h>
#include <string.h>

#include "domain/decision.h"

/* The refunds of a payment that are there. */
struct refund_set {
	const struct refund *refunds[REFUNDS_PER_PAYMENT_MAX];
	uint32_t count;
};

static int64_t sum_of(const struct refund_set *set)
{
	assert(set->count <= REFUNDS_PER_PAYMENT_MAX);
	int64_t sum = 0;
	for (uint32_t i = 0; i < set->count; i++)
		sum += set->refunds[i]->amount;
	return sum;
}

/* Whether the report speaks of just these refunds: amount and currency count where they are given. */
static bool fits(const struct payment_report *report, const struct refund_set *set)
{
	assert(report->status == PAYMENT_REFUNDED);
	if (set->count == 0)
		return false;
	bool is_amount = !report->has_amount || report->amount == sum_of(set);
	return is_amount && (!report->has_currency || currency_equal(&report->currency, &set->refunds[0]->currency));
}

/* Refunds of the payment: the due ones, or those that the event `closed_by` has closed. False: the view has not all of them. */
static bool refunds_of(const struct decision *decision, const struct payment *payment, const struct uuid *closed_by,
                       struct refund_set *ret_set)
{
	assert(payment->row.version != 0 && ret_set != NULL);
	*ret_set = (struct refund_set){.count = 0};
	for (uint32_t i = 0; i < REFUNDS_PER_PAYMENT_MAX && !uuid_is_nil(&payment->refund_ids[i]); i++) {
		const struct refund *refund = view_refund(decision->view, &payment->refund_ids[i]);
		if (refund == NULL || refund->row.version == 0)
			return false;
		bool is_in = closed_by == NULL ? refund->status == REFUND_DUE
		                               : refund->status == REFUND_DONE && uuid_equal(&refund->closed_by, closed_by);
		if (is_in)
			ret_set->refunds[ret_set->count++] = refund;
	}
	return true;
}

/* Appends order.refunded; the outcome's refund is the first of the set as it is then. */
static enum error close_refunds(struct decision *decision, const struct order *stored, const struct refund_set *set)
{
	assert(set->count >= 1 && set->count <= REFUNDS_PER_PAYMENT_MAX);
	const struct command *command = decision->command;
	struct order order = *stored;
	struct event event;
	event_of_order(EVENT_ORDER_REFUNDED, stored, &event);
	if (command->kind == COMMAND_PAYMENT) {
		event.transaction_id = short_text_slice(&command->payment.transaction_id);
		event.payment_status = PAYMENT_REFUNDED;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		const struct refund *refund = set->refunds[i];
		/* The row is replaced when the event is applied. */
		struct slice transaction_id = arena_copy(changes_arena(decision->changes), short_text_slice(&refund->transaction_id));
		if (transaction_id.data == NULL)
			return ERR_NO_MEMORY;
		event.refunds[event.refund_count++] = (struct event_refund){
			.refund_id = refund->refund_id,
			.transaction_id = transaction_id,
			.amount = refund->amount,
			.currency = refund->currency,
			.reason = refund->reason,
			.status = REFUND_DONE,
			.created_at_ms = refund->created_at_ms,
		};
	}
	decision->outcome->resource_id = order.order_id;
	return decision_append_order(decision, &event, &order, true);
}

static enum error replay(struct decision *decision, const struct refund *refund)
{
	assert(refund->status == REFUND_DONE);
	struct outcome *outcome = decision->outcome;
	outcome->body = arena_copy(decision->command->arena, refund->answer);
	outcome->is_replayed = true;
	outcome->resource_id = refund->order_id;
	return outcome->body.data == NULL ? ERR_NO_MEMORY : OK;
}

/* REFUNDED of one refund. */
static enum error decide_one(struct decision *decision, const struct order *order)
{
	const struct payment_report *report = &decision->command->payment;
	const struct refund *refund = view_refund(decision->view, &report->refund_id);
	struct outcome *outcome = decision->outcome;
	if (refund == NULL || refund->row.version == 0) {
		outcome->error = ERR_REFUND_UNKNOWN;
		return OK;
	}
	const struct refund_set set = {.refunds = {refund}, .count = 1};
	bool is_of_payment =
		uuid_equal(&refund->order_id, &order->order_id) && short_text_equal(&refund->transaction_id, &report->transaction_id);
	if (!is_of_payment)
		outcome->error = ERR_PAYMENT_CONFLICT;
	else if (!fits(report, &set))
		outcome->error = ERR_REFUND_AMOUNT;
	if (outcome->error != OK)
		return OK;
	return refund->status == REFUND_DONE ? replay(decision, refund) : close_refunds(decision, order, &set);
}

/* Whether the provider's report closed the refund, and not somebody who marked it as done: only then its event's data names a payment
 * status. */
static bool is_reported(const struct refund *refund)
{
	static const char member[] = "\"payment_status\":";
	assert(refund->status == REFUND_DONE);
	return memmem(refund->answer.data, refund->answer.length, member, sizeof member - 1) != NULL;
}

/* Answers as the refunds did that the report fits, if it repeats what closed them: the last ones first. *ret_is_repeat: whether it does.
 * by_report_only: refunds that a report closed, and not those that somebody has marked as done. */
static enum error replay_closed(struct decision *decision, const struct payment *payment, bool by_report_only, bool *ret_is_repeat)
{
	assert(payment->row.version != 0 && ret_is_repeat != NULL);
	for (uint32_t i = REFUNDS_PER_PAYMENT_MAX; i-- > 0;) {
		const struct refund *refund =
			uuid_is_nil(&payment->refund_ids[i]) ? NULL : view_refund(decision->view, &payment->refund_ids[i]);
		struct refund_set closed;
		if (refund == NULL || refund->status != REFUND_DONE || (by_report_only && !is_reported(refund)))
			continue;
		if (!refunds_of(decision, payment, &refund->closed_by, &closed))
			return ERR_CORRUPT;
		*ret_is_repeat = fits(&decision->command->payment, &closed);
		if (*ret_is_repeat)
			return replay(decision, refund);
	}
	*ret_is_repeat = false;
	return OK;
}

/* REFUNDED of all that is due for the transaction. A repeat closes nothing, even if more has become due since: a report of a later refund
 * names its refund_id, or an amount of its own. */
static enum error decide_all(struct decision *decision, const struct payment *payment, const struct order *order)
{
	const struct payment_report *report = &decision->command->payment;
	assert(!report->has_refund_id);
	struct refund_set due;
	bool is_repeat;
	enum error error = replay_closed(decision, payment, true, &is_repeat);
	if (error != OK || is_repeat)
		return error;
	if (!refunds_of(decision, payment, NULL, &due))
		return ERR_CORRUPT;
	if (fits(report, &due))
		return close_refunds(decision, order, &due);
	error = replay_closed(decision, payment, false, &is_repeat);
	if (error == OK && !is_repeat)
		decision->outcome->error = ERR_REFUND_AMOUNT;
	return error;
}

enum error decide_refunded(struct decision *decision, const struct payment *payment, const struct order *order)
{
	assert(decision->command->payment.status == PAYMENT_REFUNDED);
	if (decision->command->payment.has_refund_id)
		return decide_one(decision, order);
	if (payment == NULL || uuid_is_nil(&payment->refund_ids[0])) {
		decision->outcome->error = ERR_REFUND_NOT_DUE;
		return OK;
	}
	return decide_all(decision, payment, order);
}

enum error decide_refund_done(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_REFUND_DONE);
	const struct refund *refund = view_refund(decision->view, &decision->command->refund_id);
	struct outcome *outcome = decision->outcome;
	if (refund == NULL || refund->row.version == 0) {
		outcome->error = ERR_REFUND_UNKNOWN;
		return OK;
	}
	const struct order *order = view_order(decision->view, &refund->order_id);
	struct refund *answer = arena_allocate(decision->command->arena, sizeof *answer);
	if (order == NULL || order->row.version == 0)
		return ERR_CORRUPT;
	if (answer == NULL)
		return ERR_NO_MEMORY;
	*answer = *refund;
	answer->answer = (struct slice){0};
	outcome->refund = answer;
	outcome->resource_id = refund->order_id;
	if (refund->status == REFUND_DONE)
		return OK;
	const struct refund_set set = {.refunds = {refund}, .count = 1};
	enum error error = close_refunds(decision, order, &set);
	if (error != OK)
		return error;
	answer->status = REFUND_DONE;
	answer->done_at_ms = changes_event(decision->changes, changes_event_count(decision->changes) - 1)->occurred_at_ms;
	return OK;
}
