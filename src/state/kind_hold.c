/* kind_hold.c: the rows of holds. */
#include <assert.h>

#include "domain/hold.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(hold, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_UUID, event_id, "event_id"),          FIELD(FIELD_TEXT, user, "user_id"),
	FIELD(FIELD_UINT32, sequence, "sequence"),        FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_UINT64, created_at_ms, "created_at"), FIELD(FIELD_UINT64, expires_at_ms, "expires_at"),
};

static const struct hold *hold_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_HOLD);
	return ROW_AS(hold, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_uuid(ROW_HOLD, &hold_of(row)->hold_id);
}

static size_t seats_size(const struct row *row)
{
	return ROW_AS(hold, row)->seat_count * sizeof(struct seat_label);
}

static bool seats_are_equal(const struct row *a, const struct row *b)
{
	assert(hold_of(a)->seat_count == hold_of(b)->seat_count);
	bool is_equal = true;
	for (uint32_t i = 0; is_equal && i < hold_of(a)->seat_count; i++)
		is_equal = seat_label_equal(&hold_of(a)->seats[i], &hold_of(b)->seats[i]);
	return is_equal;
}

static const struct row_tail seats = {
	.pointer_offset = offsetof(struct hold, seats), .size = seats_size, .name = "seats", .is_equal = seats_are_equal};

const struct row_descriptor row_of_hold = {
	.name = "hold",
	.size = sizeof(struct hold),
	.key = key_of,
	.stream_offset = offsetof(struct hold, hold_id),
	ROW_FIELDS(fields),
	.tail = &seats,
};

const struct hold *view_hold(const struct view *view, const struct uuid *hold_id)
{
	assert(view != NULL && hold_id != NULL);
	struct row_key key = row_key_of_uuid(ROW_HOLD, hold_id);
	return view_find(view, &key);
}

struct hold *view_put_hold(struct view *view, const struct hold *hold)
{
	assert(view != NULL);
	assert(hold->row.version == 0 || hold->seat_count > 0);
	return view_put(view, ROW_HOLD, &hold->row);
}
