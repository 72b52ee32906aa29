/* request.c: numbers to names, and requests to commands. */
#include "tests/sim/request.h"

#include <assert.h>
#include <stdio.h>

#include "base/buffer.h"

/* The last byte of an event's id is that of its holds and orders. */
static struct uuid id_of(uint64_t kind, uint32_t event, uint32_t number)
{
	return uuid_v7(1, kind << 48 | (uint64_t)number << 10, (uint8_t)event);
}

struct uuid event_id_of(uint32_t event)
{
	return id_of(1, event, 0);
}

struct uuid hold_id_of(uint32_t event, uint32_t attempt)
{
	return id_of(2, event, attempt);
}

struct uuid order_id_of(uint32_t event, uint32_t attempt)
{
	return id_of(3, event, attempt);
}

uint16_t number_of(const struct uuid *id)
{
	return (uint16_t)(id->bytes[13] << 8 | id->bytes[14]);
}

uint8_t event_of(const struct uuid *id)
{
	return id->bytes[15];
}

struct seat_label label_of(uint32_t seat)
{
	assert(seat <= SEAT_COUNT);
	struct seat_label label = seat_label_of(SLICE("A-1-0"));
	label.text[4] = (char)('1' + seat);
	return label;
}

int64_t price_of(uint32_t event, uint32_t seat)
{
	return event % 2 == 0 ? 2500 : 1000 + 100 * (int64_t)seat;
}

uint64_t on_sale_from_of(uint32_t event)
{
	return event == 1 ? START_MS + 1500 : 0;
}

uint64_t on_sale_until_of(uint32_t event)
{
	return event == 1 ? START_MS + 20000 : 0;
}

struct short_text transaction_of(uint32_t transaction)
{
	struct short_text text = {.length = 4};
	for (uint32_t i = 0; i < text.length; i++)
		text.text[i] = (char)('a' + (transaction >> 4 * i & 15));
	return text;
}

uint32_t transaction_number(struct slice text)
{
	uint32_t number = 0;
	assert(text.length == 4);
	for (uint32_t i = 0; i < text.length; i++)
		number |= (uint32_t)(text.data[i] - 'a') << 4 * i;
	assert(number < ATTEMPTS_MAX);
	return number;
}

struct slice user_of(uint32_t user)
{
	static const char *const users[USER_COUNT] = {"ann", "bob", "cy", "dee"};
	assert(user < USER_COUNT);
	return slice_of(users[user]);
}

static const struct seat_label *labels_of(const struct request *request, struct arena *arena)
{
	struct seat_label *labels = arena_allocate_array(arena, request->seat_count, sizeof *labels);
	assert(labels != NULL);
	for (uint32_t i = 0; i < request->seat_count; i++)
		labels[i] = label_of(request->seats[i]);
	return labels;
}

static struct layout layout_of(const struct request *request, struct arena *arena)
{
	static const struct layout_section sections[] = {{.name = {"A", 1}, .price = 2500, .rows = 1, .seats_per_row = SEAT_COUNT}};
	if (request->event % 2 == 0)
		return (struct layout){.sections = sections, .section_count = ARRAY_LENGTH(sections)};
	struct layout_seat *seats = arena_allocate_array(arena, SEAT_COUNT, sizeof *seats);
	struct seat_label *labels = arena_allocate_array(arena, SEAT_COUNT, sizeof *labels);
	assert(seats != NULL && labels != NULL);
	for (uint32_t i = 0; i < SEAT_COUNT; i++) {
		labels[i] = label_of(i);
		seats[i] = (struct layout_seat){.seat = seat_label_slice(&labels[i]), .price = price_of(request->event, i)};
	}
	return (struct layout){.seats = seats, .seat_count = SEAT_COUNT};
}

static void set_key(const struct request *request, struct command *command)
{
	if (request->key == NOBODY)
		return;
	command->idempotency.is_present = true;
	memcpy(command->idempotency.key, &request->key, sizeof request->key);
	command->idempotency.fingerprint[0] = request->body;
}

