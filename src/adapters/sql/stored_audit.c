/* stored_audit.c: see stored_audit.h. */
#include "adapters/sql/stored_audit.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"

static void put_text(struct places places, uint32_t index, struct slice text)
{
	assert(places.operations != NULL);
	places.operations->put_text(places.target, index, text_or_empty(text));
}

void stored_audit_put(struct places places, const struct audit_record *record)
{
	assert(record != NULL && record->repeats > 0);
	assert(record->kind == AUDIT_ACTION || record->kind == AUDIT_REFUSED);
	places.operations->put_uuid(places.target, 0, &record->id);
	places.operations->put_int(places.target, 1, (int64_t)record->at_ms);
	places.operations->put_int(places.target, 2, record->kind);
	put_text(places, 3, record->actor);
	put_text(places, 4, record->action);
	put_text(places, 5, record->target);
	put_text(places, 6, record->address);
	put_text(places, 7, record->result);
	places.operations->put_int(places.target, 8, record->repeats);
}

static bool copy_text(struct columns columns, int column, struct arena *arena, struct slice *ret_text)
{
	assert(arena != NULL);
	struct slice text = columns.operations->get_text(columns.source, column);
	*ret_text = arena_copy(arena, text_or_empty(text));
	return ret_text->data != NULL;
}

bool stored_audit_read(struct columns columns, struct arena *arena, struct audit_record *ret_record)
{
	assert(ret_record != NULL);
	int64_t at_ms = columns.operations->get_int(columns.source, 1), kind = columns.operations->get_int(columns.source, 2);
	int64_t repeats = columns.operations->get_int(columns.source, 8);
	struct slice id = columns.operations->get_text(columns.source, 0);
	struct audit_record record = {.at_ms = (uint64_t)at_ms, .kind = (enum audit_kind)kind, .repeats = (uint32_t)repeats};
	if (id.data == NULL || id.length != sizeof record.id.bytes || record.at_ms > TIME_MS_MAX)
		return false;
	if ((kind != AUDIT_ACTION && kind != AUDIT_REFUSED) || repeats < 1 || repeats > UINT32_MAX)
		return false;
	memcpy(record.id.bytes, id.data, sizeof record.id.bytes);
	bool is_read = copy_text(columns, 3, arena, &record.actor) && copy_text(columns, 4, arena, &record.action) &&
	               copy_text(columns, 5, arena, &record.target) && copy_text(columns, 6, arena, &record.address) &&
	               copy_text(columns, 7, arena, &record.result);
	*ret_record = record;
	return is_read;
}
