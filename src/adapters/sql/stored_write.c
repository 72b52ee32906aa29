/* stored_write.c: rows to columns. */
#include "adapters/sql/stored_write.h"

#include <assert.h>
#include <string.h>

#define AS(type, row) ((const struct type *)(const void *)(row))

static void put_int(struct places places, uint32_t index, int64_t value)
{
	assert(places.operations != NULL);
	places.operations->put_int(places.target, index, value);
}

/* Databases have no greater integers. */
static void put_uint(struct places places, uint32_t index, uint64_t value)
{
	put_int(places, index, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void put_text(struct places places, uint32_t index, struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	places.operations->put_text(places.target, index, text);
}

static void put_name(struct places places, uint32_t index, struct slice name)
{
	assert(name.data != NULL || name.length == 0);
	places.operations->put_name(places.target, index, name);
}

static void put_uuid(struct places places, uint32_t index, const struct uuid *id)
{
	places.operations->put_uuid(places.target, index, id);
}

static void put_sale(struct places places, const struct sale *sale)
{
	assert(sale->row.kind == ROW_SALE);
	put_uuid(places, 0, &sale->event_id);
	put_int(places, 1, sale->sequence);
	put_int(places, 2, sale->status);
	put_text(places, 3, slice_of(sale->currency.code));
	put_uint(places, 4, sale->on_sale_from_ms);
	put_uint(places, 5, sale->on_sale_until_ms);
	put_int(places, 6, sale->seat_count);
	put_int(places, 7, sale->is_settled);
	put_uint(places, 8, sale->row.version);
}

static void put_hold(struct places places, const struct hold *hold, struct buffer *scratch)
{
	assert(hold->row.kind == ROW_HOLD);
	assert(hold->seat_count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < hold->seat_count; i++) {
		buffer_append_slice(scratch, seat_label_slice(&hold->seats[i]));
		buffer_append_byte(scratch, '\n');
	}
	put_uuid(places, 0, &hold->hold_id);
	put_uuid(places, 1, &hold->event_id);
	put_text(places, 2, short_text_slice(&hold->user));
	put_int(places, 3, hold->sequence);
	put_int(places, 4, hold->status);
	put_uint(places, 5, hold->created_at_ms);
	put_uint(places, 6, hold->expires_at_ms);
	put_text(places, 7, buffer_slice(scratch));
	put_uint(places, 8, hold->row.version);
}

/* paid, kept, refunds_due, refunded, refund_count, refunds_open, paid_with: from that index on. */
static void put_account(struct places places, uint32_t index, const struct order *order)
{
	assert(order->row.kind == ROW_ORDER);
	put_int(places, index, order->paid);
	put_int(places, index + 1, order->kept);
	put_int(places, index + 2, order->refunds_due);
	put_int(places, index + 3, order->refunded);
	put_int(places, index + 4, order->refund_count);
	put_int(places, index + 5, order->refunds_open);
	put_name(places, index + 6, short_text_slice(&order->paid_with));
}

static void put_order(struct places places, const struct order *order, struct buffer *scratch)
{
	assert(order->row.kind == ROW_ORDER);
	assert(order->item_count <= SEATS_PER_HOLD_LIMIT);
	for (uint32_t i = 0; i < order->item_count; i++) {
		buffer_append_int(scratch, order->items[i].price);
		buffer_append_byte(scratch, ' ');
		buffer_append_slice(scratch, seat_label_slice(&order->items[i].seat));
		buffer_append_byte(scratch, '\n');
	}
	put_uuid(places, 0, &order->order_id);
	put_uuid(places, 1, &order->hold_id);
	put_uuid(places, 2, &order->event_id);
	put_text(places, 3, short_text_slice(&order->user));
	put_int(places, 4, order->sequence);
	put_int(places, 5, order->status);
	put_int(places, 6, order->payment_method);
	put_text(places, 7, slice_of(order->currency.code));
	put_int(places, 8, order->total);
	put_account(places, 9, order);
	put_uint(places, 16, order->created_at_ms);
	put_uint(places, 17, order->pay_by_ms);
	put_text(places, 18, buffer_slice(scratch));
	put_uint(places, 19, order->row.version);
}

/* status, amount, currency, refund_id, second_refund_id, applied_by, version: from that index on. */
static void put_payment_change(struct places places, uint32_t index, const struct payment *payment)
{
	assert(payment->row.kind == ROW_PAYMENT);
	put_int(places, index, payment->status);
	put_int(places, index + 1, payment->amount);
	put_text(places, index + 2, slice_of(payment->currency.code));
	put_uuid(places, index + 3, &payment->refund_ids[0]);
	put_uuid(places, index + 4, &payment->refund_ids[1]);
	put_uuid(places, index + 5, &payment->applied_by);
	put_uint(places, index + 6, payment->row.version);
}

static void put_refund(struct places places, const struct refund *refund)
{
	assert(refund->row.kind == ROW_REFUND);
	put_uuid(places, 0, &refund->refund_id);
	put_uuid(places, 1, &refund->order_id);
	put_uuid(places, 2, &refund->event_id);
	put_name(places, 3, short_text_slice(&refund->transaction_id));
	put_int(places, 4, refund->amount);
	put_text(places, 5, slice_of(refund->currency.code));
	put_int(places, 6, refund->reason);
	put_int(places, 7, refund->status);
	put_uint(places, 8, refund->created_at_ms);
	put_uint(places, 9, refund->done_at_ms);
	put_uuid(places, 10, &refund->closed_by);
	put_uint(places, 11, refund->row.version);
}

bool stored_row_put(struct places places, const struct row *row, struct buffer *scratch)
{
	assert(row != NULL && row->stored_version == 0);
	assert(scratch != NULL);
	buffer_clear(scratch);
	switch (row->kind) {
	case ROW_SALE:
		put_sale(places, AS(sale, row));
		break;
	case ROW_HOLD:
		put_hold(places, AS(hold, row), scratch);
		break;
	case ROW_ORDER:
		put_order(places, AS(order, row), scratch);
		break;
	case ROW_PAYMENT:
		put_name(places, 0, short_text_slice(&AS(payment, row)->transaction_id));
		put_uuid(places, 1, &AS(payment, row)->order_id);
		put_payment_change(places, 2, AS(payment, row));
		break;
	default:
		assert(row->kind == ROW_REFUND);
		put_refund(places, AS(refund, row));
	}
	return !scratch->failed;
}

uint32_t stored_key_put(struct places places, uint32_t index, const struct row *row)
{
	assert(row != NULL);
	switch (row->kind) {
	case ROW_SALE:
		put_uuid(places, index, &AS(sale, row)->event_id);
		return index + 1;
	case ROW_SEAT:
		put_uuid(places, index, &AS(seat, row)->event_id);
		put_name(places, index + 1, seat_label_slice(&AS(seat, row)->label));
		return index + 2;
	case ROW_HOLD:
		put_uuid(places, index, &AS(hold, row)->hold_id);
		return index + 1;
	case ROW_ORDER:
		put_uuid(places, index, &AS(order, row)->order_id);
		return index + 1;
	case ROW_REFUND:
		put_uuid(places, index, &AS(refund, row)->refund_id);
		return index + 1;
	default:
		assert(row->kind == ROW_PAYMENT);
		put_name(places, index, short_text_slice(&AS(payment, row)->transaction_id));
		return index + 1;
	}
}

void stored_change_put(struct places places, uint32_t index, const struct row *row)
{
	assert(row != NULL && row->stored_version != 0);
	switch (row->kind) {
	case ROW_SALE:
		put_int(places, index, AS(sale, row)->sequence);
		put_int(places, index + 1, AS(sale, row)->status);
		put_uint(places, index + 2, row->version);
		put_int(places, index + 3, AS(sale, row)->is_settled);
		break;
	case ROW_SEAT:
		put_int(places, index, AS(seat, row)->status);
		put_uuid(places, index + 1, &AS(seat, row)->holder_id);
		put_uint(places, index + 2, row->version);
		break;
	case ROW_HOLD:
		put_int(places, index, AS(hold, row)->sequence);
		put_int(places, index + 1, AS(hold, row)->status);
		put_uint(places, index + 2, row->version);
		break;
	case ROW_ORDER:
		put_int(places, index, AS(order, row)->sequence);
		put_int(places, index + 1, AS(order, row)->status);
		put_uint(places, index + 2, row->version);
		put_account(places, index + 3, AS(order, row));
		break;
	case ROW_PAYMENT:
		put_payment_change(places, index, AS(payment, row));
		break;
	default:
		assert(row->kind == ROW_REFUND);
		put_int(places, index, AS(refund, row)->status);
		put_uint(places, index + 1, AS(refund, row)->done_at_ms);
		put_uuid(places, index + 2, &AS(refund, row)->closed_by);
		put_uint(places, index + 3, row->version);
	}
}

static void write_trace(const struct trace_context *trace, uint8_t bytes[static TRACE_BYTES])
{
	_Static_assert(sizeof trace->trace_id + sizeof trace->span_id + 1 == TRACE_BYTES, "its parts");
	memcpy(bytes, trace->trace_id, sizeof trace->trace_id);
	memcpy(bytes + sizeof trace->trace_id, trace->span_id, sizeof trace->span_id);
	bytes[TRACE_BYTES - 1] = trace->flags;
}

static const struct uuid *hash_as_uuid(const struct idempotency *idempotency, const uint8_t hash[static KEY_HASH_LENGTH])
{
	assert(idempotency != NULL);
	_Static_assert(sizeof(struct uuid) == KEY_HASH_LENGTH && _Alignof(struct uuid) == 1, "both are 16 bytes");
	return idempotency->is_present ? (const struct uuid *)(const void *)hash : NULL;
}

void stored_event_put(struct places places, const struct event *event, uint8_t trace[static TRACE_BYTES])
{
	assert(event != NULL);
	const struct idempotency *idempotency = &event->idempotency;
	write_trace(&event->trace, trace);
	put_uuid(places, 0, &event->id);
	put_uuid(places, 1, &event->stream_id);
	put_int(places, 2, event->sequence);
	put_int(places, 3, event->type);
	put_uint(places, 4, event->occurred_at_ms);
	put_text(places, 5, event->actor);
	places.operations->put_bytes(places.target, 6, (struct slice){.data = (const char *)trace, .length = TRACE_BYTES});
	put_uuid(places, 7, hash_as_uuid(idempotency, idempotency->key));
	put_uuid(places, 8, hash_as_uuid(idempotency, idempotency->fingerprint));
	put_text(places, 9, event->data);
}
