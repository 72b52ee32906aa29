/* stored.c: columns to rows. Everything is checked: a row that cannot be right is reported, never believed. */
#include "adapters/sql/stored.h"

#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/hlc.h"
#include "base/time.h"

static int64_t get_int(struct columns columns, int column)
{
	assert(columns.operations != NULL && column >= 0);
	return columns.operations->get_int(columns.source, column);
}

static uint64_t get_uint(struct columns columns, int column)
{
	int64_t value = get_int(columns, column);
	return value < 0 ? 0 : (uint64_t)value;
}

/* Of a code or a count; one that is too large for it is none that is known. */
static uint32_t get_uint32(struct columns columns, int column)
{
	uint64_t value = get_uint(columns, column);
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static struct slice get_text(struct columns columns, int column)
{
	assert(columns.operations != NULL && column >= 0);
	return columns.operations->get_text(columns.source, column);
}

static struct slice copy_text(struct columns columns, int column, struct arena *arena)
{
	assert(arena != NULL);
	return arena_copy(arena, get_text(columns, column));
}

/* One of another length is the nil one. */
static struct uuid get_uuid(struct columns columns, int column)
{
	struct uuid uuid = {0};
	struct slice bytes = get_text(columns, column);
	if (bytes.length == sizeof uuid.bytes)
		memcpy(uuid.bytes, bytes.data, sizeof uuid.bytes);
	return uuid;
}

/* A stamp of a clock that has not left the time that can be written; 0 would mean that there is no row. */
static bool read_version(struct columns columns, int column, struct row *row)
{
	assert(row != NULL);
	row->version = get_uint(columns, column);
	row->stored_version = row->version;
	return row->version > 0 && hlc_milliseconds(row->version) <= TIME_MS_MAX;
}

static bool read_short_text(struct columns columns, int column, struct short_text *ret_text)
{
	assert(ret_text != NULL);
	struct slice text = get_text(columns, column);
	if (text.length > SHORT_TEXT_LENGTH_MAX)
		return false;
	*ret_text = short_text_of(text);
	return true;
}

static bool read_label(struct slice text, struct seat_label *ret_label)
{
	assert(ret_label != NULL);
	if (text.length == 0 || text.length > SEAT_LABEL_LENGTH_MAX)
		return false;
	*ret_label = seat_label_of(text);
	return true;
}

static bool read_currency(struct columns columns, int column, struct currency *ret_currency)
{
	assert(ret_currency != NULL);
	struct slice code = get_text(columns, column);
	if (code.length + 1 != sizeof ret_currency->code)
		return false;
	memcpy(ret_currency->code, code.data, code.length);
	ret_currency->code[code.length] = '\0';
	return true;
}

bool stored_sale_read(struct columns columns, struct sale *ret_sale)
{
	assert(ret_sale != NULL);
	*ret_sale = (struct sale){
		.row = {.kind = ROW_SALE},
		.event_id = get_uuid(columns, 0),
		.sequence = get_uint32(columns, 1),
		.status = (enum sale_status)get_uint32(columns, 2),
		.on_sale_from_ms = get_uint(columns, 4),
		.on_sale_until_ms = get_uint(columns, 5),
		.seat_count = get_uint32(columns, 6),
		.is_settled = get_int(columns, 7) != 0,
	};
	return read_version(columns, 8, &ret_sale->row) && read_currency(columns, 3, &ret_sale->currency) &&
	       ret_sale->status >= SALE_ON_SALE && ret_sale->status <= SALE_CANCELLED;
}

bool stored_seat_read(struct columns columns, struct seat *ret_seat)
{
	assert(ret_seat != NULL);
	*ret_seat = (struct seat){
		.row = {.kind = ROW_SEAT},
		.event_id = get_uuid(columns, 0),
		.status = (enum seat_status)get_uint32(columns, 2),
		.holder_id = get_uuid(columns, 3),
		.price = get_int(columns, 4),
	};
	return read_version(columns, 5, &ret_seat->row) && read_label(get_text(columns, 1), &ret_seat->label) &&
	       ret_seat->status >= SEAT_AVAILABLE && ret_seat->status <= SEAT_SOLD;
}

bool stored_hold_read(struct columns columns, struct seat_label seats[static SEATS_PER_HOLD_LIMIT], struct hold *ret_hold)
{
	assert(ret_hold != NULL);
	*ret_hold = (struct hold){
		.row = {.kind = ROW_HOLD},
		.hold_id = get_uuid(columns, 0),
		.event_id = get_uuid(columns, 1),
		.sequence = get_uint32(columns, 3),
		.status = (enum hold_status)get_uint32(columns, 4),
		.created_at_ms = get_uint(columns, 5),
		.expires_at_ms = get_uint(columns, 6),
		.seats = seats,
	};
	struct slice rest = get_text(columns, 7), label;
	while (rest.length > 0 && slice_cut(&rest, '\n', &label)) {
		if (ret_hold->seat_count == SEATS_PER_HOLD_LIMIT || !read_label(label, &seats[ret_hold->seat_count]))
			return false;
		ret_hold->seat_count++;
	}
	return read_version(columns, 8, &ret_hold->row) && read_short_text(columns, 2, &ret_hold->user) && ret_hold->seat_count > 0 &&
	       ret_hold->status >= HOLD_ACTIVE && ret_hold->status <= HOLD_EXPIRED;
}

bool stored_order_read(struct columns columns, struct order_item items[static SEATS_PER_HOLD_LIMIT], struct order *ret_order)
{
	assert(ret_order != NULL);
	*ret_order = (struct order){
		.row = {.kind = ROW_ORDER},
		.order_id = get_uuid(columns, 0),
		.hold_id = get_uuid(columns, 1),
		.event_id = get_uuid(columns, 2),
		.sequence = get_uint32(columns, 4),
		.status = (enum order_status)get_uint32(columns, 5),
		.payment_method = (enum payment_method)get_uint32(columns, 6),
		.total = get_int(columns, 8),
		.paid = get_int(columns, 9),
		.kept = get_int(columns, 10),
		.refunds_due = get_int(columns, 11),
		.refunded = get_int(columns, 12),
		.refund_count = get_uint32(columns, 13),
		.refunds_open = get_uint32(columns, 14),
		.created_at_ms = get_uint(columns, 16),
		.pay_by_ms = get_uint(columns, 17),
		.items = items,
	};
	struct slice rest = get_text(columns, 18), line, price;
	uint64_t item_price;
	while (rest.length > 0 && slice_cut(&rest, '\n', &line)) {
		if (ret_order->item_count == SEATS_PER_HOLD_LIMIT || !slice_cut(&line, ' ', &price))
			return false;
		struct order_item *item = &items[ret_order->item_count++];
		if (!decimal_parse(price, MONEY_MAX, &item_price) || !read_label(line, &item->seat))
			return false;
		item->price = (int64_t)item_price;
	}
	return read_version(columns, 19, &ret_order->row) && read_short_text(columns, 3, &ret_order->user) &&
	       read_short_text(columns, 15, &ret_order->paid_with) && read_currency(columns, 7, &ret_order->currency) &&
	       ret_order->item_count > 0 && ret_order->status >= ORDER_PENDING && ret_order->status <= ORDER_CANCELLED &&
	       ret_order->payment_method >= PAYMENT_METHOD_CARD && ret_order->payment_method <= PAYMENT_METHOD_TRANSFER;
}

bool stored_payment_read(struct columns columns, struct payment *ret_payment)
{
	assert(ret_payment != NULL);
	*ret_payment = (struct payment){
		.row = {.kind = ROW_PAYMENT},
		.order_id = get_uuid(columns, 1),
		.status = (enum payment_status)get_uint32(columns, 2),
		.amount = get_int(columns, 3),
		.refund_ids = {get_uuid(columns, 5), get_uuid(columns, 6)},
		.applied_by = get_uuid(columns, 7),
	};
	return read_version(columns, 8, &ret_payment->row) && read_currency(columns, 4, &ret_payment->currency) &&
	       read_short_text(columns, 0, &ret_payment->transaction_id) && ret_payment->status >= PAYMENT_SUCCEEDED &&
	       ret_payment->status <= PAYMENT_FAILED;
}

bool stored_refund_read(struct columns columns, struct refund *ret_refund)
{
	assert(ret_refund != NULL);
	*ret_refund = (struct refund){
		.row = {.kind = ROW_REFUND},
		.refund_id = get_uuid(columns, 0),
		.order_id = get_uuid(columns, 1),
		.event_id = get_uuid(columns, 2),
		.amount = get_int(columns, 4),
		.reason = (enum refund_reason)get_uint32(columns, 6),
		.status = (enum refund_status)get_uint32(columns, 7),
		.created_at_ms = get_uint(columns, 8),
		.done_at_ms = get_uint(columns, 9),
		.closed_by = get_uuid(columns, 10),
	};
	return read_version(columns, 11, &ret_refund->row) && read_short_text(columns, 3, &ret_refund->transaction_id) &&
	       read_currency(columns, 5, &ret_refund->currency) && ret_refund->amount > 0 && ret_refund->reason >= REFUND_LATE_PAYMENT &&
	       ret_refund->reason <= REFUND_EVENT_CANCELLED && ret_refund->status >= REFUND_DUE && ret_refund->status <= REFUND_DONE;
}

bool stored_account_read(struct columns columns, struct sale_account *ret_account)
{
	assert(ret_account != NULL);
	*ret_account = (struct sale_account){
		.active_holds = get_uint(columns, 0),
		.pending_orders = get_uint(columns, 1),
		.paid_orders = get_uint(columns, 2),
		.paid = get_int(columns, 3),
		.is_settled = get_int(columns, 5) != 0,
	};
	return read_currency(columns, 4, &ret_account->currency);
}

/* A hold whose seats are in the arena too. */
static bool read_hold_in_arena(struct columns columns, struct arena *arena, struct hold *ret_hold)
{
	assert(arena != NULL);
	struct seat_label seats[SEATS_PER_HOLD_LIMIT];
	if (!stored_hold_read(columns, seats, ret_hold))
		return false;
	ret_hold->seats = arena_allocate_array(arena, ret_hold->seat_count, sizeof *seats);
	if (ret_hold->seats != NULL)
		memcpy(ret_hold->seats, seats, ret_hold->seat_count * sizeof *seats);
	return ret_hold->seats != NULL;
}

static bool read_order_in_arena(struct columns columns, struct arena *arena, struct order *ret_order)
{
	assert(arena != NULL);
	struct order_item items[SEATS_PER_HOLD_LIMIT];
	if (!stored_order_read(columns, items, ret_order))
		return false;
	ret_order->items = arena_allocate_array(arena, ret_order->item_count, sizeof *items);
	if (ret_order->items != NULL)
		memcpy(ret_order->items, items, ret_order->item_count * sizeof *items);
	return ret_order->items != NULL;
}

static const size_t sizes[ROW_KEY] = {
	[ROW_SALE] = sizeof(struct sale),   [ROW_SEAT] = sizeof(struct seat),       [ROW_HOLD] = sizeof(struct hold),
	[ROW_ORDER] = sizeof(struct order), [ROW_PAYMENT] = sizeof(struct payment), [ROW_REFUND] = sizeof(struct refund),
};

const struct row *stored_row_read(struct columns columns, enum row_kind kind, struct arena *arena)
{
	assert(arena != NULL);
	assert(kind < ROW_KEY);
	void *row = arena_allocate(arena, sizes[kind]);
	bool is_right = false;
	if (row == NULL)
		return NULL;
	if (kind == ROW_SALE)
		is_right = stored_sale_read(columns, row);
	else if (kind == ROW_SEAT)
		is_right = stored_seat_read(columns, row);
	else if (kind == ROW_HOLD)
		is_right = read_hold_in_arena(columns, arena, row);
	else if (kind == ROW_ORDER)
		is_right = read_order_in_arena(columns, arena, row);
	else if (kind == ROW_PAYMENT)
		is_right = stored_payment_read(columns, row);
	else
		is_right = stored_refund_read(columns, row);
	return is_right ? row : NULL;
}

static bool read_key(struct columns columns, enum row_kind kind, void *row)
{
	struct uuid id = get_uuid(columns, 0);
	((struct row *)row)->kind = kind;
	switch (kind) {
	case ROW_SALE:
		((struct sale *)row)->event_id = id;
		return !uuid_is_nil(&id);
	case ROW_SEAT:
		((struct seat *)row)->event_id = id;
		return !uuid_is_nil(&id) && read_label(get_text(columns, 1), &((struct seat *)row)->label);
	case ROW_HOLD:
		((struct hold *)row)->hold_id = id;
		return !uuid_is_nil(&id);
	case ROW_ORDER:
		((struct order *)row)->order_id = id;
		return !uuid_is_nil(&id);
	case ROW_REFUND:
		((struct refund *)row)->refund_id = id;
		return !uuid_is_nil(&id);
	default:
		assert(kind == ROW_PAYMENT);
		return read_short_text(columns, 0, &((struct payment *)row)->transaction_id);
	}
}

const struct row *stored_row_scan(struct columns columns, enum row_kind kind, struct arena *arena)
{
	const struct row *row = stored_row_read(columns, kind, arena);
	if (row != NULL)
		return row;
	void *key = arena_allocate_array(arena, 1, sizes[kind]);
	return key != NULL && read_key(columns, kind, key) ? key : NULL;
}

/* A later version may keep more behind it: programs of this one then read on. */
static bool read_trace(struct columns columns, int column, struct trace_context *ret_trace)
{
	assert(ret_trace != NULL);
	struct slice bytes = get_text(columns, column);
	if (bytes.length < TRACE_BYTES)
		return false;
	memcpy(ret_trace->trace_id, bytes.data, sizeof ret_trace->trace_id);
	memcpy(ret_trace->span_id, bytes.data + sizeof ret_trace->trace_id, sizeof ret_trace->span_id);
	ret_trace->flags = (uint8_t)bytes.data[TRACE_BYTES - 1];
	return true;
}

static bool read_idempotency(struct columns columns, int column, struct idempotency *ret_idempotency)
{
	assert(ret_idempotency != NULL && !ret_idempotency->is_present);
	struct slice key = get_text(columns, column), fingerprint = get_text(columns, column + 1);
	if (key.data == NULL)
		return true;
	if (key.length != KEY_HASH_LENGTH || fingerprint.length != KEY_HASH_LENGTH)
		return false;
	ret_idempotency->is_present = true;
	memcpy(ret_idempotency->key, key.data, KEY_HASH_LENGTH);
	memcpy(ret_idempotency->fingerprint, fingerprint.data, KEY_HASH_LENGTH);
	return true;
}

bool stored_event_read(struct columns columns, struct arena *arena, struct event_record *ret_record)
{
	assert(arena != NULL && ret_record != NULL);
	*ret_record = (struct event_record){
		.id = get_uuid(columns, 0),
		.stream_id = get_uuid(columns, 1),
		.sequence = get_uint32(columns, 2),
		.type = (enum event_type)get_uint32(columns, 3),
		.occurred_at_ms = get_uint(columns, 4),
		.actor = copy_text(columns, 5, arena),
		.data = copy_text(columns, 9, arena),
	};
	return read_trace(columns, 6, &ret_record->trace) && read_idempotency(columns, 7, &ret_record->idempotency) &&
	       ret_record->actor.data != NULL && ret_record->data.data != NULL && ret_record->type > EVENT_NONE &&
	       ret_record->type < EVENT_TYPE_COUNT;
}

bool stored_catalog_entry_read(struct columns columns, struct arena *arena, struct catalog_entry *ret_entry)
{
	assert(arena != NULL && ret_entry != NULL);
	*ret_entry = (struct catalog_entry){
		.event_id = get_uuid(columns, 0),
		.details =
			{
				.name = copy_text(columns, 1, arena),
				.venue = copy_text(columns, 2, arena),
				.description = copy_text(columns, 3, arena),
				.starts_at_ms = get_uint(columns, 4),
			},
		.status = (enum sale_status)get_uint32(columns, 5),
		.on_sale_from_ms = get_uint(columns, 7),
		.on_sale_until_ms = get_uint(columns, 8),
		.seat_count = get_uint32(columns, 9),
		.created_at_ms = get_uint(columns, 10),
		.version = get_uint(columns, 11),
	};
	return read_currency(columns, 6, &ret_entry->currency) && ret_entry->details.name.data != NULL &&
	       ret_entry->details.venue.data != NULL && ret_entry->details.description.data != NULL && ret_entry->status >= SALE_ON_SALE &&
	       ret_entry->status <= SALE_CANCELLED;
}
