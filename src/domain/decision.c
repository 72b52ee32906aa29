/* decision.c: shared by several decisions: a row's owner, a seat's availability, and the events made of rows. */
#include "domain/decision.h"

#include <assert.h>

#include "domain/order_account.h"

static bool is_own(const struct decision *decision, const struct short_text *user)
{
	assert(decision != NULL && user != NULL);
	return decision->command->is_for_anybody || slice_equal(short_text_slice(user), decision->command->user);
}

const struct hold *decision_own_hold(const struct decision *decision, const struct uuid *hold_id)
{
	assert(decision != NULL && hold_id != NULL);
	const struct hold *hold = view_hold(decision->view, hold_id);
	if (hold == NULL || hold->row.version == 0)
		return NULL;
	return is_own(decision, &hold->user) ? hold : NULL;
}

const struct order *decision_own_order(const struct decision *decision, const struct uuid *order_id)
{
	assert(decision != NULL && order_id != NULL);
	const struct order *order = view_order(decision->view, order_id);
	if (order == NULL || order->row.version == 0)
		return NULL;
	return is_own(decision, &order->user) ? order : NULL;
}

enum error decision_check_seats(struct decision *decision, const struct uuid *event_id, const struct seat_label *seats, uint32_t count)
{
	assert(seats != NULL && count >= 1 && count <= SEATS_PER_HOLD_LIMIT);
	assert(decision->outcome->error == OK);
	struct outcome *outcome = decision->outcome;
	uint32_t *unknown = NULL;
	for (uint32_t i = 0; i < count; i++) {
		const struct seat *seat = view_seat(decision->view, event_id, &seats[i]);
		if (seat != NULL && seat->row.version != 0)
			continue;
		if (unknown == NULL)
			unknown = arena_allocate_array(decision->command->arena, count, sizeof *unknown);
		if (unknown == NULL)
			return ERR_NO_MEMORY;
		unknown[outcome->unknown_count++] = i;
		outcome->unknown_seats = unknown;
		outcome->error = ERR_SEAT_UNKNOWN;
	}
	return OK;
}

/* An event about the hold as it is, with the next sequence; the caller sets what the event changes. Borrows from the row.
 * False: the arena is full. */
must_check static bool event_of_hold(const struct decision *decision, enum event_type type, const struct hold *hold,
                                     struct event *ret_event)
{
	assert(event_type_stream(type) == STREAM_HOLD);
	struct order_item *items = arena_allocate_array(changes_arena(decision->changes), hold->seat_count, sizeof *items);
	if (items == NULL)
		return false;
	for (uint32_t i = 0; i < hold->seat_count; i++)
		items[i].seat = hold->seats[i];
	*ret_event = (struct event){
		.type = type,
		.stream_id = hold->hold_id,
		.sequence = hold->sequence + 1,
		.event_id = hold->event_id,
		.user = short_text_slice(&hold->user),
		.created_at_ms = hold->created_at_ms,
		.deadline_ms = hold->expires_at_ms,
		.items = items,
		.item_count = hold->seat_count,
	};
	return true;
}

void event_of_order(enum event_type type, const struct order *order, struct event *ret_event)
{
	assert(event_type_stream(type) == STREAM_ORDER);
	*ret_event = (struct event){
		.type = type,
		.stream_id = order->order_id,
		.sequence = order->sequence + 1,
		.event_id = order->event_id,
		.user = short_text_slice(&order->user),
		.created_at_ms = order->created_at_ms,
		.deadline_ms = order->pay_by_ms,
		.items = order->items,
		.item_count = order->item_count,
		.hold_id = order->hold_id,
		.payment_method = order->payment_method,
		.total = order->total,
		.currency = order->currency,
	};
}

enum error decision_append(struct decision *decision, struct event *event, bool answers)
{
	assert(event->type != EVENT_NONE && event->sequence > 0);
	assert(uuid_shard(&event->stream_id) == uuid_shard(&event->event_id));
	const struct command *command = decision->command;
	event->actor = command->actor;
	event->from = command->from;
	event->trace = command->trace;
	event->trace_state = command->trace_state;
	if (answers)
		event->idempotency = command->idempotency;
	return changes_append(decision->changes, event) == NULL ? ERR_NO_MEMORY : OK;
}

struct order *decision_copy_order(const struct decision *decision, const struct order *order)
{
	assert(order != NULL && order->row.version != 0);
	struct order *copy = arena_allocate(changes_arena(decision->changes), sizeof *copy);
	if (copy != NULL)
		*copy = *order;
	return copy;
}

enum error decision_append_order(struct decision *decision, struct event *event, struct order *order, bool answers)
{
	assert(uuid_equal(&event->stream_id, &order->order_id) && event->sequence == order->sequence + 1);
	if (!order_take(order, event))
		return ERR_CORRUPT;
	event->order_status = order_status_read(order, order->status);
	event->refunds_due = order->refunds_due;
	event->refund_required = order_refund_required(order);
	return decision_append(decision, event, answers);
}

