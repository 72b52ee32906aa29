/* decide_sale.c: putting an event on sale, pausing, resuming and cancelling it. */
#include <assert.h>

#include "domain/decision.h"

enum error decide_sale_create(struct decision *decision)
{
	const struct sale_create *create = &decision->command->sale_create;
	const struct sale *sale = view_sale(decision->view, &create->event_id);
	if (sale != NULL && sale->row.version != 0)
		return ERR_CORRUPT; /* ids are drawn at random: this one cannot be there */
	uint64_t seat_count = layout_count(&create->layout);
	assert(seat_count >= 1 && seat_count <= SEATS_PER_EVENT_MAX);
	struct event event = {
		.type = EVENT_SALE_CREATED,
		.stream_id = create->event_id,
		.sequence = 1,
		.event_id = create->event_id,
		.created_at_ms = decision->now_ms,
		.currency = create->currency,
		.details = create->details,
		.layout = create->layout,
		.seat_count = (uint32_t)seat_count,
		.seats_version = create->seats_version,
		.on_sale_from_ms = create->on_sale_from_ms,
		.on_sale_until_ms = create->on_sale_until_ms,
	};
	decision->outcome->resource_id = create->event_id;
	return decision_append(decision, &event, true);
}

enum error decide_sale_change(struct decision *decision)
{
	const struct command *command = decision->command;
	const struct sale *sale = view_sale(decision->view, &command->event_id);
	if (sale == NULL || sale->row.version == 0) {
		decision->outcome->error = ERR_EVENT_UNKNOWN;
		return OK;
	}
	decision->outcome->resource_id = sale->event_id;
	enum event_type type;
	enum sale_status wanted;
	switch (command->kind) {
	case COMMAND_SALE_PAUSE:
		type = EVENT_SALE_PAUSED, wanted = SALE_PAUSED;
		break;
	case COMMAND_SALE_RESUME:
		type = EVENT_SALE_RESUMED, wanted = SALE_ON_SALE;
		break;
	default:
		assert(command->kind == COMMAND_SALE_CANCEL);
		type = EVENT_SALE_CANCELLED, wanted = SALE_CANCELLED;
		break;
	}
	if (sale->status == wanted)
		return OK;
	if (sale->status == SALE_CANCELLED) {
		decision->outcome->error = ERR_EVENT_CANCELLED;
		return OK;
	}
	struct event event = {
		.type = type,
		.stream_id = sale->event_id,
		.sequence = sale->sequence + 1,
		.event_id = sale->event_id,
	};
	return decision_append(decision, &event, true);
}
