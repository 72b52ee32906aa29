/* kind_sale.c: the rows of sales. */
#include <assert.h>

#include "domain/sale.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(sale, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_UINT32, sequence, "sequence"),
	FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_CURRENCY, currency, "currency"),
	FIELD(FIELD_UINT64, on_sale_from_ms, "on_sale_from"),
	FIELD(FIELD_UINT64, on_sale_until_ms, "on_sale_until"),
	FIELD(FIELD_UINT32, seat_count, "seat_count"),
	FIELD(FIELD_BOOL, is_settled, "settled"),
};

static const struct sale *sale_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_SALE);
	return ROW_AS(sale, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_uuid(ROW_SALE, &sale_of(row)->event_id);
}

const struct row_descriptor row_of_sale = {
	.name = "sale",
	.size = sizeof(struct sale),
	.key = key_of,
	.stream_offset = offsetof(struct sale, event_id),
	ROW_FIELDS(fields),
};

const struct sale *view_sale(const struct view *view, const struct uuid *event_id)
{
	assert(view != NULL && event_id != NULL);
	struct row_key key = row_key_of_uuid(ROW_SALE, event_id);
	return view_find(view, &key);
}

struct sale *view_put_sale(struct view *view, const struct sale *sale)
{
	assert(view != NULL && sale != NULL);
	return view_put(view, ROW_SALE, &sale->row);
}
