/* rows.c: columns to rows. Everything is checked: a row that cannot be right is reported, never believed. */
#include "adapters/postgres/rows.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

bool field_is_null(struct tuple tuple, int column)
{
	return PQgetisnull(tuple.answer, tuple.row, column) != 0;
}

struct slice field_text(struct tuple tuple, int column)
{
	assert(column < PQnfields(tuple.answer));
	return (struct slice){
		.data = PQgetvalue(tuple.answer, tuple.row, column),
		.length = (size_t)PQgetlength(tuple.answer, tuple.row, column),
	};
}

int64_t field_int(struct tuple tuple, int column)
{
	uint64_t bytes = 0;
	struct slice value = field_text(tuple, column);
	if (value.length == sizeof bytes)
		memcpy(&bytes, value.data, sizeof bytes);
	return (int64_t)be64toh(bytes);
}

uint64_t field_uint(struct tuple tuple, int column)
{
	int64_t value = field_int(tuple, column);
	return value < 0 ? 0 : (uint64_t)value;
}

struct uuid field_uuid(struct tuple tuple, int column)
{
	struct uuid uuid = {0};
	struct slice value = field_text(tuple, column);
	if (value.length == sizeof uuid.bytes)
		memcpy(uuid.bytes, value.data, sizeof uuid.bytes);
	return uuid;
}

struct slice field_copy(struct tuple tuple, int column, struct arena *arena)
{
	return arena_copy(arena, field_text(tuple, column));
}

static bool read_short_text(struct tuple tuple, int column, struct short_text *ret_text)
{
	struct slice text = field_text(tuple, column);
	if (text.length > SHORT_TEXT_LENGTH_MAX)
		return false;
	*ret_text = short_text_of(text);
	return true;
}

static bool read_label(struct slice text, struct seat_label *ret_label)
{
	if (text.length == 0 || text.length > SEAT_LABEL_LENGTH_MAX)
		return false;
	*ret_label = seat_label_of(text);
	return true;
}

static bool read_currency(struct tuple tuple, int column, struct currency *ret_currency)
{
	struct slice code = field_text(tuple, column);
	if (code.length + 1 != sizeof ret_currency->code)
		return false;
	memcpy(ret_currency->code, code.data, code.length);
	ret_currency->code[code.length] = '\0';
	return true;
}

bool tuple_read_sale(struct tuple tuple, struct sale *ret_sale)
{
	*ret_sale = (struct sale){
		.row = {.kind = ROW_SALE, .version = field_uint(tuple, 7)},
		.event_id = field_uuid(tuple, 0),
		.sequence = (uint32_t)field_uint(tuple, 1),
		.status = (enum sale_status)field_uint(tuple, 2),
		.on_sale_from_ms = field_uint(tuple, 4),
		.on_sale_until_ms = field_uint(tuple, 5),
		.seat_count = (uint32_t)field_uint(tuple, 6),
	};
	ret_sale->row.stored_version = ret_sale->row.version;
	return read_currency(tuple, 3, &ret_sale->currency) && ret_sale->status >= SALE_ON_SALE && ret_sale->status <= SALE_CANCELLED;
}

bool tuple_read_seat(struct tuple tuple, struct seat *ret_seat)
{
	*ret_seat = (struct seat){
		.row = {.kind = ROW_SEAT, .version = field_uint(tuple, 5)},
		.event_id = field_uuid(tuple, 0),
		.status = (enum seat_status)field_uint(tuple, 2),
		.holder_id = field_uuid(tuple, 3),
		.price = field_int(tuple, 4),
	};
	ret_seat->row.stored_version = ret_seat->row.version;
	return read_label(field_text(tuple, 1), &ret_seat->label) && ret_seat->status >= SEAT_AVAILABLE && ret_seat->status <= SEAT_SOLD;
}

bool tuple_read_hold(struct tuple tuple, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold)
{
	*ret_hold = (struct hold){
		.row = {.kind = ROW_HOLD, .version = field_uint(tuple, 8)},
		.hold_id = field_uuid(tuple, 0),
		.event_id = field_uuid(tuple, 1),
		.sequence = (uint32_t)field_uint(tuple, 3),
		.status = (enum hold_status)field_uint(tuple, 4),
		.created_at_ms = field_uint(tuple, 5),
		.expires_at_ms = field_uint(tuple, 6),
		.seats = seats,
	};
	ret_hold->row.stored_version = ret_hold->row.version;
	struct slice rest = field_text(tuple, 7), label;
	while (rest.length > 0 && slice_cut(&rest, '\n', &label)) {
		if (ret_hold->seat_count == SEATS_PER_HOLD_LIMIT || !read_label(label, &seats[ret_hold->seat_count]))
			return false;
		ret_hold->seat_count++;
	}
	return read_short_text(tuple, 2, &ret_hold->user) && ret_hold->seat_count > 0 && ret_hold->status >= HOLD_ACTIVE &&
	       ret_hold->status <= HOLD_EXPIRED;
}

