/* seat_feed.c: the seat feed port, over the table that commits list their seats in. Positions are those of the events: commits are in their
 * order. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"
#include "ports/seat_feed.h"

#define CACHE_KIB 1024

/* 3 is held, 4 is reserved (db/sqlite/001_core.sql). */
#define DEADLINE \
	"CASE s.status WHEN 3 THEN (SELECT expires_at FROM holds WHERE hold_id = s.holder_id)" \
	" WHEN 4 THEN (SELECT pay_by FROM orders WHERE order_id = s.holder_id) ELSE 0 END"

enum {
	BEGIN,
	STAND,
	LIST,
	STATE,
	LAYOUT,
	LOAD,
	FORGET,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[BEGIN] = "BEGIN",
	[STAND] = "SELECT (SELECT max(position) FROM events), (SELECT value FROM meta WHERE name = 'epoch')",
	[LIST] = "SELECT position, event_id, seats FROM seat_changes WHERE position >= ?",
	[STATE] = "SELECT s.position, s.status, s.version, " DEADLINE " FROM seats s WHERE s.event_id = ? AND s.seat = ?",
	[LAYOUT] = "SELECT seat_count, first_seat FROM sales WHERE event_id = ?",
	[LOAD] = "SELECT s.seat, s.section, s.row, s.price, s.status, s.version, " DEADLINE " FROM seats s"
		 " WHERE s.position >= ?1 AND s.position < ?2 ORDER BY s.position",
	[FORGET] = "DELETE FROM seat_changes WHERE position < ?",
};

struct sqlite_seat_feed {
	struct seat_feed port;
	struct database database;
};

/* The answer that a poll puts together. */
struct gathering {
	struct sqlite_seat_feed *feed;
	const struct uuid *event_ids;
	uint32_t event_count;
	struct arena *arena;
	uint32_t capacity;
	struct seat_change_list list;
};

static struct sqlite_seat_feed *feed_of(struct seat_feed *port)
{
	assert(port != NULL);
	return container_of(port, struct sqlite_seat_feed, port);
}

static bool is_wanted(const struct gathering *gathering, const struct uuid *event_id)
{
	assert(gathering->event_ids != NULL || gathering->event_count == 0);
	for (uint32_t i = 0; i < gathering->event_count; i++)
		if (uuid_equal(&gathering->event_ids[i], event_id))
			return true;
	return false;
}

static bool grow(struct gathering *gathering)
{
	assert(gathering->list.count <= gathering->capacity);
	if (gathering->list.count < gathering->capacity)
		return true;
	uint32_t capacity = gathering->capacity == 0 ? 256 : gathering->capacity * 2;
	struct seat_change *grown = arena_allocate_array(gathering->arena, capacity, sizeof *grown);
	if (grown == NULL)
		return false;
	if (gathering->list.count > 0)
		memcpy(grown, gathering->list.changes, gathering->list.count * sizeof *grown);
	gathering->list.changes = grown;
	gathering->capacity = capacity;
	return true;
}

static bool has_status(sqlite3_stmt *statement, int column)
{
	uint64_t stored = column_uint(statement, column);
	return stored > SEAT_AVAILABLE && stored <= SEAT_SOLD + 1;
}

/* status, version, deadline from that column on. */
static struct seat_state read_state(sqlite3_stmt *statement, int column)
{
	assert(statement != NULL);
	return (struct seat_state){
		.status = seat_status_read(column_uint(statement, column)),
		.version = column_uint(statement, column + 1),
		.deadline_ms = column_uint(statement, column + 2),
	};
}

