/* kind_payment.c: the rows of payments. */
#include <assert.h>

#include "domain/payment.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(payment, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_UUID, order_id, "order_id"),        FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_UINT64, amount, "amount"),          FIELD(FIELD_CURRENCY, currency, "currency"),
	FIELD(FIELD_UUID, refund_ids[0], "refund_ids"), FIELD(FIELD_UUID, refund_ids[1], "refund_ids"),
	FIELD(FIELD_UUID, applied_by, "applied_by"),
};

_Static_assert(REFUNDS_PER_PAYMENT_MAX == 2, "the fields name them");

static const struct payment *payment_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_PAYMENT);
	return ROW_AS(payment, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_payment(&payment_of(row)->transaction_id);
}

static size_t answer_size(const struct row *row)
{
	return ROW_AS(payment, row)->answer.length;
}

static const struct row_tail answer = {.pointer_offset = offsetof(struct payment, answer.data), .size = answer_size};

const struct row_descriptor row_of_payment = {
	.name = "payment",
	.size = sizeof(struct payment),
	.key = key_of,
	.stream_offset = offsetof(struct payment, order_id),
	ROW_FIELDS(fields),
	.tail = &answer,
};

const struct payment *view_payment(const struct view *view, const struct short_text *transaction_id)
{
	assert(view != NULL && transaction_id != NULL);
	struct row_key key = row_key_of_payment(transaction_id);
	return view_find(view, &key);
}

struct payment *view_put_payment(struct view *view, const struct payment *payment)
{
	assert(view != NULL && payment != NULL);
	return view_put(view, ROW_PAYMENT, &payment->row);
}

struct payment *view_replace_payment(struct view *view, const struct payment *payment)
{
	return view_replace(view, ROW_PAYMENT, &payment->row);
}
