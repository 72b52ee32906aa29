/* row_compare.c: field by field. */
#include "domain/row_compare.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"

#define AS(type, row) ((const struct type *)(const void *)(row))
#define DIFFERS_IF(condition, field) \
	if (condition) \
	return field

int row_key_compare(const struct row *a, const struct row *b)
{
	assert(a->kind == b->kind);
	switch (a->kind) {
	case ROW_SALE:
		return uuid_compare(&AS(sale, a)->event_id, &AS(sale, b)->event_id);
	case ROW_SEAT: {
		int order = uuid_compare(&AS(seat, a)->event_id, &AS(seat, b)->event_id);
		return order != 0 ? order : slice_compare(seat_label_slice(&AS(seat, a)->label), seat_label_slice(&AS(seat, b)->label));
	}
	case ROW_HOLD:
		return uuid_compare(&AS(hold, a)->hold_id, &AS(hold, b)->hold_id);
	case ROW_ORDER:
		return uuid_compare(&AS(order, a)->order_id, &AS(order, b)->order_id);
	case ROW_PAYMENT:
		return slice_compare(short_text_slice(&AS(payment, a)->transaction_id), short_text_slice(&AS(payment, b)->transaction_id));
	case ROW_REFUND:
		return uuid_compare(&AS(refund, a)->refund_id, &AS(refund, b)->refund_id);
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	assert(false && "a row that is compared is of the store's");
	abort();
}

static const char *sale_difference(const struct sale *a, const struct sale *b)
{
	DIFFERS_IF(a->sequence != b->sequence, "sequence");
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(strcmp(a->currency.code, b->currency.code) != 0, "currency");
	DIFFERS_IF(a->on_sale_from_ms != b->on_sale_from_ms, "on_sale_from");
	DIFFERS_IF(a->on_sale_until_ms != b->on_sale_until_ms, "on_sale_until");
	DIFFERS_IF(a->seat_count != b->seat_count, "seat_count");
	DIFFERS_IF(a->is_settled != b->is_settled, "settled");
	return NULL;
}

static const char *seat_difference(const struct seat *a, const struct seat *b)
{
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(!uuid_equal(&a->holder_id, &b->holder_id), "holder_id");
	DIFFERS_IF(a->price != b->price, "price");
	return NULL;
}

static const char *hold_difference(const struct hold *a, const struct hold *b)
{
	DIFFERS_IF(!uuid_equal(&a->event_id, &b->event_id), "event_id");
	DIFFERS_IF(!short_text_equal(&a->user, &b->user), "user_id");
	DIFFERS_IF(a->sequence != b->sequence, "sequence");
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(a->created_at_ms != b->created_at_ms, "created_at");
	DIFFERS_IF(a->expires_at_ms != b->expires_at_ms, "expires_at");
	DIFFERS_IF(a->seat_count != b->seat_count, "seats");
	for (uint32_t i = 0; i < a->seat_count; i++)
		DIFFERS_IF(!seat_label_equal(&a->seats[i], &b->seats[i]), "seats");
	return NULL;
}

static const char *order_difference(const struct order *a, const struct order *b)
{
	DIFFERS_IF(!uuid_equal(&a->hold_id, &b->hold_id), "hold_id");
	DIFFERS_IF(!uuid_equal(&a->event_id, &b->event_id), "event_id");
	DIFFERS_IF(!short_text_equal(&a->user, &b->user), "user_id");
	DIFFERS_IF(a->sequence != b->sequence, "sequence");
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(a->payment_method != b->payment_method, "payment_method");
	DIFFERS_IF(strcmp(a->currency.code, b->currency.code) != 0, "currency");
	DIFFERS_IF(a->total != b->total, "total");
	DIFFERS_IF(a->paid != b->paid, "paid");
	DIFFERS_IF(a->kept != b->kept, "kept");
	DIFFERS_IF(a->refunds_due != b->refunds_due, "refunds_due");
	DIFFERS_IF(a->refunded != b->refunded, "refunded");
	DIFFERS_IF(a->refund_count != b->refund_count, "refund_count");
	DIFFERS_IF(a->refunds_open != b->refunds_open, "refunds_open");
	DIFFERS_IF(!short_text_equal(&a->paid_with, &b->paid_with), "paid_with");
	DIFFERS_IF(a->created_at_ms != b->created_at_ms, "created_at");
	DIFFERS_IF(a->pay_by_ms != b->pay_by_ms, "pay_by");
	DIFFERS_IF(a->item_count != b->item_count, "items");
	for (uint32_t i = 0; i < a->item_count; i++)
		DIFFERS_IF(!seat_label_equal(&a->items[i].seat, &b->items[i].seat) || a->items[i].price != b->items[i].price, "items");
	return NULL;
}

static const char *payment_difference(const struct payment *a, const struct payment *b)
{
	DIFFERS_IF(!uuid_equal(&a->order_id, &b->order_id), "order_id");
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(a->amount != b->amount, "amount");
	DIFFERS_IF(strcmp(a->currency.code, b->currency.code) != 0, "currency");
	for (uint32_t i = 0; i < REFUNDS_PER_PAYMENT_MAX; i++)
		DIFFERS_IF(!uuid_equal(&a->refund_ids[i], &b->refund_ids[i]), "refund_ids");
	DIFFERS_IF(!uuid_equal(&a->applied_by, &b->applied_by), "applied_by");
	return NULL;
}

static const char *refund_difference(const struct refund *a, const struct refund *b)
{
	DIFFERS_IF(!uuid_equal(&a->order_id, &b->order_id), "order_id");
	DIFFERS_IF(!uuid_equal(&a->event_id, &b->event_id), "event_id");
	DIFFERS_IF(!short_text_equal(&a->transaction_id, &b->transaction_id), "transaction_id");
	DIFFERS_IF(a->amount != b->amount, "amount");
	DIFFERS_IF(strcmp(a->currency.code, b->currency.code) != 0, "currency");
	DIFFERS_IF(a->reason != b->reason, "reason");
	DIFFERS_IF(a->status != b->status, "status");
	DIFFERS_IF(a->created_at_ms != b->created_at_ms, "created_at");
	DIFFERS_IF(a->done_at_ms != b->done_at_ms, "done_at");
	DIFFERS_IF(!uuid_equal(&a->closed_by, &b->closed_by), "closed_by");
	return NULL;
}

const char *row_difference(const struct row *a, const struct row *b)
{
	assert(row_key_compare(a, b) == 0);
	const char *difference = NULL;
	switch (a->kind) {
	case ROW_SALE:
		difference = sale_difference(AS(sale, a), AS(sale, b));
		break;
	case ROW_SEAT:
		difference = seat_difference(AS(seat, a), AS(seat, b));
		break;
	case ROW_HOLD:
		difference = hold_difference(AS(hold, a), AS(hold, b));
		break;
	case ROW_ORDER:
		difference = order_difference(AS(order, a), AS(order, b));
		break;
	case ROW_PAYMENT:
		difference = payment_difference(AS(payment, a), AS(payment, b));
		break;
	case ROW_REFUND:
		difference = refund_difference(AS(refund, a), AS(refund, b));
		break;
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	return difference == NULL && a->version != b->version ? "version" : difference;
}

struct uuid row_stream(const struct row *row)
{
	switch (row->kind) {
	case ROW_SEAT: {
		const struct seat *seat = AS(seat, row);
		bool is_held = seat->status != SEAT_AVAILABLE && !uuid_is_nil(&seat->holder_id); /* a damaged row may say only the one */
		return is_held ? seat->holder_id : seat->event_id;
	}
	case ROW_HOLD:
		return AS(hold, row)->hold_id;
	case ROW_ORDER:
		return AS(order, row)->order_id;
	case ROW_PAYMENT:
		return AS(payment, row)->order_id;
	case ROW_REFUND:
		return AS(refund, row)->order_id;
	default:
		return AS(sale, row)->event_id;
	}
}