/* Adds the seat as it is now. SQLITE_OK, or the error; SQLITE_NOMEM. */
static int add_seat(struct gathering *gathering, const struct uuid *event_id, struct slice label, uint64_t changed_at)
{
	assert(event_id != NULL && label.length > 0);
	struct database *database = &gathering->feed->database;
	sqlite3_stmt *statement = database->statements[STATE];
	bind_uuid(statement, 1, event_id);
	bind_text(statement, 2, label);
	int code = database_step(database, STATE);
	if (code == SQLITE_ROW && !has_status(statement, 1))
		code = SQLITE_CORRUPT;
	if (code == SQLITE_ROW) {
		if (!grow(gathering)) {
			database_reset(database, STATE);
			return SQLITE_NOMEM;
		}
		gathering->list.changes[gathering->list.count++] = (struct seat_change){
			.event_id = *event_id,
			.position = column_uint(statement, 0),
			.changed_at = changed_at,
			.state = read_state(statement, 1),
		};
	}
	database_reset(database, STATE);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int gather(struct gathering *gathering, uint64_t position)
{
	assert(gathering->feed != NULL && gathering->arena != NULL);
	struct database *database = &gathering->feed->database;
	sqlite3_stmt *statement = database->statements[LIST];
	int code, added = SQLITE_OK;
	bind_uint(statement, 1, position);
	while (added == SQLITE_OK && (code = database_step(database, LIST)) == SQLITE_ROW) {
		struct uuid event_id = column_uuid(statement, 1);
		struct slice labels = column_text(statement, 2), label;
		if (!is_wanted(gathering, &event_id))
			continue;
		while (added == SQLITE_OK && slice_cut(&labels, '\n', &label))
			if (label.length > 0)
				added = add_seat(gathering, &event_id, label, column_uint(statement, 0));
	}
	database_reset(database, LIST);
	return added != SQLITE_OK ? added : code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_cursor(struct sqlite_seat_feed *feed, struct seat_feed_cursor *ret_cursor)
{
	assert(ret_cursor != NULL);
	int code = database_step(&feed->database, STAND);
	if (code == SQLITE_ROW)
		*ret_cursor = (struct seat_feed_cursor){
			.position = column_uint(feed->database.statements[STAND], 0) + 1,
			.epoch = column_uint(feed->database.statements[STAND], 1),
		};
	database_reset(&feed->database, STAND);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static enum store_result sqlite_poll(struct seat_feed *port, const struct seat_feed_cursor *after, const struct uuid *event_ids,
                                     uint32_t count, struct arena *arena, struct seat_feed_cursor *ret_cursor,
                                     struct seat_change_list *ret_list)
{
	assert(event_ids != NULL || count == 0);
	assert(arena != NULL && ret_cursor != NULL && ret_list != NULL);
	struct sqlite_seat_feed *feed = feed_of(port);
	struct gathering gathering = {.feed = feed, .event_ids = event_ids, .event_count = count, .arena = arena};
	struct seat_feed_cursor cursor;
	int code = database_begin(&feed->database, BEGIN);
	if (code == SQLITE_OK)
		code = read_cursor(feed, &cursor);
	if (code == SQLITE_OK && after != NULL && after->epoch == cursor.epoch && after->position < cursor.position)
		code = gather(&gathering, after->position);
	database_rollback(&feed->database);
	if (code != SQLITE_OK)
		return database_result(code);
	*ret_cursor = cursor;
	*ret_list = gathering.list;
	return STORE_OK;
}

static int read_layout(struct sqlite_seat_feed *feed, const struct uuid *event_id, struct seat_part *part)
{
	assert(event_id != NULL && part->seat_count == 0);
	sqlite3_stmt *statement = feed->database.statements[LAYOUT];
	bind_uuid(statement, 1, event_id);
	int code = database_step(&feed->database, LAYOUT);
	if (code == SQLITE_ROW) {
		part->seat_count = (uint32_t)column_uint(statement, 0);
		part->first_position = column_uint(statement, 1);
	}
	database_reset(&feed->database, LAYOUT);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static bool read_entry(sqlite3_stmt *statement, struct arena *arena, struct seat_entry_full *entry)
{
	assert(arena != NULL && entry != NULL);
	entry->seat = column_copy(statement, 0, arena);
	entry->section = column_copy(statement, 1, arena);
	entry->row = column_copy(statement, 2, arena);
	entry->price = sqlite3_column_int64(statement, 3);
	entry->state = read_state(statement, 4);
	return has_status(statement, 4) && entry->seat.data != NULL && entry->section.data != NULL && entry->row.data != NULL;
}

static int read_entries(struct sqlite_seat_feed *feed, uint32_t skip, uint32_t limit, struct arena *arena, struct seat_part *part)
{
	assert(part->entries == NULL && part->count == 0);
	uint32_t left = skip < part->seat_count ? part->seat_count - skip : 0, wanted = limit < left ? limit : left;
	sqlite3_stmt *statement = feed->database.statements[LOAD];
	int code = SQLITE_ROW;
	part->entries = arena_allocate_array(arena, wanted, sizeof *part->entries);
	if (part->entries == NULL)
		return SQLITE_NOMEM;
	bind_uint(statement, 1, part->first_position + skip);
	bind_uint(statement, 2, part->first_position + skip + wanted);
	while (code == SQLITE_ROW && part->count < wanted && (code = database_step(&feed->database, LOAD)) == SQLITE_ROW)
		code = read_entry(statement, arena, &part->entries[part->count++]) ? SQLITE_ROW : SQLITE_NOMEM;
	database_reset(&feed->database, LOAD);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum store_result sqlite_seats_load(struct seat_feed *port, const struct uuid *event_id, uint32_t skip, uint32_t limit,
                                           struct arena *arena, struct seat_part *ret_part)
{
	assert(event_id != NULL && arena != NULL && ret_part != NULL);
	struct sqlite_seat_feed *feed = feed_of(port);
	struct seat_part part = {0};
	int code = database_begin(&feed->database, BEGIN);
	if (code == SQLITE_OK)
		code = read_layout(feed, event_id, &part);
	if (code == SQLITE_OK)
		code = read_entries(feed, skip, limit, arena, &part);
	database_rollback(&feed->database);
	if (code != SQLITE_OK)
		return code == SQLITE_NOMEM ? STORE_CORRUPT : database_result(code);
	*ret_part = part;
	return STORE_OK;
}

static enum store_result sqlite_forget(struct seat_feed *port, uint64_t position)
{
	struct sqlite_seat_feed *feed = feed_of(port);
	bind_uint(feed->database.statements[FORGET], 1, position);
	return database_result(database_run(&feed->database, FORGET));
}

static void sqlite_feed_free(struct seat_feed *port)
{
	assert(port != NULL);
	struct sqlite_seat_feed *feed = feed_of(port);
	database_release(&feed->database);
	free(feed);
}

static const struct seat_feed_operations operations = {
	.poll = sqlite_poll,
	.load = sqlite_seats_load,
	.forget = sqlite_forget,
	.free = sqlite_feed_free,
};

enum error sqlite_seat_feed_open(const char *path, struct seat_feed **ret_feed, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_feed != NULL);
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB};
	struct sqlite_seat_feed *feed = calloc(1, sizeof *feed);
	if (feed == NULL)
		return ERR_NO_MEMORY;
	feed->port = (struct seat_feed){.operations = &operations};
	enum error error = database_open(&options, &feed->database, message);
	if (error != OK) {
		free(feed);
		return error;
	}
	*ret_feed = &feed->port;
	return OK;
}
