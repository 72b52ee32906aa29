/* reader_outbox.c: the entries that wait to be published. */
#include "adapters/sqlite/reader.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "adapters/sqlite/rows.h"
#include "base/now.h"

static struct waiting_event find_waiting(struct database *database, const char *position_bytes, int *ret_code)
{
	assert(position_bytes != NULL && ret_code != NULL);
	sqlite3_stmt *statement = database->statements[FIND_WAITING];
	struct waiting_event event = {.type = EVENT_NONE};
	uint64_t position;
	memcpy(&position, position_bytes, sizeof position);
	bind_uint(statement, 1, le64toh(position));
	*ret_code = database_step(database, FIND_WAITING);
	if (*ret_code == SQLITE_ROW) {
		uint64_t type = column_uint(statement, 2);
		event.id = column_uuid(statement, 0);
		event.stream_id = column_uuid(statement, 1);
		event.type = type < EVENT_TYPE_COUNT ? (enum event_type)type : EVENT_NONE;
	}
	database_reset(database, FIND_WAITING);
	return event;
}

/* The entry that LIST_OUTBOX is at. False: the arena is full, or the code says why. */
static bool read_waiting(struct database *database, struct arena *arena, struct waiting_entry *ret_entry, int *code)
{
	assert(ret_entry != NULL && code != NULL);
	sqlite3_stmt *statement = database->statements[LIST_OUTBOX];
	struct slice positions = column_text(statement, 2);
	*ret_entry = (struct waiting_entry){
		.partition = (uint8_t)column_uint(statement, 0),
		.id = column_uuid(statement, 1),
		.count = (uint32_t)(positions.length / sizeof(uint64_t)),
	};
	ret_entry->events = arena_allocate_array(arena, ret_entry->count, sizeof *ret_entry->events);
	for (uint32_t i = 0; ret_entry->events != NULL && i < ret_entry->count; i++) {
		int found;
		ret_entry->events[i] = find_waiting(database, positions.data + i * sizeof(uint64_t), &found);
		if (found != SQLITE_ROW && found != SQLITE_DONE) {
			*code = found;
			return false;
		}
	}
	return ret_entry->events != NULL;
}

enum store_result sqlite_list_outbox(struct reader *port, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
                                     struct waiting_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct database *database = &reader_of(port)->database;
	sqlite3_stmt *statement = database->statements[LIST_OUTBOX];
	struct waiting_list list = {.entries = arena_allocate_array(arena, limit, sizeof *list.entries)};
	if (list.entries == NULL)
		return STORE_CORRUPT;
	bind_int(statement, 1, after == NULL ? -1 : after->partition);
	bind_after(statement, 2, after == NULL ? NULL : &after->id);
	bind_int(statement, 3, limit);
	int code;
	while ((code = database_step(database, LIST_OUTBOX)) == SQLITE_ROW) {
		assert(list.count < limit);
		if (!read_waiting(database, arena, &list.entries[list.count], &code))
			break;
		list.count++;
	}
	database_reset(database, LIST_OUTBOX);
	if (code == SQLITE_DONE)
		*ret_list = list;
	return code == SQLITE_ROW ? STORE_CORRUPT : database_result(code);
}

enum store_result sqlite_look_at_outbox(struct reader *port, struct outbox_status *ret_status)
{
	assert(ret_status != NULL);
	struct database *database = &reader_of(port)->database;
	sqlite3_stmt *select = database->statements[LOOK_AT_OUTBOX];
	bind_uint(select, 1, wall_now_ms());
	bind_uint(select, 2, OUTBOX_COUNT_MAX);
	int code = database_step(database, LOOK_AT_OUTBOX);
	if (code == SQLITE_ROW) {
		struct outbox_status status = {.entries = column_uint(select, 0), .publishers = column_uint(select, 1)};
		if (sqlite3_column_type(select, 2) != SQLITE_NULL) {
			struct uuid id = column_uuid(select, 2);
			status.oldest_ms = hlc_milliseconds(uuid_stamp(&id));
		}
		*ret_status = status;
	}
	database_reset(database, LOOK_AT_OUTBOX);
	return database_result(code);
}
