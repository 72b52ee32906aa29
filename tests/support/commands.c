/* commands.c: makes the commands that tests speak of. */
#include "tests/support/commands.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARD 0x2a

static struct uuid id_of(uint64_t kind, uint32_t number)
{
	return uuid_v7(TEST_NOW_MS, kind << 32 | (uint64_t)number << 10, SHARD);
}

struct uuid test_event_id(void)
{
	return id_of(1, 0);
}

struct uuid test_hold_id(uint32_t number)
{
	return id_of(2, number);
}

struct uuid test_order_id(uint32_t number)
{
	return id_of(3, number);
}

struct seat_label test_label(uint32_t seat)
{
	assert(seat >= 1 && seat <= TEST_SEAT_COUNT);
	struct seat_label label = seat_label_of(SLICE("A-1-0"));
	label.text[4] = (char)('0' + seat);
	return label;
}

/* An array of labels in the arena, one for each digit of the text. */
static const struct seat_label *labels_of(struct arena *arena, const char *seats, uint32_t *ret_count)
{
	struct seat_label *labels = arena_allocate_array(arena, strlen(seats) + 1, sizeof *labels);
	assert(labels != NULL);
	uint32_t count = 0;
	for (; *seats != '\0'; seats++)
		if (*seats != ' ')
			labels[count++] = test_label((uint32_t)(*seats - '0'));
	*ret_count = count;
	return labels;
}

static struct command command_of(struct arena *arena, enum command_kind kind, const char *user, const char *actor)
{
	return (struct command){.kind = kind, .user = slice_of(user), .actor = slice_of(actor), .arena = arena};
}

struct command hold_command(struct arena *arena, uint32_t hold, const char *user, const char *seats)
{
	struct command command = command_of(arena, COMMAND_HOLD_CREATE, user, user);
	command.hold_create.event_id = test_event_id();
	command.hold_create.hold_id = test_hold_id(hold);
	command.hold_create.ttl_ms = TEST_HOLD_TTL_MS;
	command.hold_create.seats = labels_of(arena, seats, &command.hold_create.seat_count);
	return command;
}

struct command release_command(struct arena *arena, uint32_t hold, const char *user)
{
	struct command command = command_of(arena, COMMAND_HOLD_RELEASE, user, user);
	command.hold_id = test_hold_id(hold);
	return command;
}

struct command hold_expire_command(struct arena *arena, uint32_t hold)
{
	struct command command = command_of(arena, COMMAND_HOLD_EXPIRE, NULL, "expiry-worker");
	command.hold_id = test_hold_id(hold);
	return command;
}

struct command order_command(struct arena *arena, uint32_t order, const char *user, uint32_t hold)
{
	struct command command = command_of(arena, COMMAND_ORDER_CREATE, user, user);
	command.order_create.order_id = test_order_id(order);
	command.order_create.ttl_ms = TEST_ORDER_TTL_MS;
	command.order_create.payment_method = PAYMENT_METHOD_CARD;
	command.order_create.hold_id = test_hold_id(hold);
	return command;
}

struct command order_seats_command(struct arena *arena, uint32_t order, const char *user, const char *seats)
{
	struct command command = order_command(arena, order, user, 0);
	command.order_create.hold_id = (struct uuid){0};
	command.order_create.event_id = test_event_id();
	command.order_create.seats = labels_of(arena, seats, &command.order_create.seat_count);
	return command;
}

struct command cancel_command(struct arena *arena, uint32_t order, const char *user)
{
	struct command command = command_of(arena, COMMAND_ORDER_CANCEL, user, user);
	command.order_id = test_order_id(order);
	return command;
}

struct command order_expire_command(struct arena *arena, uint32_t order)
{
	struct command command = command_of(arena, COMMAND_ORDER_EXPIRE, NULL, "expiry-worker");
	command.order_id = test_order_id(order);
	return command;
}

struct command payment_command(struct arena *arena, uint32_t order, const char *transaction, enum payment_status status)
{
	struct command command = command_of(arena, COMMAND_PAYMENT, NULL, "payment");
	command.payment.order_id = test_order_id(order);
	command.payment.status = status;
	command.payment.transaction_id = short_text_of(slice_of(transaction));
	return command;
}

struct command sale_command(struct arena *arena, enum command_kind kind)
{
	struct command command = command_of(arena, kind, NULL, "operator");
	command.event_id = test_event_id();
	return command;
}

struct command sale_create_command(struct arena *arena)
{
	static const struct layout_section sections[] = {{.name = {"A", 1}, .price = 1000, .rows = 1, .seats_per_row = TEST_SEAT_COUNT}};
	struct command command = command_of(arena, COMMAND_SALE_CREATE, NULL, "operator");
	command.sale_create.event_id = test_event_id();
	command.sale_create.details = (struct sale_details){.name = SLICE("Opera"), .venue = SLICE("House"), .starts_at_ms = TEST_NOW_MS};
	command.sale_create.currency = (struct currency){"EUR"};
	command.sale_create.layout = (struct layout){.sections = sections, .section_count = ARRAY_LENGTH(sections)};
	return command;
}

static enum error keep_seat(void *context, const struct layout_seat *seat)
{
	struct test_seats *kept = context;
	char *label = kept->labels[kept->count];
	(void)snprintf(label, sizeof kept->labels[0], "%.*s", SLICE_PRINT(seat->seat));
	kept->seats[kept->count++] =
		(struct layout_seat){.seat = slice_of(label), .section = SLICE("A"), .row = SLICE("1"), .price = seat->price};
	return OK;
}

void test_seats_of_sale(struct arena *arena, struct test_seats *ret_seats)
{
	struct command command = sale_create_command(arena);
	*ret_seats = (struct test_seats){0};
	enum error error = layout_each_seat(&command.sale_create.layout, keep_seat, ret_seats);
	assert(error == OK);
	(void)error;
}

struct command with_key(struct command command, uint8_t key, uint8_t fingerprint)
{
	command.idempotency = (struct idempotency){.is_present = true, .key = {key}, .fingerprint = {fingerprint}};
	return command;
}