struct command command_of(const struct request *request, uint32_t number, uint64_t hold_ttl_ms, uint64_t order_ttl_ms, struct arena *arena)
{
	struct command command = {.kind = request->kind, .user = user_of(request->user), .actor = user_of(request->user), .arena = arena};
	set_key(request, &command);
	switch (request->kind) {
	case COMMAND_SALE_CREATE:
		command.sale_create = (struct sale_create){
			.event_id = event_id_of(request->event),
			.details = {.name = SLICE("Opera"), .venue = SLICE("House"), .starts_at_ms = START_MS},
			.currency = {"EUR"},
			.on_sale_from_ms = on_sale_from_of(request->event),
			.on_sale_until_ms = on_sale_until_of(request->event),
			.layout = layout_of(request, arena),
		};
		break;
	case COMMAND_HOLD_CREATE:
		command.hold_create = (struct hold_create){
			.event_id = event_id_of(request->event),
			.hold_id = hold_id_of(request->event, number),
			.ttl_ms = hold_ttl_ms,
			.seats = labels_of(request, arena),
			.seat_count = request->seat_count,
		};
		break;
	case COMMAND_ORDER_CREATE:
		command.order_create = (struct order_create){
			.order_id = order_id_of(request->event, number), .ttl_ms = order_ttl_ms, .payment_method = PAYMENT_METHOD_CARD};
		if (request->is_by_seats) {
			command.order_create.event_id = event_id_of(request->event);
			command.order_create.seats = labels_of(request, arena);
			command.order_create.seat_count = request->seat_count;
		} else {
			command.order_create.hold_id = hold_id_of(request->event, request->hold);
		}
		break;
	case COMMAND_HOLD_RELEASE:
	case COMMAND_HOLD_EXPIRE:
	case COMMAND_HOLD_CALL_OFF:
		command.hold_id = hold_id_of(request->event, request->hold);
		break;
	case COMMAND_ORDER_CANCEL:
	case COMMAND_ORDER_EXPIRE:
	case COMMAND_ORDER_CALL_OFF:
		command.order_id = order_id_of(request->event, request->order);
		break;
	case COMMAND_PAYMENT:
		command.payment = (struct payment_report){
			.order_id = order_id_of(request->event, request->order),
			.status = request->payment_status,
			.transaction_id = transaction_of(request->transaction),
			.has_amount = request->amount != UNSAID,
			.amount = request->amount == UNSAID ? 0 : request->amount,
			.has_currency = request->is_foreign,
			.currency = {"USD"},
			.has_refund_id = request->refund != ANY_REFUND,
			.refund_id = request->refund_id,
		};
		break;
	case COMMAND_REFUND_DONE:
		command.refund_id = request->refund_id;
		break;
	default:
		command.event_id = event_id_of(request->event);
		break;
	}
	return command;
}

void request_describe(const struct request *request, char *text, uint32_t size)
{
	static const char *const names[COMMAND_KIND_COUNT] = {
		[COMMAND_SALE_CREATE] = "create",        [COMMAND_SALE_PAUSE] = "pause",
		[COMMAND_SALE_RESUME] = "resume",        [COMMAND_SALE_CANCEL] = "cancel",
		[COMMAND_HOLD_CREATE] = "hold",          [COMMAND_HOLD_RELEASE] = "release",
		[COMMAND_HOLD_EXPIRE] = "expire",        [COMMAND_ORDER_CREATE] = "order",
		[COMMAND_ORDER_CANCEL] = "cancel order", [COMMAND_ORDER_EXPIRE] = "expire order",
		[COMMAND_PAYMENT] = "payment",           [COMMAND_REFUND_DONE] = "refund done",
		[COMMAND_HOLD_CALL_OFF] = "call off",    [COMMAND_ORDER_CALL_OFF] = "call off order",
		[COMMAND_SALE_SETTLE] = "settle",
	};
	struct arena arena;
	struct buffer buffer;
	arena_init(&arena, 512, 4096);
	buffer_init(&buffer, &arena, 512);
	buffer_append_format(&buffer, "%s, event %u", names[request->kind], request->event);
	if (request->seat_count > 0)
		buffer_append_string(&buffer, ", seats");
	for (uint32_t i = 0; i < request->seat_count; i++)
		buffer_append_format(&buffer, " %u", request->seats[i]);
	if (request->hold != NOBODY)
		buffer_append_format(&buffer, ", hold %u", request->hold);
	if (request->order != NOBODY)
		buffer_append_format(&buffer, ", order %u", request->order);
	if (request->kind == COMMAND_PAYMENT)
		buffer_append_format(&buffer, ", transaction %u %s %lld%s", request->transaction,
		                     payment_status_name(request->payment_status), (long long)request->amount,
		                     request->is_foreign ? " foreign" : "");
	if (request->refund != ANY_REFUND)
		buffer_append_format(&buffer, ", refund %u of %u", request->refund, request->transaction);
	buffer_append_format(&buffer, ", by %.*s", SLICE_PRINT(user_of(request->user)));
	if (request->key != NOBODY)
		buffer_append_format(&buffer, ", key %u/%u", request->key, request->body);
	snprintf(text, size, "%.*s", SLICE_PRINT(buffer_slice(&buffer)));
	arena_release(&arena);
}
