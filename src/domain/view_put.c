/* view_put.c: rows of each kind are copied into a view, with what they point to behind them in one allocation. */
#include <stdlib.h>
#include <string.h>

#include "domain/view.h"
#include "domain/view_inside.h"

/* A copy of `source` with `tail` bytes behind it. */
static void *copy_row(const void *source, size_t size, const void *tail, size_t tail_size)
{
	char *copy = malloc(size + tail_size);
	if (copy == NULL)
		return NULL;
	memcpy(copy, source, size);
	if (tail_size > 0)
		memcpy(copy + size, tail, tail_size);
	return copy;
}

struct sale *view_put_sale(struct view *view, const struct sale *sale)
{
	struct sale *copy = copy_row(sale, sizeof *sale, NULL, 0);
	if (copy != NULL)
		view_insert_row(view, &copy->row, ROW_SALE, sale->row.version);
	return copy;
}

struct seat *view_put_seat(struct view *view, const struct seat *seat)
{
	struct seat *copy = copy_row(seat, sizeof *seat, NULL, 0);
	if (copy != NULL)
		view_insert_row(view, &copy->row, ROW_SEAT, seat->row.version);
	return copy;
}

struct hold *view_put_hold(struct view *view, const struct hold *hold)
{
	assert(hold->row.version == 0 || hold->seat_count > 0);
	size_t tail_size = hold->seat_count * sizeof *hold->seats;
	struct hold *copy = copy_row(hold, sizeof *hold, hold->seats, tail_size);
	if (copy == NULL)
		return NULL;
	copy->seats = tail_size == 0 ? NULL : (struct seat_label *)(void *)(copy + 1);
	view_insert_row(view, &copy->row, ROW_HOLD, hold->row.version);
	return copy;
}

struct order *view_put_order(struct view *view, const struct order *order)
{
	assert(order->row.version == 0 || order->item_count > 0);
	size_t tail_size = order->item_count * sizeof *order->items;
	struct order *copy = copy_row(order, sizeof *order, order->items, tail_size);
	if (copy == NULL)
		return NULL;
	copy->items = tail_size == 0 ? NULL : (struct order_item *)(void *)(copy + 1);
	view_insert_row(view, &copy->row, ROW_ORDER, order->row.version);
	return copy;
}

struct payment *view_put_payment(struct view *view, const struct payment *payment)
{
	struct payment *copy = copy_row(payment, sizeof *payment, payment->answer.data, payment->answer.length);
	if (copy == NULL)
		return NULL;
	copy->answer.data = (const char *)(copy + 1);
	view_insert_row(view, &copy->row, ROW_PAYMENT, payment->row.version);
	return copy;
}

struct payment *view_replace_payment(struct view *view, const struct payment *payment)
{
	struct payment *copy = copy_row(payment, sizeof *payment, payment->answer.data, payment->answer.length);
	if (copy == NULL)
		return NULL;
	copy->answer.data = (const char *)(copy + 1);
	view_swap_row(view, &copy->row);
	return copy;
}

struct refund *view_put_refund(struct view *view, const struct refund *refund)
{
	struct refund *copy = copy_row(refund, sizeof *refund, refund->answer.data, refund->answer.length);
	if (copy == NULL)
		return NULL;
	copy->answer.data = (const char *)(copy + 1);
	view_insert_row(view, &copy->row, ROW_REFUND, refund->row.version);
	return copy;
}

struct refund *view_replace_refund(struct view *view, const struct refund *refund)
{
	struct refund *copy = copy_row(refund, sizeof *refund, refund->answer.data, refund->answer.length);
	if (copy == NULL)
		return NULL;
	copy->answer.data = (const char *)(copy + 1);
	view_swap_row(view, &copy->row);
	return copy;
}

struct key *view_put_key(struct view *view, const struct key *key)
{
	struct key *copy = copy_row(key, sizeof *key, key->answer.data, key->answer.length);
	if (copy == NULL)
		return NULL;
	copy->answer.data = (const char *)(copy + 1);
	view_insert_row(view, &copy->row, ROW_KEY, key->row.version);
	return copy;
}
