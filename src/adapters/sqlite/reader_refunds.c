/* reader_refunds.c: lists the open holds and orders of a cancelled event, its paid orders, and refunds. */
#include "adapters/sqlite/reader.h"

#include <assert.h>
#include <string.h>

#include "adapters/sqlite/rows.h"

/* Ids of the statement, whose first parameter is the event and whose second the limit. */
static int read_open(struct sqlite_reader *reader, uint32_t statement, enum row_kind kind, const struct uuid *event_id, uint32_t limit,
                     struct due_list *list)
{
	assert(kind == ROW_HOLD || kind == ROW_ORDER);
	assert(list->items != NULL && list->count <= limit);
	sqlite3_stmt *select = reader->database.statements[statement];
	int code = SQLITE_DONE;
	bind_uuid(select, 1, event_id);
	bind_int(select, 2, limit - list->count);
	while (list->count < limit && (code = database_step(&reader->database, statement)) == SQLITE_ROW)
		list->items[list->count++] = (struct due_item){.kind = kind, .id = column_uuid(select, 0)};
	database_reset(&reader->database, statement);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

enum store_result sqlite_list_cancelled(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                        struct uuid *ret_event, struct due_list *ret_list)
{
	assert(arena != NULL && ret_event != NULL && ret_list != NULL);
	assert(limit > 0);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *select = reader->database.statements[CANCELLED_SALE];
	struct due_list list = {.next_deadline_ms = UINT64_MAX};
	struct uuid event_id = {0};
	bind_after(select, 1, after);
	int code = database_step(&reader->database, CANCELLED_SALE);
	bool is_there = code == SQLITE_ROW;
	uint64_t version = is_there ? column_uint(select, 1) : 0;
	if (is_there)
		event_id = column_uuid(select, 0);
	database_reset(&reader->database, CANCELLED_SALE);
	if (is_there) {
		list.items = arena_allocate_array(arena, limit, sizeof *list.items);
		if (list.items == NULL)
			return STORE_CORRUPT;
		code = read_open(reader, OPEN_HOLDS, ROW_HOLD, &event_id, limit, &list);
		if (code == SQLITE_OK)
			code = read_open(reader, OPEN_ORDERS, ROW_ORDER, &event_id, limit, &list);
		if (code == SQLITE_OK)
			code = read_open(reader, PAID_ORDERS, ROW_ORDER, &event_id, limit, &list);
		if (code == SQLITE_OK && list.count == 0)
			list.items[list.count++] = due_settlement(&event_id, version);
	}
	if (code != SQLITE_OK && code != SQLITE_DONE)
		return database_result(code);
	*ret_event = event_id;
	*ret_list = list;
	return STORE_OK;
}

enum store_result sqlite_account(struct reader *port, const struct uuid *event_id, struct sale_account *ret_account)
{
	assert(event_id != NULL && ret_account != NULL);
	struct sqlite_reader *reader = reader_of(port);
	sqlite3_stmt *select = reader->database.statements[ACCOUNT];
	struct sale_account account = {0};
	bind_uuid(select, 1, event_id);
	int code = database_step(&reader->database, ACCOUNT);
	bool is_right = code != SQLITE_ROW || stored_account_read(statement_columns(select), &account);
	database_reset(&reader->database, ACCOUNT);
	if (database_result(code) == STORE_OK && is_right)
		*ret_account = account;
	return is_right ? database_result(code) : STORE_CORRUPT;
}

enum store_result sqlite_list_refunds(struct reader *port, const struct refund_query *query, struct arena *arena,
                                      struct refund_list *ret_list)
{
	assert(query->limit > 0 && arena != NULL && ret_list != NULL);
	struct sqlite_reader *reader = reader_of(port);
	bool is_of_event = !uuid_is_nil(&query->event_id);
	uint32_t statement = is_of_event ? LIST_EVENT_REFUNDS : query->status == REFUND_DUE ? LIST_DUE_REFUNDS : LIST_REFUNDS;
	sqlite3_stmt *select = reader->database.statements[statement];
	struct refund_list list = {.refunds = arena_allocate_array(arena, query->limit, sizeof *list.refunds)};
	if (list.refunds == NULL)
		return STORE_CORRUPT;
	bind_uuid(select, 1, &query->after);
	bind_int(select, 2, query->limit);
	if (statement != LIST_DUE_REFUNDS)
		bind_int(select, 3, query->status);
	if (is_of_event)
		bind_uuid(select, 4, &query->event_id);
	int code;
	while ((code = database_step(&reader->database, statement)) == SQLITE_ROW) {
		assert(list.count < query->limit);
		if (!stored_refund_read(statement_columns(select), &list.refunds[list.count]))
			break;
		list.count++;
	}
	database_reset(&reader->database, statement);
	if (code == SQLITE_DONE)
		*ret_list = list;
	return code == SQLITE_ROW ? STORE_CORRUPT : database_result(code);
}
