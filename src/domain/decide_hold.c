/* decide_hold.c: taking seats for a few minutes, giving them back, and ending what has lapsed. */
#include <assert.h>

#include "domain/decision.h"

/* The client is told every seat it lost, so that it can choose again in one step. */
static enum error check_seats(struct decision *decision, const struct hold_create *create)
{
	assert(decision->outcome->error == OK);
	struct outcome *outcome = decision->outcome;
	enum error error = decision_check_seats(decision, &create->event_id, create->seats, create->seat_count);
	if (error != OK || outcome->error != OK)
		return error;
	struct seat_label *conflicts = NULL;
	uint32_t conflict_count = 0;
	for (uint32_t i = 0; i < create->seat_count; i++) {
		const struct seat *seat = view_seat(decision->view, &create->event_id, &create->seats[i]);
		const struct hold *hold;
		const struct order *order;
		enum seat_taking taking = seat_can_be_taken(decision, seat, &hold, &order);
		if (taking == SEAT_TAKING_CORRUPT)
			return ERR_CORRUPT;
		if (taking != SEAT_TAKING_TAKEN)
			continue;
		if (conflicts == NULL)
			conflicts = arena_allocate_array(decision->command->arena, create->seat_count, sizeof *conflicts);
		if (conflicts == NULL)
			return ERR_NO_MEMORY;
		conflicts[conflict_count++] = create->seats[i];
	}
	if (conflict_count > 0) {
		outcome->error = ERR_SEATS_TAKEN;
		outcome->conflicts = conflicts;
		outcome->conflict_count = conflict_count;
	}
	return OK;
}

static enum error append_hold(struct decision *decision, const struct hold_create *create)
{
	assert(decision->outcome->error == OK);
	assert(create->ttl_ms > 0);
	struct arena *arena = changes_arena(decision->changes);
	struct order_item *items = arena_allocate_array(arena, create->seat_count, sizeof *items);
	const struct seat_label **labels = arena_allocate_array(arena, create->seat_count, sizeof *labels);
	if (items == NULL || labels == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < create->seat_count; i++) {
		items[i].seat = create->seats[i];
		labels[i] = &create->seats[i];
	}
	enum error error = end_lapsed_holders(decision, &create->event_id, labels, create->seat_count, NULL);
	if (error != OK)
		return error;
	struct event event = {
		.type = EVENT_HOLD_CREATED,
		.stream_id = create->hold_id,
		.sequence = 1,
		.event_id = create->event_id,
		.user = decision->command->user,
		.created_at_ms = decision->now_ms,
		.deadline_ms = decision->now_ms + create->ttl_ms,
		.items = items,
		.item_count = create->seat_count,
	};
	decision->outcome->resource_id = create->hold_id;
	return decision_append(decision, &event, true);
}

enum error decide_hold_create(struct decision *decision)
{
	const struct hold_create *create = &decision->command->hold_create;
	assert(create->seat_count >= 1 && create->seat_count <= SEATS_PER_HOLD_LIMIT);
	assert(uuid_shard(&create->hold_id) == uuid_shard(&create->event_id));
	const struct sale *sale = view_sale(decision->view, &create->event_id);
	if (sale == NULL || sale->row.version == 0) {
		decision->outcome->error = ERR_EVENT_UNKNOWN;
		return OK;
	}
	decision->outcome->error = sale_check_open(sale, decision->now_ms);
	if (decision->outcome->error == ERR_NOT_ON_SALE) {
		decision->outcome->is_past = decision->now_ms >= sale->on_sale_from_ms;
		decision->outcome->at_ms = decision->outcome->is_past ? sale->on_sale_until_ms : sale->on_sale_from_ms;
	}
	if (decision->outcome->error != OK)
		return OK;
	enum error error = check_seats(decision, create);
	if (error != OK || decision->outcome->error != OK)
		return error;
	return append_hold(decision, create);
}

enum error decide_hold_release(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_HOLD_RELEASE);
	const struct hold *hold = decision_own_hold(decision, &decision->command->hold_id);
	struct outcome *outcome = decision->outcome;
	if (hold == NULL) {
		outcome->error = ERR_HOLD_UNKNOWN;
		return OK;
	}
	outcome->resource_id = hold->hold_id;
	if (hold->status == HOLD_RELEASED)
		return OK; /* DELETE is idempotent: RFC 9110, section 9.2.2 */
	if (hold->status == HOLD_CONVERTED)
		outcome->error = ERR_HOLD_CONVERTED;
	else if (hold->status == HOLD_EXPIRED || hold_is_lapsed(hold, decision->now_ms))
		decision_refuse_expired(outcome, hold);
	if (outcome->error != OK)
		return OK;
	return decision_end_hold(decision, EVENT_HOLD_RELEASED, hold, true);
}

enum error decide_hold_expire(struct decision *decision)
{
	assert(decision->command->kind == COMMAND_HOLD_EXPIRE);
	const struct hold *hold = view_hold(decision->view, &decision->command->hold_id);
	if (hold == NULL || hold->row.version == 0 || !hold_is_lapsed(hold, decision->now_ms))
		return OK; /* somebody was faster, or the worker's clock is ahead */
	decision->outcome->resource_id = hold->hold_id;
	return decision_end_hold(decision, EVENT_HOLD_EXPIRED, hold, true);
}
