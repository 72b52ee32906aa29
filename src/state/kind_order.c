/* kind_order.c: the rows of orders. */
#include <assert.h>

#include "domain/order.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(order, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_UUID, hold_id, "hold_id"),
	FIELD(FIELD_UUID, event_id, "event_id"),
	FIELD(FIELD_TEXT, user, "user_id"),
	FIELD(FIELD_UINT32, sequence, "sequence"),
	FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_ENUM, payment_method, "payment_method"),
	FIELD(FIELD_CURRENCY, currency, "currency"),
	FIELD(FIELD_UINT64, total, "total"),
	FIELD(FIELD_UINT64, paid, "paid"),
	FIELD(FIELD_UINT64, kept, "kept"),
	FIELD(FIELD_UINT64, refunds_due, "refunds_due"),
	FIELD(FIELD_UINT64, refunded, "refunded"),
	FIELD(FIELD_UINT32, refund_count, "refund_count"),
	FIELD(FIELD_UINT32, refunds_open, "refunds_open"),
	FIELD(FIELD_TEXT, paid_with, "paid_with"),
	FIELD(FIELD_UINT64, created_at_ms, "created_at"),
	FIELD(FIELD_UINT64, pay_by_ms, "pay_by"),
};

static const struct order *order_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_ORDER);
	return ROW_AS(order, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_uuid(ROW_ORDER, &order_of(row)->order_id);
}

static size_t items_size(const struct row *row)
{
	return ROW_AS(order, row)->item_count * sizeof(struct order_item);
}

static bool items_are_equal(const struct row *a, const struct row *b)
{
	assert(order_of(a)->item_count == order_of(b)->item_count);
	const struct order_item *left = order_of(a)->items, *right = order_of(b)->items;
	bool is_equal = true;
	for (uint32_t i = 0; is_equal && i < order_of(a)->item_count; i++)
		is_equal = seat_label_equal(&left[i].seat, &right[i].seat) && left[i].price == right[i].price;
	return is_equal;
}

static const struct row_tail items = {
	.pointer_offset = offsetof(struct order, items), .size = items_size, .name = "items", .is_equal = items_are_equal};

const struct row_descriptor row_of_order = {
	.name = "order",
	.size = sizeof(struct order),
	.key = key_of,
	.stream_offset = offsetof(struct order, order_id),
	ROW_FIELDS(fields),
	.tail = &items,
};

const struct order *view_order(const struct view *view, const struct uuid *order_id)
{
	assert(view != NULL && order_id != NULL);
	struct row_key key = row_key_of_uuid(ROW_ORDER, order_id);
	return view_find(view, &key);
}

struct order *view_put_order(struct view *view, const struct order *order)
{
	assert(view != NULL);
	assert(order->row.version == 0 || order->item_count > 0);
	return view_put(view, ROW_ORDER, &order->row);
}
