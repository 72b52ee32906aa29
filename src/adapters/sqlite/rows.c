/* rows.c: columns to rows. Everything is checked: a row that cannot be right is reported, never believed. */
#include "adapters/sqlite/rows.h"

#include <assert.h>
#include <string.h>

#include "adapters/sqlite/database.h"

static bool read_short_text(sqlite3_stmt *statement, int index, struct short_text *ret_text)
{
	struct slice text = column_text(statement, index);
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

static bool read_currency(sqlite3_stmt *statement, int index, struct currency *ret_currency)
{
	struct slice code = column_text(statement, index);
	if (code.length + 1 != sizeof ret_currency->code)
		return false;
	memcpy(ret_currency->code, code.data, code.length);
	ret_currency->code[code.length] = '\0';
	return true;
}

bool sqlite_read_sale(sqlite3_stmt *statement, struct sale *ret_sale)
{
	*ret_sale = (struct sale){
		.row = {.kind = ROW_SALE, .version = column_uint(statement, 7)},
		.event_id = column_uuid(statement, 0),
		.sequence = (uint32_t)column_uint(statement, 1),
		.status = (enum sale_status)column_uint(statement, 2),
		.on_sale_from_ms = column_uint(statement, 4),
		.on_sale_until_ms = column_uint(statement, 5),
		.seat_count = (uint32_t)column_uint(statement, 6),
	};
	ret_sale->row.stored_version = ret_sale->row.version;
	return read_currency(statement, 3, &ret_sale->currency) && ret_sale->status >= SALE_ON_SALE && ret_sale->status <= SALE_CANCELLED;
}

bool sqlite_read_seat(sqlite3_stmt *statement, struct seat *ret_seat)
{
	*ret_seat = (struct seat){
		.row = {.kind = ROW_SEAT, .version = column_uint(statement, 5)},
		.event_id = column_uuid(statement, 0),
		.status = seat_status_read(column_uint(statement, 2)),
		.holder_id = column_uuid(statement, 3),
		.price = sqlite3_column_int64(statement, 4),
	};
	ret_seat->row.stored_version = ret_seat->row.version;
	return read_label(column_text(statement, 1), &ret_seat->label) && ret_seat->status >= SEAT_AVAILABLE &&
	       ret_seat->status <= SEAT_SOLD;
}

bool sqlite_read_hold(sqlite3_stmt *statement, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold)
{
	*ret_hold = (struct hold){
		.row = {.kind = ROW_HOLD, .version = column_uint(statement, 8)},
		.hold_id = column_uuid(statement, 0),
		.event_id = column_uuid(statement, 1),
		.sequence = (uint32_t)column_uint(statement, 3),
		.status = (enum hold_status)column_uint(statement, 4),
		.created_at_ms = column_uint(statement, 5),
		.expires_at_ms = column_uint(statement, 6),
		.seats = seats,
	};
	ret_hold->row.stored_version = ret_hold->row.version;
	struct slice rest = column_text(statement, 7), label;
	while (rest.length > 0 && slice_cut(&rest, '\n', &label)) {
		if (ret_hold->seat_count == SEATS_PER_HOLD_LIMIT || !read_label(label, &seats[ret_hold->seat_count]))
			return false;
		ret_hold->seat_count++;
	}
	return read_short_text(statement, 2, &ret_hold->user) && ret_hold->seat_count > 0 && ret_hold->status >= HOLD_ACTIVE &&
	       ret_hold->status <= HOLD_EXPIRED;
}

void sqlite_write_seats(struct buffer *buffer, const struct hold *hold)
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

bool sqlite_read_order(sqlite3_stmt *statement, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order)
{
	*ret_order = (struct order){
		.row = {.kind = ROW_ORDER, .version = column_uint(statement, 13)},
		.order_id = column_uuid(statement, 0),
		.hold_id = column_uuid(statement, 1),
		.event_id = column_uuid(statement, 2),
		.sequence = (uint32_t)column_uint(statement, 4),
		.status = (enum order_status)column_uint(statement, 5),
		.payment_method = (enum payment_method)column_uint(statement, 6),
		.total = sqlite3_column_int64(statement, 8),
		.refund_required = column_uint(statement, 9) != 0,
		.created_at_ms = column_uint(statement, 10),
		.pay_by_ms = column_uint(statement, 11),
		.items = items,
	};
	ret_order->row.stored_version = ret_order->row.version;
	struct slice rest = column_text(statement, 12), line, price;
	while (rest.length > 0 && slice_cut(&rest, '\n', &line)) {
		if (ret_order->item_count == SEATS_PER_HOLD_LIMIT || !slice_cut(&line, ' ', &price))
			return false;
		struct order_item *item = &items[ret_order->item_count++];
		if (!read_price(price, &item->price) || !read_label(line, &item->seat))
			return false;
	}
	return read_short_text(statement, 3, &ret_order->user) && read_currency(statement, 7, &ret_order->currency) &&
	       ret_order->item_count > 0 && ret_order->status >= ORDER_PENDING && ret_order->status <= ORDER_CANCELLED;
}

void sqlite_write_items(struct buffer *buffer, const struct order *order)
{
	for (uint32_t i = 0; i < order->item_count; i++) {
		buffer_append_int(buffer, order->items[i].price);
		buffer_append_byte(buffer, ' ');
		buffer_append_slice(buffer, seat_label_slice(&order->items[i].seat));
		buffer_append_byte(buffer, '\n');
	}
}

bool sqlite_read_payment(sqlite3_stmt *statement, struct payment *ret_payment)
{
	*ret_payment = (struct payment){
		.row = {.kind = ROW_PAYMENT, .version = column_uint(statement, 4)},
		.order_id = column_uuid(statement, 1),
		.status = (enum payment_status)column_uint(statement, 2),
		.applied_by = column_uuid(statement, 3),
	};
	ret_payment->row.stored_version = ret_payment->row.version;
	return read_short_text(statement, 0, &ret_payment->transaction_id) && ret_payment->status >= PAYMENT_SUCCEEDED &&
	       ret_payment->status <= PAYMENT_FAILED;
}

static bool read_trace(sqlite3_stmt *statement, int index, struct trace_context *ret_trace)
{
	struct slice bytes = column_text(statement, index);
	if (bytes.length != TRACE_BYTES)
		return false;
	memcpy(ret_trace->trace_id, bytes.data, sizeof ret_trace->trace_id);
	memcpy(ret_trace->span_id, bytes.data + sizeof ret_trace->trace_id, sizeof ret_trace->span_id);
	ret_trace->flags = (uint8_t)bytes.data[bytes.length - 1];
	return true;
}

static bool read_idempotency(sqlite3_stmt *statement, int index, struct idempotency *ret_idempotency)
{
	struct slice key = column_text(statement, index), fingerprint = column_text(statement, index + 1);
	if (key.data == NULL)
		return true;
	if (key.length != KEY_HASH_LENGTH || fingerprint.length != KEY_HASH_LENGTH)
		return false;
	ret_idempotency->is_present = true;
	memcpy(ret_idempotency->key, key.data, KEY_HASH_LENGTH);
	memcpy(ret_idempotency->fingerprint, fingerprint.data, KEY_HASH_LENGTH);
	return true;
}

bool sqlite_read_event(sqlite3_stmt *statement, struct arena *arena, struct event_record *ret_record)
{
	*ret_record = (struct event_record){
		.id = column_uuid(statement, 0),
		.stream_id = column_uuid(statement, 1),
		.sequence = (uint32_t)column_uint(statement, 2),
		.type = (enum event_type)column_uint(statement, 3),
		.occurred_at_ms = column_uint(statement, 4),
		.actor = column_copy(statement, 5, arena),
		.data = column_copy(statement, 9, arena),
	};
	return read_trace(statement, 6, &ret_record->trace) && read_idempotency(statement, 7, &ret_record->idempotency) &&
	       ret_record->actor.data != NULL && ret_record->data.data != NULL && ret_record->type < EVENT_TYPE_COUNT;
}
