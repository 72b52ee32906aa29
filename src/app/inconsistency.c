/* inconsistency.c: looks at the seats of a command, and at who has them. */
#include "app/inconsistency.h"

#include <assert.h>
#include <stdio.h>

static bool hold_has(const struct view *view, const struct seat *seat)
{
	assert(seat->row.version != 0);
	const struct hold *hold = view_hold(view, &seat->holder_id);
	bool has_it = false;
	for (uint32_t i = 0; hold != NULL && i < hold->seat_count; i++)
		has_it = has_it || seat_label_equal(&hold->seats[i], &seat->label);
	return has_it && hold->status == HOLD_ACTIVE;
}

static bool order_has(const struct view *view, const struct seat *seat)
{
	assert(seat->row.version != 0);
	const struct order *order = view_order(view, &seat->holder_id);
	bool has_it = false;
	for (uint32_t i = 0; order != NULL && i < order->item_count; i++)
		has_it = has_it || seat_label_equal(&order->items[i].seat, &seat->label);
	return has_it && order->status == (seat->status == SEAT_SOLD ? ORDER_CONFIRMED : ORDER_PENDING);
}

/* holder_id: the hold or order that must have the seat; NULL: any. True: something is wrong, and reported. */
static bool look_at_seat(const struct view *view, const struct uuid *event_id, const struct seat_label *label, const struct uuid *holder_id,
                         char text[static INCONSISTENCY_ROW_MAX])
{
	assert(view != NULL && event_id != NULL && label != NULL);
	const struct seat *seat = view_seat(view, event_id, label);
	struct slice name = seat_label_slice(label);
	char holder[UUID_TEXT_LENGTH + 1];
	if (seat == NULL || seat->row.version == 0) {
		if (holder_id == NULL)
			return false;
		(void)snprintf(text, INCONSISTENCY_ROW_MAX, "seat %.*s is not there", (int)name.length, name.data);
		return true;
	}
	uuid_format(&seat->holder_id, holder);
	bool is_other = holder_id != NULL && !uuid_equal(holder_id, &seat->holder_id);
	bool is_right = seat->status == SEAT_AVAILABLE ? holder_id == NULL
	                : seat->status == SEAT_HELD    ? hold_has(view, seat)
	                                               : seat->status == SEAT_SOLD || order_has(view, seat);
	if (is_right && !is_other)
		return false;
	(void)snprintf(text, INCONSISTENCY_ROW_MAX, "seat %.*s is %s, of %s", (int)name.length, name.data, seat_status_name(seat->status),
	               holder);
	return true;
}

static void look_at_seats(const struct view *view, const struct uuid *event_id, const struct seat_label *seats, uint32_t count,
                          const struct uuid *holder_id, char text[static INCONSISTENCY_ROW_MAX])
{
	assert(count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < count; i++)
		if (look_at_seat(view, event_id, &seats[i], holder_id, text))
			return;
}

static void look_at_hold(const struct view *view, const struct uuid *hold_id, char text[static INCONSISTENCY_ROW_MAX])
{
	assert(view != NULL && hold_id != NULL);
	const struct hold *hold = view_hold(view, hold_id);
	if (hold != NULL && hold->row.version != 0)
		look_at_seats(view, &hold->event_id, hold->seats, hold->seat_count, hold_id, text);
}

static void look_at_order(const struct view *view, const struct uuid *order_id, char text[static INCONSISTENCY_ROW_MAX])
{
	assert(view != NULL && order_id != NULL);
	const struct order *order = view_order(view, order_id);
	for (uint32_t i = 0; order != NULL && i < order->item_count; i++)
		if (look_at_seat(view, &order->event_id, &order->items[i].seat, order->status == ORDER_PENDING ? order_id : NULL, text))
			return;
}

static struct uuid stream_of(const struct command *command)
{
	assert(command->kind < COMMAND_KIND_COUNT);
	switch (command->kind) {
	case COMMAND_SALE_CREATE:
		return command->sale_create.event_id;
	case COMMAND_HOLD_CREATE:
		return command->hold_create.event_id;
	case COMMAND_ORDER_CREATE:
		return command->order_create.seats == NULL ? command->order_create.hold_id : command->order_create.event_id;
	case COMMAND_PAYMENT:
		return command->payment.order_id;
	case COMMAND_HOLD_RELEASE:
	case COMMAND_HOLD_EXPIRE:
	case COMMAND_HOLD_CALL_OFF:
		return command->hold_id;
	case COMMAND_ORDER_CANCEL:
	case COMMAND_ORDER_EXPIRE:
	case COMMAND_ORDER_CALL_OFF:
		return command->order_id;
	case COMMAND_REFUND_DONE:
		return command->refund_id;
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
	case COMMAND_SALE_SETTLE:
	case COMMAND_KIND_COUNT:
		break;
	}
	return command->event_id;
}

struct inconsistency inconsistency_of(const struct command *command, const struct view *view)
{
	assert(command != NULL);
	struct inconsistency found = {.stream_id = stream_of(command)};
	if (view == NULL) {
		(void)snprintf(found.row, sizeof found.row, "a row of it cannot be read");
		return found;
	}
	(void)snprintf(found.row, sizeof found.row, "its rows contradict each other");
	if (command->kind == COMMAND_HOLD_CREATE)
		look_at_seats(view, &found.stream_id, command->hold_create.seats, command->hold_create.seat_count, NULL, found.row);
	else if (command->kind == COMMAND_ORDER_CREATE && command->order_create.seats != NULL)
		look_at_seats(view, &found.stream_id, command->order_create.seats, command->order_create.seat_count, NULL, found.row);
	else if (command->kind == COMMAND_ORDER_CREATE || command->kind == COMMAND_HOLD_RELEASE || command->kind == COMMAND_HOLD_EXPIRE)
		look_at_hold(view, &found.stream_id, found.row);
	else if (command->kind == COMMAND_ORDER_CANCEL || command->kind == COMMAND_ORDER_EXPIRE || command->kind == COMMAND_PAYMENT)
		look_at_order(view, &found.stream_id, found.row);
	return found;
}
