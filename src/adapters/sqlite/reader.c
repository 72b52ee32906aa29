/* reader.c: the reader port. Each call is one read transaction, or part of the snapshot's. */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/migrations.h"
#include "adapters/sqlite/reader.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"

#define CACHE_KIB 1024
#define CACHE_TO_LOOK_KIB 65536 /* all is looked at, along indexes */

static const char *const statements[STATEMENT_COUNT] = {
	[BEGIN] = "BEGIN",
	[FIND_SALE] = "SELECT " SALE_COLUMNS " FROM sales WHERE event_id = ?",
	[FIND_HOLD] = "SELECT " HOLD_COLUMNS " FROM holds WHERE hold_id = ?",
	[FIND_ORDER] = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id = ?",
	[FIND_REFUND] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE refund_id = ?",
	[LIST_HISTORY] = "SELECT " EVENT_COLUMNS " FROM events WHERE stream_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
	/* The deadline is that of a seat's hold or order while that lasts: 3 is held, 4 is reserved, 1 is active and pending. */
	[LIST_SEATS] = "SELECT s.position, s.seat, s.section, s.row, s.price, s.status, s.version, CASE s.status"
		       " WHEN 3 THEN (SELECT expires_at FROM holds WHERE hold_id = s.holder_id AND status = 1)"
		       " WHEN 4 THEN (SELECT pay_by FROM orders WHERE order_id = s.holder_id AND status = 1) END"
		       " FROM sales CROSS JOIN seats s WHERE sales.event_id = ?1 AND s.position >= max(sales.first_seat, ?2 + 1)"
		       " AND s.position < sales.first_seat + sales.seat_count ORDER BY s.position",
	[DUE_HOLDS] = "SELECT hold_id, expires_at FROM holds INDEXED BY holds_due WHERE status = 1 AND expires_at <= ?"
		      " ORDER BY expires_at, hold_id LIMIT ?",
	[DUE_ORDERS] = "SELECT order_id, pay_by FROM orders INDEXED BY orders_due WHERE status = 1 AND pay_by <= ? ORDER BY pay_by, "
		       "order_id LIMIT ?",
	[NEXT_HOLD] = "SELECT min(expires_at) FROM holds INDEXED BY holds_due WHERE status = 1 AND expires_at > ?",
	[NEXT_ORDER] = "SELECT min(pay_by) FROM orders INDEXED BY orders_due WHERE status = 1 AND pay_by > ?",
	[LIST_EVENTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE id > ? ORDER BY id LIMIT ?",
	[SCAN_SALES] = "SELECT " SALE_COLUMNS " FROM sales WHERE event_id > ? ORDER BY event_id LIMIT ?",
	[SCAN_SEATS] = "SELECT " SEAT_COLUMNS " FROM seats WHERE (event_id, seat) > (?, ?)"
		       " AND event_id NOT IN (SELECT event_id FROM seatings) ORDER BY event_id, seat LIMIT ?",
	[SCAN_HOLDS] = "SELECT " HOLD_COLUMNS " FROM holds WHERE hold_id > ? ORDER BY hold_id LIMIT ?",
	[SCAN_ORDERS] = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id > ? ORDER BY order_id LIMIT ?",
	[SCAN_PAYMENTS] = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE transaction_id > ? ORDER BY transaction_id LIMIT ?",
	[SCAN_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE refund_id > ? ORDER BY refund_id LIMIT ?",
	/* 3 is cancelled. */
	[CANCELLED_SALE] = "SELECT event_id, version FROM sales INDEXED BY sales_open WHERE status = 3 AND settled = 0 AND event_id > ?"
			   " ORDER BY event_id LIMIT 1",
	/* The indexes of what is due have all active holds and pending orders, of whatever event: an index for these few moments would cost
	 * every hold more. */
	[OPEN_HOLDS] = "SELECT hold_id FROM holds INDEXED BY holds_due WHERE status = 1 AND event_id = ? LIMIT ?",
	[OPEN_ORDERS] = "SELECT order_id FROM orders INDEXED BY orders_due WHERE status = 1 AND event_id = ? LIMIT ?",
	[PAID_ORDERS] = "SELECT order_id FROM orders INDEXED BY orders_paid WHERE kept > 0 AND event_id = ? LIMIT ?",
	[ACCOUNT] = "SELECT (SELECT count(*) FROM holds INDEXED BY holds_due WHERE status = 1 AND event_id = ?1),"
		    " (SELECT count(*) FROM orders INDEXED BY orders_due WHERE status = 1 AND event_id = ?1),"
		    " (SELECT count(*) FROM orders INDEXED BY orders_paid WHERE kept > 0 AND event_id = ?1),"
		    " (SELECT coalesce(sum(kept), 0) FROM orders INDEXED BY orders_paid WHERE kept > 0 AND event_id = ?1),"
		    " currency, settled FROM sales WHERE event_id = ?1",
	[LIST_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE refund_id > ?1 AND ?3 IN (0, status) ORDER BY refund_id LIMIT ?2",
	[LIST_DUE_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds INDEXED BY refunds_due WHERE status = 1 AND refund_id > ?1"
			     " ORDER BY refund_id LIMIT ?2",
	[LIST_EVENT_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds INDEXED BY refunds_event WHERE event_id = ?4 AND refund_id > ?1"
			       " AND ?3 IN (0, status) ORDER BY refund_id LIMIT ?2",
	[LIST_CATALOG_CHANGES] = "SELECT event_id, version FROM catalog_changes WHERE event_id > ? ORDER BY event_id LIMIT ?",
	[DROP_CATALOG_CHANGE] = "DELETE FROM catalog_changes WHERE event_id = ? AND version <= ?",
	[LOOK_AT_OUTBOX] = "SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox INDEXED BY outbox_order WHERE partition >= 0 LIMIT ?2)),"
			   " (SELECT count(*) FROM outbox_publishers WHERE alive_until > ?1),"
			   " (SELECT id FROM outbox ORDER BY position LIMIT 1)",
	[PING] = "UPDATE meta SET value = value + 1 WHERE name = 'pings'",
	[LIST_OUTBOX] = "SELECT partition, id, events FROM outbox INDEXED BY outbox_order WHERE (partition, id) > (?, ?)"
			" ORDER BY partition, id LIMIT ?",
	[FIND_WAITING] = "SELECT id, stream_id, type FROM events WHERE position = ?",
	[LOOK] = "SELECT value FROM meta WHERE name = 'replaying'",
	[SELECT_FLOOR] = "SELECT value FROM meta WHERE name = 'schema_floor'",
};

static enum store_result sqlite_snapshot_begin(struct reader *port)
{
	struct sqlite_reader *reader = reader_of(port);
	assert(!reader->has_snapshot);
	enum store_result result = database_result(database_begin(&reader->database, BEGIN));
	reader->has_snapshot = result == STORE_OK;
	return result;
}

static void sqlite_snapshot_end(struct reader *port)
{
	struct sqlite_reader *reader = reader_of(port);
	assert(reader->has_snapshot);
	reader->has_snapshot = false;
	database_rollback(&reader->database);
}

static enum store_result sqlite_find(struct reader *port, enum row_kind kind, const struct uuid *id, struct arena *arena,
                                     const struct row **ret_row)
{
	assert(id != NULL && arena != NULL && ret_row != NULL);
	static const uint32_t finds[ROW_KEY] = {
		[ROW_SALE] = FIND_SALE, [ROW_HOLD] = FIND_HOLD, [ROW_ORDER] = FIND_ORDER, [ROW_REFUND] = FIND_REFUND};
	assert(kind < ROW_KEY && finds[kind] != 0);
	struct sqlite_reader *reader = reader_of(port);
	uint32_t statement = finds[kind];
	bind_uuid(reader->database.statements[statement], 1, id);
	int code = database_step(&reader->database, statement);
	const struct row *row =
		code == SQLITE_ROW ? stored_row_read(statement_columns(reader->database.statements[statement]), kind, arena) : NULL;
	database_reset(&reader->database, statement);
	if (code == SQLITE_ROW && row == NULL)
		return STORE_CORRUPT;
	if (database_result(code) == STORE_OK)
		*ret_row = row;
	return database_result(code);
}

/* Every row of the statement, whose parameters are bound and whose last is the limit. */
static enum store_result read_events(struct sqlite_reader *reader, uint32_t statement, uint32_t limit, struct arena *arena,
                                     struct event_list *ret_list)
{
	assert(statement == LIST_HISTORY || statement == LIST_EVENTS);
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct event_list list = {.records = arena_allocate_array(arena, limit, sizeof *list.records)};
	if (list.records == NULL)
		return STORE_CORRUPT;
	int code;
	while ((code = database_step(&reader->database, statement)) == SQLITE_ROW) {
		assert(list.count < limit);
		if (!stored_event_read(statement_columns(reader->database.statements[statement]), arena, &list.records[list.count]))
			break;
		list.count++;
	}
	database_reset(&reader->database, statement);
	if (code == SQLITE_DONE)
		*ret_list = list;
	return code == SQLITE_ROW ? STORE_CORRUPT : database_result(code);
}

static enum store_result sqlite_list_history(struct reader *port, const struct uuid *stream_id, uint32_t after, uint32_t limit,
                                             struct arena *arena, struct event_list *ret_list)
{
	assert(stream_id != NULL && ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[LIST_HISTORY];
	bind_uuid(statement, 1, stream_id);
	bind_int(statement, 2, after);
	bind_int(statement, 3, limit);
	return read_events(reader, LIST_HISTORY, limit, arena, ret_list);
}

/* An id to begin after; every id is past the empty one. */
static enum store_result sqlite_list_events(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                            struct event_list *ret_list)
{
	assert(ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[LIST_EVENTS];
	bind_after(statement, 1, after);
	bind_int(statement, 2, limit);
	return read_events(reader, LIST_EVENTS, limit, arena, ret_list);
}

/* False: the arena is full. */
static bool read_seat(sqlite3_stmt *statement, enum seat_status status, struct arena *arena, struct seat_entry *ret_entry)
{
	assert(arena != NULL && ret_entry != NULL);
	*ret_entry = (struct seat_entry){
		.position = column_uint(statement, 0),
		.seat = column_copy(statement, 1, arena),
		.section = column_copy(statement, 2, arena),
		.row = column_copy(statement, 3, arena),
		.price = sqlite3_column_int64(statement, 4),
		.status = status,
		.version = column_uint(statement, 6),
	};
	return ret_entry->seat.data != NULL && ret_entry->section.data != NULL && ret_entry->row.data != NULL;
}

static enum seat_status status_now(sqlite3_stmt *statement, uint64_t now_ms)
{
	bool is_lapsed = sqlite3_column_type(statement, 7) != SQLITE_NULL && column_uint(statement, 7) <= now_ms;
	return is_lapsed ? SEAT_AVAILABLE : seat_status_read(column_uint(statement, 5));
}

static enum store_result sqlite_list_seats(struct reader *port, const struct seat_query *query, struct arena *arena,
                                           struct seat_list *ret_list)
{
	assert(query->limit > 0);
	assert(arena != NULL && ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[LIST_SEATS];
	struct seat_list list = {.entries = arena_allocate_array(arena, query->limit, sizeof *list.entries)};
	bool has_memory = list.entries != NULL;
	int code = SQLITE_DONE;
	uint64_t seen_position = 0;
	bind_uuid(statement, 1, &query->event_id);
	bind_uint(statement, 2, query->after_position < INT64_MAX ? query->after_position : INT64_MAX - 1);
	for (uint32_t seen = 0; has_memory && (code = database_step(&reader->database, LIST_SEATS)) == SQLITE_ROW; seen++) {
		if (list.count == query->limit || seen == SEATS_LOOKED_AT_MAX) {
			list.next_position = seen_position; /* there is at least one more */
			break;
		}
		enum seat_status status = status_now(statement, query->now_ms);
		seen_position = column_uint(statement, 0);
		if (query->status == 0 || query->status == status)
			has_memory = read_seat(statement, status, arena, &list.entries[list.count++]);
	}
	database_reset(&reader->database, LIST_SEATS);
	if (has_memory && database_result(code) == STORE_OK)
		*ret_list = list;
	return has_memory ? database_result(code) : STORE_CORRUPT;
}

static int read_due(struct sqlite_reader *reader, uint32_t statement, enum row_kind kind, uint64_t now_ms, uint32_t limit,
                    struct due_item *items, uint32_t *ret_count)
{
	assert(kind == ROW_HOLD || kind == ROW_ORDER);
	assert(items != NULL && ret_count != NULL);
	sqlite3_stmt *select = reader->database.statements[statement];
	uint32_t count = 0;
	int code;
	bind_uint(select, 1, now_ms);
	bind_int(select, 2, limit);
	while ((code = database_step(&reader->database, statement)) == SQLITE_ROW) {
		assert(count < limit);
		items[count++] = (struct due_item){.kind = kind, .id = column_uuid(select, 0), .deadline_ms = column_uint(select, 1)};
	}
	database_reset(&reader->database, statement);
	*ret_count = count;
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Lowers *next_ms to the first deadline past now_ms. */
static int read_next(struct sqlite_reader *reader, uint32_t statement, uint64_t now_ms, uint64_t *next_ms)
{
	assert(statement == NEXT_HOLD || statement == NEXT_ORDER);
	assert(next_ms != NULL);
	sqlite3_stmt *select = reader->database.statements[statement];
	bind_uint(select, 1, now_ms);
	int code = database_step(&reader->database, statement);
	if (code == SQLITE_ROW && sqlite3_column_type(select, 0) != SQLITE_NULL && column_uint(select, 0) < *next_ms)
		*next_ms = column_uint(select, 0);
	database_reset(&reader->database, statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static enum store_result sqlite_list_due(struct reader *port, uint64_t now_ms, uint32_t limit, struct arena *arena,
                                         struct due_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	struct due_list list = {.items = arena_allocate_array(arena, (size_t)limit * 2, sizeof *list.items),
	                        .next_deadline_ms = UINT64_MAX};
	if (list.items == NULL)
		return STORE_CORRUPT;
	uint32_t holds = 0, orders = 0;
	int code = read_due(reader, DUE_HOLDS, ROW_HOLD, now_ms, limit, list.items, &holds);
	if (code == SQLITE_OK)
		code = read_due(reader, DUE_ORDERS, ROW_ORDER, now_ms, limit, list.items + holds, &orders);
	if (code == SQLITE_OK)
		code = read_next(reader, NEXT_HOLD, now_ms, &list.next_deadline_ms);
	if (code == SQLITE_OK)
		code = read_next(reader, NEXT_ORDER, now_ms, &list.next_deadline_ms);
	if (code != SQLITE_OK)
		return database_result(code);
	qsort(list.items, holds + orders, sizeof *list.items, due_item_compare);
	list.count = holds + orders < limit ? holds + orders : limit;
	*ret_list = list;
	return STORE_OK;
}

/* Binds the key to begin after; NULL is before all. Answers the index of the limit. */
static int bind_scan(sqlite3_stmt *statement, enum row_kind kind, const struct row *after)
{
	assert(after == NULL || after->kind == kind);
	const void *row = after;
	switch (kind) {
	case ROW_SALE:
		bind_after(statement, 1, row == NULL ? NULL : &((const struct sale *)row)->event_id);
		return 2;
	case ROW_SEAT:
		bind_after(statement, 1, row == NULL ? NULL : &((const struct seat *)row)->event_id);
		bind_text(statement, 2, row == NULL ? SLICE("") : seat_label_slice(&((const struct seat *)row)->label));
		return 3;
	case ROW_HOLD:
		bind_after(statement, 1, row == NULL ? NULL : &((const struct hold *)row)->hold_id);
		return 2;
	case ROW_ORDER:
		bind_after(statement, 1, row == NULL ? NULL : &((const struct order *)row)->order_id);
		return 2;
	case ROW_REFUND:
		bind_after(statement, 1, row == NULL ? NULL : &((const struct refund *)row)->refund_id);
		return 2;
	default:
		assert(kind == ROW_PAYMENT);
		bind_text(statement, 1, row == NULL ? SLICE("") : short_text_slice(&((const struct payment *)row)->transaction_id));
		return 2;
	}
}

static enum store_result sqlite_scan(struct reader *port, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
                                     const struct row ***ret_rows, uint32_t *ret_count)
{
	assert(limit > 0 && arena != NULL && ret_rows != NULL && ret_count != NULL);
	static const uint32_t scans[ROW_KEY] = {
		[ROW_SALE] = SCAN_SALES,   [ROW_SEAT] = SCAN_SEATS,       [ROW_HOLD] = SCAN_HOLDS,
		[ROW_ORDER] = SCAN_ORDERS, [ROW_PAYMENT] = SCAN_PAYMENTS, [ROW_REFUND] = SCAN_REFUNDS,
	};
	assert(kind < ROW_KEY && (after == NULL || after->kind == kind));
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[scans[kind]];
	const struct row **rows = arena_allocate_array(arena, limit, sizeof *rows);
	if (rows == NULL)
		return STORE_CORRUPT;
	bind_int(statement, bind_scan(statement, kind, after), limit);
	uint32_t count = 0;
	int code;
	while ((code = database_step(&reader->database, scans[kind])) == SQLITE_ROW) {
		assert(count < limit);
		rows[count] = stored_row_scan(statement_columns(statement), kind, arena);
		if (rows[count] == NULL)
			break;
		count++;
	}
	database_reset(&reader->database, scans[kind]);
	if (code == SQLITE_DONE) {
		*ret_rows = rows;
		*ret_count = count;
	}
	return code == SQLITE_ROW ? STORE_CORRUPT : database_result(code);
}

static enum store_result sqlite_list_catalog_changes(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                                     struct catalog_change_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[LIST_CATALOG_CHANGES];
	struct catalog_change_list list = {.changes = arena_allocate_array(arena, limit, sizeof *list.changes)};
	if (list.changes == NULL)
		return STORE_CORRUPT;
	bind_after(statement, 1, after);
	bind_int(statement, 2, limit);
	int code;
	while ((code = database_step(&reader->database, LIST_CATALOG_CHANGES)) == SQLITE_ROW) {
		assert(list.count < limit);
		list.changes[list.count++] =
			(struct catalog_change){.event_id = column_uuid(statement, 0), .version = column_uint(statement, 1)};
	}
	database_reset(&reader->database, LIST_CATALOG_CHANGES);
	if (code != SQLITE_DONE)
		return database_result(code);
	*ret_list = list;
	return STORE_OK;
}

static enum store_result sqlite_drop_catalog_change(struct reader *port, const struct catalog_change *change)
{
	assert(change != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *statement = reader->database.statements[DROP_CATALOG_CHANGE];
	bind_uuid(statement, 1, &change->event_id);
	bind_uint(statement, 2, change->version);
	return database_result(database_run(&reader->database, DROP_CATALOG_CHANGE));
}

/* For a reader that may not write. */
static enum store_result ask_for_mark(struct sqlite_reader *reader, struct ping *ret_ping)
{
	assert(reader->looks && ret_ping != NULL);
	int code = database_step(&reader->database, LOOK);
	bool is_marked = code == SQLITE_ROW && column_uint(reader->database.statements[LOOK], 0) != 0;
	database_reset(&reader->database, LOOK);
	if (is_marked)
		(void)snprintf(ret_ping->problem, sizeof ret_ping->problem, "a replay was begun and not ended: run 'tro replay' again");
	return is_marked ? STORE_DOWN : database_result(code);
}

/* A newer program may have taken away what this one uses while it ran. */
static bool is_forbidden(struct sqlite_reader *reader)
{
	int code = database_step(&reader->database, SELECT_FLOOR);
	bool is_newer = code == SQLITE_ROW && sqlite3_column_int64(reader->database.statements[SELECT_FLOOR], 0) > migrations_known();
	database_reset(&reader->database, SELECT_FLOOR);
	return is_newer;
}

/* Writing is tried, because a full disk or a file that became read-only shows in nothing else. */
static enum store_result sqlite_ping(struct reader *port, struct ping *ret_ping)
{
	assert(ret_ping != NULL);
	struct sqlite_reader *reader = reader_of(port);
	assert(!reader->has_snapshot);
	*ret_ping = (struct ping){0};
	if (reader->looks)
		return ask_for_mark(reader, ret_ping);
	if (is_forbidden(reader)) {
		(void)snprintf(ret_ping->problem, sizeof ret_ping->problem, "the schema of the store is newer than this program");
		return STORE_DOWN;
	}
	enum store_result result = database_result(database_run(&reader->database, PING));
	if (result != STORE_OK)
		(void)snprintf(ret_ping->problem, sizeof ret_ping->problem, "cannot write: %s", sqlite3_errmsg(reader->database.handle));
	return result;
}

static void sqlite_free(struct reader *port)
{
	assert(port != NULL);
	struct sqlite_reader *reader = reader_of(port);
	database_release(&reader->database);
	free(reader);
}

static const struct reader_operations operations = {
	.snapshot_begin = sqlite_snapshot_begin,
	.snapshot_end = sqlite_snapshot_end,
	.find = sqlite_find,
	.list_history = sqlite_list_history,
	.list_seats = sqlite_list_seats,
	.list_due = sqlite_list_due,
	.list_cancelled = sqlite_list_cancelled,
	.account = sqlite_account,
	.list_refunds = sqlite_list_refunds,
	.list_events = sqlite_list_events,
	.scan = sqlite_scan,
	.list_catalog_changes = sqlite_list_catalog_changes,
	.drop_catalog_change = sqlite_drop_catalog_change,
	.look_at_outbox = sqlite_look_at_outbox,
	.list_outbox = sqlite_list_outbox,
	.ping = sqlite_ping,
	.free = sqlite_free,
};

static enum error open_reader(const struct database_options *options, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX])
{
	assert(options->statement_count == STATEMENT_COUNT);
	assert(ret_reader != NULL);
	struct sqlite_reader *reader = calloc(1, sizeof *reader);
	if (reader == NULL)
		return ERR_NO_MEMORY;
	reader->port = (struct reader){.operations = &operations};
	reader->looks = options->looks;
	enum error error = database_open(options, &reader->database, message);
	if (error != OK) {
		free(reader);
		return error;
	}
	*ret_reader = &reader->port;
	return OK;
}

enum error sqlite_reader_open(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB};
	return open_reader(&options, ret_reader, message);
}

enum error sqlite_scratch_reader_open(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB, .is_scratch = true};
	return open_reader(&options, ret_reader, message);
}

enum error sqlite_reader_open_to_look(const char *path, struct reader **ret_reader, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_TO_LOOK_KIB, .looks = true};
	return open_reader(&options, ret_reader, message);
}
