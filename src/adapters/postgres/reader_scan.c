/* reader_scan.c: reads for the expiry worker, verify and the catalog's upkeep: due holds and orders, every row in the order of its key,
 * and the changes of sales. */
#include <assert.h>

#include "adapters/postgres/reader.h"

/* The due ones of the answer, whose rows are in order of their deadlines; behind them are the next of what is not due yet. */
static struct due_list read_due(const PGresult *answer, uint64_t now_ms, uint32_t limit, struct due_item *items)
{
	assert(items != NULL && limit > 0);
	struct due_list list = {.items = items, .next_deadline_ms = UINT64_MAX};
	for (int row = 0; row < PQntuples(answer) && list.next_deadline_ms == UINT64_MAX; row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		struct due_item item = {
			.kind = (enum row_kind)field_uint(tuple, 0), .id = field_uuid(tuple, 1), .deadline_ms = field_uint(tuple, 2)};
		if (item.deadline_ms > now_ms)
			list.next_deadline_ms = item.deadline_ms;
		else if (list.count < limit)
			items[list.count++] = item;
	}
	return list;
}

enum store_result postgres_list_due(struct reader *port, uint64_t now_ms, uint32_t limit, struct arena *arena, struct due_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	struct postgres_reader *reader = reader_of(port);
	struct due_item *items = arena_allocate_array(arena, limit, sizeof *items);
	if (items == NULL)
		return STORE_CORRUPT;
	PGresult *answer;
	scalar_uint(&reader->parameters, 0, now_ms);
	scalar_int(&reader->parameters, 1, limit);
	enum store_result result = reader_query(reader, LIST_DUE, &answer);
	if (result != STORE_OK)
		return result;
	*ret_list = read_due(answer, now_ms, limit, items);
	PQclear(answer);
	return STORE_OK;
}

/* Puts the key to begin after; no id is the nil one, and no label or transaction id is empty. Answers the index of the limit. */
static uint32_t put_after(struct parameters *parameters, enum row_kind kind, const struct row *after)
{
	assert(kind < ROW_KEY && parameters->count == 0);
	static const struct uuid before_all;
	const void *row = after;
	if (kind == ROW_PAYMENT) {
		scalar_bytes(parameters, 0, row == NULL ? SLICE("") : short_text_slice(&((const struct payment *)row)->transaction_id));
		return 1;
	}
	if (kind == ROW_SEAT) {
		scalar_uuid(parameters, 0, row == NULL ? &before_all : &((const struct seat *)row)->event_id);
		scalar_bytes(parameters, 1, row == NULL ? SLICE("") : seat_label_slice(&((const struct seat *)row)->label));
		return 2;
	}
	const struct uuid *id = &before_all;
	if (row != NULL && kind == ROW_SALE)
		id = &((const struct sale *)row)->event_id;
	else if (row != NULL && kind == ROW_HOLD)
		id = &((const struct hold *)row)->hold_id;
	else if (row != NULL && kind == ROW_REFUND)
		id = &((const struct refund *)row)->refund_id;
	else if (row != NULL)
		id = &((const struct order *)row)->order_id;
	scalar_uuid(parameters, 0, id);
	return 1;
}

enum store_result postgres_scan(struct reader *port, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
                                const struct row ***ret_rows, uint32_t *ret_count)
{
	assert(limit > 0 && arena != NULL && ret_rows != NULL && ret_count != NULL);
	static const enum reader_statement scans[ROW_KEY] = {
		[ROW_SALE] = SCAN_SALES,   [ROW_SEAT] = SCAN_SEATS,       [ROW_HOLD] = SCAN_HOLDS,
		[ROW_ORDER] = SCAN_ORDERS, [ROW_PAYMENT] = SCAN_PAYMENTS, [ROW_REFUND] = SCAN_REFUNDS,
	};
	assert(kind < ROW_KEY && (after == NULL || after->kind == kind));
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	scalar_int(&reader->parameters, put_after(&reader->parameters, kind, after), limit);
	enum store_result result = reader_query(reader, scans[kind], &answer);
	if (result != STORE_OK)
		return result;
	uint32_t count = (uint32_t)PQntuples(answer);
	const struct row **rows = arena_allocate_array(arena, count, sizeof *rows);
	bool is_right = rows != NULL;
	for (uint32_t i = 0; is_right && i < count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		rows[i] = stored_row_scan(tuple_columns(&tuple), kind, arena);
		is_right = rows[i] != NULL;
	}
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_rows = rows;
	*ret_count = count;
	return STORE_OK;
}

enum store_result postgres_list_catalog_changes(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                                struct catalog_change_list *ret_list)
{
	assert(limit > 0 && arena != NULL && ret_list != NULL);
	static const struct uuid before_all;
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, after == NULL ? &before_all : after);
	scalar_int(&reader->parameters, 1, limit);
	enum store_result result = reader_query(reader, LIST_CATALOG_CHANGES, &answer);
	if (result != STORE_OK)
		return result;
	struct catalog_change_list list = {.count = (uint32_t)PQntuples(answer)};
	list.changes = arena_allocate_array(arena, list.count, sizeof *list.changes);
	for (uint32_t i = 0; list.changes != NULL && i < list.count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		list.changes[i] = (struct catalog_change){.event_id = field_uuid(tuple, 0), .version = field_uint(tuple, 1)};
	}
	PQclear(answer);
	if (list.changes == NULL)
		return STORE_CORRUPT;
	*ret_list = list;
	return STORE_OK;
}

enum store_result postgres_drop_catalog_change(struct reader *port, const struct catalog_change *change)
{
	assert(change != NULL);
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, &change->event_id);
	scalar_uint(&reader->parameters, 1, change->version);
	enum store_result result = reader_query(reader, DROP_CATALOG_CHANGE, &answer);
	if (result == STORE_OK)
		PQclear(answer);
	return result;
}
