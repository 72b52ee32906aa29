/* decide_order.c: making an order of a hold, cancelling it, and ending it unpaid. */
#include <assert.h>

#include "domain/decision.h"

static bool hold_has_label(const struct hold *hold, const struct seat_label *label)
{
	assert(hold->seat_count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < hold->seat_count; i++)
		if (seat_label_equal(&hold->seats[i], label))
			return true;
	return false;
}

/* The caller's hold of exactly these seats; *ret_hold stays NULL when the outcome has an error. ERR_NO_MEMORY. */
static enum error find_hold_of_seats(struct decision *decision, const struct order_create *create, const struct hold **ret_hold)
{
	assert(create->seats != NULL && create->seat_count >= 1 && create->seat_count <= SEATS_PER_HOLD_LIMIT);
	assert(ret_hold != NULL);
	struct outcome *outcome = decision->outcome;
	const struct sale *sale = view_sale(decision->view, &create->event_id);
	if (sale == NULL || sale->row.version == 0) {
		outcome->error = ERR_EVENT_UNKNOWN;
		return OK;
	}
	enum error error = decision_check_seats(decision, &create->event_id, create->seats, create->seat_count);
	if (error != OK || outcome->error != OK)
		return error;
	const struct seat *first = view_seat(decision->view, &create->event_id, &create->seats[0]);
	const struct hold *found = first->status == SEAT_HELD ? decision_own_hold(decision, &first->holder_id) : NULL;
	/* Both are sets of distinct labels: of one size, and each of the one in the other, they are the same. */
	bool is_same = found != NULL && found->seat_count == create->seat_count;
	for (uint32_t i = 0; is_same && i < create->seat_count; i++)
		is_same = hold_has_label(found, &create->seats[i]);
	if (is_same)
		*ret_hold = found;
	else
		outcome->error = ERR_HOLD_UNKNOWN;
	return OK;
}

static enum error check_hold(const struct decision *decision, const struct hold *hold)
{
	switch (hold->status) {
	case HOLD_CONVERTED:
		return ERR_HOLD_CONVERTED;
	case HOLD_RELEASED:
		return ERR_HOLD_RELEASED;
	case HOLD_EXPIRED:
		return ERR_HOLD_EXPIRED;
	case HOLD_ACTIVE:
		break;
	}
	return hold_is_lapsed(hold, decision->now_ms) ? ERR_HOLD_EXPIRED : OK;
}

static enum error append_order(struct decision *decision, const struct order_create *create, const struct hold *hold,
                               const struct sale *sale)
{
	assert(hold->status == HOLD_ACTIVE);
	assert(uuid_shard(&create->order_id) == uuid_shard(&hold->event_id));
	struct order_item *items = arena_allocate_array(changes_arena(decision->changes), hold->seat_count, sizeof *items);
	if (items == NULL)
		return ERR_NO_MEMORY;
	int64_t total = 0;
	for (uint32_t i = 0; i < hold->seat_count; i++) {
		const struct seat *seat = view_seat(decision->view, &hold->event_id, &hold->seats[i]);
		items[i] = (struct order_item){.seat = seat->label, .price = seat->price};
		if (!money_add(&total, seat->price))
			return ERR_CORRUPT; /* prices are bounded when the event is created */
	}
	struct event event = {
		.type = EVENT_ORDER_CREATED,
		.stream_id = create->order_id,
		.sequence = 1,
		.event_id = hold->event_id,
		.user = short_text_slice(&hold->user),
		.created_at_ms = decision->now_ms,
		.deadline_ms = decision->now_ms + create->ttl_ms,
		.items = items,
		.item_count = hold->seat_count,
		.hold_id = hold->hold_id,
		.order_status = ORDER_PENDING,
		.payment_method = create->payment_method,
		.total = total,
		.currency = sale->currency,
	};
	decision->outcome->resource_id = create->order_id;
	return decision_append(decision, &event, true);
}

enum error decide_order_create(struct decision *decision)
{
	const struct order_create *create = &decision->command->order_create;
	struct outcome *outcome = decision->outcome;
	const struct hold *hold = NULL;
	if (create->seats == NULL)
		hold = decision_own_hold(decision, &create->hold_id);
	else if (find_hold_of_seats(decision, create, &hold) != OK)
		return ERR_NO_MEMORY;
	if (hold == NULL) {
		if (outcome->error == OK)
			outcome->error = ERR_HOLD_UNKNOWN;
		return OK;
	}
	assert(uuid_shard(&create->order_id) == uuid_shard(&hold->event_id));
	if (create->seats != NULL && hold->status != HOLD_ACTIVE)
		return ERR_CORRUPT; /* its seats say that it is: they were read at another moment */
	outcome->error = check_hold(decision, hold);
	if (outcome->error == ERR_HOLD_EXPIRED)
		decision_refuse_expired(outcome, hold);
	if (outcome->error != OK)
		return OK;
	const struct sale *sale = view_sale(decision->view, &hold->event_id);
	if (sale == NULL || sale->row.version == 0 || !hold_has_its_seats(decision->view, hold))
		return ERR_CORRUPT;
	/* A pause and the end of the window stop new holds; the owner of one may finish. */
	if (sale->status == SALE_CANCELLED) {
		outcome->error = ERR_EVENT_CANCELLED;
		return OK;
	}
	return append_order(decision, create, hold, sale);
}

static enum error end_order(struct decision *decision, enum event_type type, const struct order *order)
{
	assert(order->status == ORDER_PENDING);
	struct order *ended = decision_copy_order(decision, order);
	return ended == NULL ? ERR_NO_MEMORY : decision_end_order(decision, type, ended, true);
}

enum error decide_order_cancel(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_ORDER_CANCEL);
	const struct order *order = decision_own_order(decision, &decision->command->order_id);
	struct outcome *outcome = decision->outcome;
	if (order == NULL) {
		outcome->error = ERR_ORDER_UNKNOWN;
		return OK;
	}
	outcome->resource_id = order->order_id;
	if (order->status != ORDER_PENDING || order_is_lapsed(order, decision->now_ms)) {
		outcome->error = ERR_ORDER_NOT_CANCELLABLE;
		outcome->order_status = order_status_at(order, decision->now_ms);
		return OK;
	}
	return end_order(decision, EVENT_ORDER_CANCELLED, order);
}

enum error decide_order_expire(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_ORDER_EXPIRE);
	const struct order *order = view_order(decision->view, &decision->command->order_id);
	if (order == NULL || order->row.version == 0 || !order_is_lapsed(order, decision->now_ms))
		return OK; /* somebody was faster, or the worker's clock is ahead */
	decision->outcome->resource_id = order->order_id;
	return end_order(decision, EVENT_ORDER_EXPIRED, order);
}
