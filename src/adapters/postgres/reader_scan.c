/* reader_scan.c: what the expiry worker and verify ask for: what is due, and every row in the order of its key. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/postgres/reader.h"

static enum store_result read_due(struct postgres_reader *reader, enum row_kind kind, uint64_t now_ms, uint32_t limit,
                                  struct due_item *items, uint32_t *ret_count)
{
	PGresult *answer;
	scalar_uint(&reader->parameters, 0, now_ms);
	scalar_int(&reader->parameters, 1, limit);
	enum store_result result = reader_query(reader, kind == ROW_HOLD ? DUE_HOLDS : DUE_ORDERS, &answer);
	if (result != STORE_OK)
		return result;
	uint32_t count = (uint32_t)PQntuples(answer);
	assert(count <= limit);
	for (uint32_t i = 0; i < count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		items[i] = (struct due_item){.kind = kind, .id = field_uuid(tuple, 0), .deadline_ms = field_uint(tuple, 1)};
	}
	PQclear(answer);
	*ret_count = count;
	return STORE_OK;
}

/* Lowers *next_ms to the first deadline past now_ms. */
static enum store_result read_next(struct postgres_reader *reader, enum reader_statement statement, uint64_t now_ms, uint64_t *next_ms)
{
	PGresult *answer;
	scalar_uint(&reader->parameters, 0, now_ms);
	enum store_result result = reader_query(reader, statement, &answer);
	if (result != STORE_OK)
		return result;
	if (PQntuples(answer) > 0 && field_uint((struct tuple){.answer = answer}, 0) < *next_ms)
		*next_ms = field_uint((struct tuple){.answer = answer}, 0);
	PQclear(answer);
	return STORE_OK;
}

static int compare_due(const void *a, const void *b)
{
	const struct due_item *left = a, *right = b;
	if (left->deadline_ms != right->deadline_ms)
		return left->deadline_ms < right->deadline_ms ? -1 : 1;
	return uuid_compare(&left->id, &right->id);
}

enum store_result postgres_list_due(struct reader *port, uint64_t now_ms, uint32_t limit, struct arena *arena, struct due_list *ret_list)
{
	struct postgres_reader *reader = reader_of(port);
	struct due_list list = {.items = arena_allocate_array(arena, (size_t)limit * 2, sizeof *list.items),
	                        .next_deadline_ms = UINT64_MAX};
	if (list.items == NULL)
		return STORE_CORRUPT;
	uint32_t holds = 0, orders = 0;
	enum store_result result = read_due(reader, ROW_HOLD, now_ms, limit, list.items, &holds);
	if (result == STORE_OK)
		result = read_due(reader, ROW_ORDER, now_ms, limit, list.items + holds, &orders);
	if (result == STORE_OK)
		result = read_next(reader, NEXT_HOLD, now_ms, &list.next_deadline_ms);
	if (result == STORE_OK)
		result = read_next(reader, NEXT_ORDER, now_ms, &list.next_deadline_ms);
	if (result != STORE_OK)
		return result;
	qsort(list.items, holds + orders, sizeof *list.items, compare_due);
	list.count = holds + orders < limit ? holds + orders : limit;
	*ret_list = list;
	return STORE_OK;
}

/* Puts the key to begin after; no id is the nil one, and no label or transaction id is empty. Answers the index of the limit. */
static uint32_t put_after(struct parameters *parameters, enum row_kind kind, const struct row *after)
{
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
	else if (row != NULL)
		id = &((const struct order *)row)->order_id;
	scalar_uuid(parameters, 0, id);
	return 1;
}

enum store_result postgres_scan(struct reader *port, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
                                const struct row ***ret_rows, uint32_t *ret_count)
{
	static const enum reader_statement scans[ROW_KEY] = {
		[ROW_SALE] = SCAN_SALES,   [ROW_SEAT] = SCAN_SEATS,       [ROW_HOLD] = SCAN_HOLDS,
		[ROW_ORDER] = SCAN_ORDERS, [ROW_PAYMENT] = SCAN_PAYMENTS,
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
		rows[i] = reader_read_row(reader, kind, (struct tuple){.answer = answer, .row = (int)i}, arena);
		is_right = rows[i] != NULL;
	}
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_rows = rows;
	*ret_count = count;
	return STORE_OK;
}
