/* kind_seat.c: the rows of seats. */
#include <assert.h>

#include "domain/seat.h"
#include "state/cache.h"

#define FIELD(type, member, name) ROW_FIELD(seat, type, member, name)

static const struct row_field fields[] = {
	FIELD(FIELD_ENUM, status, "status"),
	FIELD(FIELD_UUID, holder_id, "holder_id"),
	FIELD(FIELD_UINT64, price, "price"),
};

static const struct seat *seat_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_SEAT);
	return ROW_AS(seat, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_seat(&seat_of(row)->event_id, &seat_of(row)->label);
}

static struct uuid stream_of(const struct row *row)
{
	const struct seat *seat = seat_of(row);
	bool is_held = seat->status != SEAT_AVAILABLE && !uuid_is_nil(&seat->holder_id); /* a damaged row may say only the one */
	return is_held ? seat->holder_id : seat->event_id;
}

const struct row_descriptor row_of_seat = {
	.name = "seat",
	.size = sizeof(struct seat),
	.key = key_of,
	.stream_offset = offsetof(struct seat, event_id),
	.stream = stream_of,
	ROW_FIELDS(fields),
};

const struct seat *view_seat(const struct view *view, const struct uuid *event_id, const struct seat_label *label)
{
	assert(view != NULL && event_id != NULL);
	assert(label->length <= SEAT_LABEL_LENGTH_MAX);
	struct row_key key = row_key_of_seat(event_id, label);
	return view_find(view, &key);
}

struct seat *view_put_seat(struct view *view, const struct seat *seat)
{
	assert(view != NULL && seat != NULL);
	return view_put(view, ROW_SEAT, &seat->row);
}
