/* stored_privacy.c: see stored_privacy.h. */
#include "adapters/sql/stored_privacy.h"

#include <assert.h>

#include "adapters/sql/stored_audit.h"
#include "base/json_writer.h"

static const enum row_kind kinds[] = {
	[PRIVACY_HOLDS] = ROW_HOLD,
	[PRIVACY_ORDERS] = ROW_ORDER,
	[PRIVACY_PAYMENTS] = ROW_PAYMENT,
	[PRIVACY_REFUNDS] = ROW_REFUND,
};

bool stored_privacy_take(struct columns columns, enum privacy_part part, struct arena *arena,
                         bool (*take)(void *context, enum privacy_part part, const void *item), void *context)
{
	assert(part < PRIVACY_PART_COUNT && take != NULL);
	struct event_record event;
	struct audit_record record;
	arena_clear(arena);
	if (part <= PRIVACY_REFUNDS) {
		const struct row *row = stored_row_read(columns, kinds[part], arena);
		return row != NULL && take(context, part, row);
	}
	if (part == PRIVACY_AUDIT)
		return stored_audit_read(columns, arena, &record) && take(context, part, &record);
	return stored_event_read(columns, arena, &event) && take(context, part, &event);
}

/* The text stands for itself: inside another string of the data its quotes would have a backslash each. */
void stored_user_member(struct buffer *buffer, struct slice user)
{
	assert(buffer != NULL);
	struct json_writer writer = json_writer_on(buffer);
	json_writer_string(&writer, "user_id", user);
}