bool hold_has_its_seats(const struct view *view, const struct hold *hold)
{
	assert(hold->status == HOLD_ACTIVE);
	for (uint32_t i = 0; i < hold->seat_count; i++) {
		const struct seat *seat = view_seat(view, &hold->event_id, &hold->seats[i]);
		if (seat == NULL || seat->status != SEAT_HELD || !uuid_equal(&seat->holder_id, &hold->hold_id))
			return false;
	}
	return true;
}

bool order_has_its_seats(const struct view *view, const struct order *order)
{
	assert(order->status == ORDER_PENDING);
	for (uint32_t i = 0; i < order->item_count; i++) {
		const struct seat *seat = view_seat(view, &order->event_id, &order->items[i].seat);
		if (seat == NULL || seat->status != SEAT_RESERVED || !uuid_equal(&seat->holder_id, &order->order_id))
			return false;
	}
	return true;
}

enum error decision_end_hold(struct decision *decision, enum event_type type, const struct hold *hold, bool answers)
{
	assert(type == EVENT_HOLD_RELEASED || type == EVENT_HOLD_EXPIRED);
	assert(hold->status == HOLD_ACTIVE);
	if (!hold_has_its_seats(decision->view, hold))
		return ERR_CORRUPT;
	struct event event;
	if (!event_of_hold(decision, type, hold, &event))
		return ERR_NO_MEMORY;
	return decision_append(decision, &event, answers);
}

enum error decision_end_order(struct decision *decision, enum event_type type, struct order *order, bool answers)
{
	assert(type == EVENT_ORDER_CANCELLED || type == EVENT_ORDER_EXPIRED);
	assert(order->status == ORDER_PENDING);
	if (!order_has_its_seats(decision->view, order))
		return ERR_CORRUPT;
	struct event event;
	event_of_order(type, order, &event);
	return decision_append_order(decision, &event, order, answers);
}

enum seat_taking seat_can_be_taken(const struct decision *decision, const struct seat *seat, const struct hold **ret_hold,
                                   const struct order **ret_order)
{
	assert(seat->row.version != 0);
	*ret_hold = NULL;
	*ret_order = NULL;
	if (seat->status == SEAT_AVAILABLE)
		return SEAT_TAKING_FREE;
	if (seat->status == SEAT_SOLD)
		return SEAT_TAKING_TAKEN;
	if (seat->status == SEAT_HELD) {
		const struct hold *hold = view_hold(decision->view, &seat->holder_id);
		if (hold == NULL || hold->row.version == 0 || hold->status != HOLD_ACTIVE)
			return SEAT_TAKING_CORRUPT;
		if (!hold_is_lapsed(hold, decision->now_ms))
			return SEAT_TAKING_TAKEN;
		*ret_hold = hold;
		return hold_has_its_seats(decision->view, hold) ? SEAT_TAKING_LAPSED : SEAT_TAKING_CORRUPT;
	}
	const struct order *order = view_order(decision->view, &seat->holder_id);
	if (order == NULL || order->row.version == 0 || order->status != ORDER_PENDING)
		return SEAT_TAKING_CORRUPT;
	if (!order_is_lapsed(order, decision->now_ms))
		return SEAT_TAKING_TAKEN;
	*ret_order = order;
	return order_has_its_seats(decision->view, order) ? SEAT_TAKING_LAPSED : SEAT_TAKING_CORRUPT;
}

/* Whether an event of this decision has ended the holder already; at most one for each seat. */
static bool is_ended(const struct decision *decision, uint32_t first, const struct uuid *stream_id)
{
	assert(first <= changes_event_count(decision->changes));
	for (uint32_t i = first; i < changes_event_count(decision->changes); i++)
		if (uuid_equal(&changes_event(decision->changes, i)->stream_id, stream_id))
			return true;
	return false;
}

enum error end_lapsed_holders(struct decision *decision, const struct uuid *event_id, const struct seat_label *const *labels,
                              uint32_t count, const struct order *except)
{
	assert(count >= 1 && count <= SEATS_PER_HOLD_LIMIT);
	uint32_t first = changes_event_count(decision->changes);
	for (uint32_t i = 0; i < count; i++) {
		const struct seat *seat = view_seat(decision->view, event_id, labels[i]);
		const struct hold *hold;
		const struct order *order;
		enum seat_taking taking = seat_can_be_taken(decision, seat, &hold, &order);
		bool is_except = order != NULL && order == except;
		if (taking != SEAT_TAKING_LAPSED || is_except || is_ended(decision, first, &seat->holder_id))
			continue;
		struct order *ended = hold == NULL ? decision_copy_order(decision, order) : NULL;
		enum error error = ERR_NO_MEMORY;
		if (hold != NULL)
			error = decision_end_hold(decision, EVENT_HOLD_EXPIRED, hold, false);
		else if (ended != NULL)
			error = decision_end_order(decision, EVENT_ORDER_EXPIRED, ended, false);
		if (error != OK)
			return error;
	}
	return OK;
}
