/* row_key.c: keys of all kinds as one kind of bytes. */
#include "domain/row_key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/hold.h"
#include "domain/key.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"

struct row_key row_key_of_uuid(enum row_kind kind, const struct uuid *id)
{
	struct row_key key;
	key.kind = kind;
	key.length = sizeof id->bytes;
	memcpy(key.bytes, id->bytes, sizeof id->bytes);
	return key;
}

struct row_key row_key_of_seat(const struct uuid *event_id, const struct seat_label *label)
{
	struct row_key key;
	key.kind = ROW_SEAT;
	key.length = sizeof event_id->bytes + label->length;
	memcpy(key.bytes, event_id->bytes, sizeof event_id->bytes);
	memcpy(key.bytes + sizeof event_id->bytes, label->text, label->length);
	return key;
}

struct row_key row_key_of_text(enum row_kind kind, const void *text, size_t length)
{
	struct row_key key;
	assert(length <= sizeof key.bytes);
	key.kind = kind;
	key.length = length;
	memcpy(key.bytes, text, length);
	return key;
}

struct row_key row_key_of_row(const struct row *row)
{
	switch (row->kind) {
	case ROW_SALE:
		return row_key_of_uuid(ROW_SALE, &((const struct sale *)(const void *)row)->event_id);
	case ROW_SEAT: {
		const struct seat *seat = (const struct seat *)(const void *)row;
		return row_key_of_seat(&seat->event_id, &seat->label);
	}
	case ROW_HOLD:
		return row_key_of_uuid(ROW_HOLD, &((const struct hold *)(const void *)row)->hold_id);
	case ROW_ORDER:
		return row_key_of_uuid(ROW_ORDER, &((const struct order *)(const void *)row)->order_id);
	case ROW_PAYMENT: {
		const struct payment *payment = (const struct payment *)(const void *)row;
		return row_key_of_text(ROW_PAYMENT, payment->transaction_id.text, payment->transaction_id.length);
	}
	case ROW_REFUND:
		return row_key_of_uuid(ROW_REFUND, &((const struct refund *)(const void *)row)->refund_id);
	case ROW_KEY:
		return row_key_of_text(ROW_KEY, ((const struct key *)(const void *)row)->idempotency.key, KEY_HASH_LENGTH);
	case ROW_KIND_COUNT:
		break;
	}
	assert(false && "a row has a kind");
	abort();
}

size_t row_size(enum row_kind kind)
{
	static const size_t sizes[ROW_KIND_COUNT] = {
		[ROW_SALE] = sizeof(struct sale),   [ROW_SEAT] = sizeof(struct seat),       [ROW_HOLD] = sizeof(struct hold),
		[ROW_ORDER] = sizeof(struct order), [ROW_PAYMENT] = sizeof(struct payment), [ROW_REFUND] = sizeof(struct refund),
		[ROW_KEY] = sizeof(struct key),
	};
	assert(kind < ROW_KIND_COUNT);
	return sizes[kind];
}