void hold_seats_write(struct buffer *buffer, const struct hold *hold)
{
	for (uint32_t i = 0; i < hold->seat_count; i++) {
		buffer_append_slice(buffer, seat_label_slice(&hold->seats[i]));
		buffer_append_byte(buffer, '\n');
	}
}

static bool read_price(struct slice digits, int64_t *ret_price)
{
	int64_t price = 0;
	for (size_t i = 0; i < digits.length; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9' || price > MONEY_MAX)
			return false;
		price = price * 10 + (digits.data[i] - '0');
	}
	*ret_price = price;
	return digits.length > 0 && price <= MONEY_MAX;
}

bool tuple_read_order(struct tuple tuple, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order)
{
	*ret_order = (struct order){
		.row = {.kind = ROW_ORDER, .version = field_uint(tuple, 13)},
		.order_id = field_uuid(tuple, 0),
		.hold_id = field_uuid(tuple, 1),
		.event_id = field_uuid(tuple, 2),
		.sequence = (uint32_t)field_uint(tuple, 4),
		.status = (enum order_status)field_uint(tuple, 5),
		.payment_method = (enum payment_method)field_uint(tuple, 6),
		.total = field_int(tuple, 8),
		.refund_required = field_uint(tuple, 9) != 0,
		.created_at_ms = field_uint(tuple, 10),
		.pay_by_ms = field_uint(tuple, 11),
		.items = items,
	};
	ret_order->row.stored_version = ret_order->row.version;
	struct slice rest = field_text(tuple, 12), line, price;
	while (rest.length > 0 && slice_cut(&rest, '\n', &line)) {
		if (ret_order->item_count == SEATS_PER_HOLD_LIMIT || !slice_cut(&line, ' ', &price))
			return false;
		struct order_item *item = &items[ret_order->item_count++];
		if (!read_price(price, &item->price) || !read_label(line, &item->seat))
			return false;
	}
	return read_short_text(tuple, 3, &ret_order->user) && read_currency(tuple, 7, &ret_order->currency) && ret_order->item_count > 0 &&
	       ret_order->status >= ORDER_PENDING && ret_order->status <= ORDER_CANCELLED;
}

void order_items_write(struct buffer *buffer, const struct order *order)
{
	for (uint32_t i = 0; i < order->item_count; i++) {
		buffer_append_int(buffer, order->items[i].price);
		buffer_append_byte(buffer, ' ');
		buffer_append_slice(buffer, seat_label_slice(&order->items[i].seat));
		buffer_append_byte(buffer, '\n');
	}
}

bool tuple_read_payment(struct tuple tuple, struct payment *ret_payment)
{
	*ret_payment = (struct payment){
		.row = {.kind = ROW_PAYMENT, .version = field_uint(tuple, 4)},
		.order_id = field_uuid(tuple, 1),
		.status = (enum payment_status)field_uint(tuple, 2),
		.applied_by = field_uuid(tuple, 3),
	};
	ret_payment->row.stored_version = ret_payment->row.version;
	return read_short_text(tuple, 0, &ret_payment->transaction_id) && ret_payment->status >= PAYMENT_SUCCEEDED &&
	       ret_payment->status <= PAYMENT_FAILED;
}

static bool read_trace(struct tuple tuple, int column, struct trace_context *ret_trace)
{
	struct slice bytes = field_text(tuple, column);
	if (bytes.length != TRACE_BYTES)
		return false;
	memcpy(ret_trace->trace_id, bytes.data, sizeof ret_trace->trace_id);
	memcpy(ret_trace->span_id, bytes.data + sizeof ret_trace->trace_id, sizeof ret_trace->span_id);
	ret_trace->flags = (uint8_t)bytes.data[bytes.length - 1];
	return true;
}

static bool read_idempotency(struct tuple tuple, int column, struct idempotency *ret_idempotency)
{
	struct slice key = field_text(tuple, column), fingerprint = field_text(tuple, column + 1);
	if (field_is_null(tuple, column))
		return true;
	if (key.length != KEY_HASH_LENGTH || fingerprint.length != KEY_HASH_LENGTH)
		return false;
	ret_idempotency->is_present = true;
	memcpy(ret_idempotency->key, key.data, KEY_HASH_LENGTH);
	memcpy(ret_idempotency->fingerprint, fingerprint.data, KEY_HASH_LENGTH);
	return true;
}

bool tuple_read_event(struct tuple tuple, struct arena *arena, struct event_record *ret_record)
{
	*ret_record = (struct event_record){
		.id = field_uuid(tuple, 0),
		.stream_id = field_uuid(tuple, 1),
		.sequence = (uint32_t)field_uint(tuple, 2),
		.type = (enum event_type)field_uint(tuple, 3),
		.occurred_at_ms = field_uint(tuple, 4),
		.actor = field_copy(tuple, 5, arena),
		.data = field_copy(tuple, 9, arena),
	};
	return read_trace(tuple, 6, &ret_record->trace) && read_idempotency(tuple, 7, &ret_record->idempotency) &&
	       ret_record->actor.data != NULL && ret_record->data.data != NULL && ret_record->type < EVENT_TYPE_COUNT;
}
