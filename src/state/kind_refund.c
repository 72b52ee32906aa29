/* kind_refund.c: the rows of refunds. */
#include <assert.h>

#include "domain/refund.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(refund, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_UUID, order_id, "order_id"),
	FIELD(FIELD_UUID, event_id, "event_id"),
	FIELD(FIELD_TEXT, transaction_id, "transaction_id"),
	FIELD(FIELD_UINT64, amount, "amount"),
	FIELD(FIELD_CURRENCY, currency, "currency"),
	FIELD(FIELD_ENUM, reason, "reason"),
	FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_UINT64, created_at_ms, "created_at"),
	FIELD(FIELD_UINT64, done_at_ms, "done_at"),
	FIELD(FIELD_UUID, closed_by, "closed_by"),
};

static const struct refund *refund_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_REFUND);
	return ROW_AS(refund, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_uuid(ROW_REFUND, &refund_of(row)->refund_id);
}

static size_t answer_size(const struct row *row)
{
	return ROW_AS(refund, row)->answer.length;
}

static const struct row_tail answer = {.pointer_offset = offsetof(struct refund, answer.data), .size = answer_size};

const struct row_descriptor row_of_refund = {
	.name = "refund",
	.size = sizeof(struct refund),
	.key = key_of,
	.stream_offset = offsetof(struct refund, order_id),
	ROW_FIELDS(fields),
	.tail = &answer,
};

const struct refund *view_refund(const struct view *view, const struct uuid *refund_id)
{
	assert(view != NULL && refund_id != NULL);
	struct row_key key = row_key_of_uuid(ROW_REFUND, refund_id);
	return view_find(view, &key);
}

struct refund *view_put_refund(struct view *view, const struct refund *refund)
{
	assert(view != NULL && refund != NULL);
	return view_put(view, ROW_REFUND, &refund->row);
}

struct refund *view_replace_refund(struct view *view, const struct refund *refund)
{
	return view_replace(view, ROW_REFUND, &refund->row);
}
