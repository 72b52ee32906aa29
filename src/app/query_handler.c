/* query_handler.c: one function a kind of query: read rows, write JSON. */
#include "app/query_handler.h"

#include <assert.h>
#include <stdlib.h>

#include "app/availability.h"
#include "app/cursor.h"
#include "base/buffer.h"
#include "base/json_writer.h"
#include "codec/event_json.h"

#define ROWS_BLOCK (64 * 1024)
#define ROWS_MAX (64 * 1024 * 1024) /* a page of histories, each with the largest data */
#define BODY_MAX (64 * 1024 * 1024)
#define BODY_KEPT_MAX (1024 * 1024) /* storage beyond this is given back before the next query */

struct query_handler {
	struct reader *reader;
	struct arena rows;  /* of the query at hand */
	struct buffer body; /* of the query at hand */
};

enum error query_handler_new(struct reader *reader, struct query_handler **ret_handler)
{
	assert(reader != NULL);
	assert(ret_handler != NULL);

	struct query_handler *handler = calloc(1, sizeof *handler);
	if (handler == NULL)
		return ERR_NO_MEMORY;
	handler->reader = reader;
	arena_init(&handler->rows, ROWS_BLOCK, ROWS_MAX);
	buffer_init(&handler->body, NULL, BODY_MAX);
	*ret_handler = handler;
	return OK;
}

void query_handler_free(struct query_handler *handler)
{
	if (handler == NULL)
		return;
	arena_release(&handler->rows);
	buffer_release(&handler->body);
	free(handler);
}

/* The hold or order when it is the user's; else `unknown`. */
static enum error find_own(struct query_handler *handler, enum row_kind kind, const struct query *query, enum error unknown,
                           const struct row **ret_row)
{
	assert(kind == ROW_HOLD || kind == ROW_ORDER);
	assert(ret_row != NULL);
	const struct row *row;
	enum error error = error_of(handler->reader->operations->find(handler->reader, kind, &query->id, &handler->rows, &row));
	if (error != OK)
		return error;
	if (row == NULL)
		return unknown;
	const struct short_text *owner =
		kind == ROW_HOLD ? &container_of(row, const struct hold, row)->user : &container_of(row, const struct order, row)->user;
	if (!query->is_of_anybody && !slice_equal(short_text_slice(owner), query->user))
		return unknown;
	*ret_row = row;
	return OK;
}

static enum error write_hold(struct query_handler *handler, const struct query *query, uint64_t now_ms)
{
	assert(query->kind == QUERY_HOLD);
	const struct row *row;
	enum error error = find_own(handler, ROW_HOLD, query, ERR_HOLD_UNKNOWN, &row);
	if (error == OK)
		hold_write(&handler->body, container_of(row, const struct hold, row), now_ms);
	return error;
}

static enum error write_order(struct query_handler *handler, const struct query *query, uint64_t now_ms)
{
	assert(query->kind == QUERY_ORDER);
	const struct row *row;
	enum error error = find_own(handler, ROW_ORDER, query, ERR_ORDER_UNKNOWN, &row);
	if (error == OK)
		order_write(&handler->body, container_of(row, const struct order, row), now_ms);
	return error;
}

/* Ends {data:[… with what tells where the next page begins: behind `after`. */
static void end_page(struct json_writer *writer, const struct query *query, bool has_more, uint64_t after)
{
	assert(!has_more || after > 0 || query->has_after_id || query->kind == QUERY_REFUNDS);
	json_writer_array_end(writer);
	struct query next = *query;
	next.after = after;
	cursor_write(writer, has_more ? &next : NULL);
	json_writer_object_end(writer);
}

static void begin_page(struct json_writer *writer)
{
	assert(writer != NULL);
	json_writer_object_begin(writer, NULL);
	json_writer_array_begin(writer, "data");
}

static enum error write_history(struct query_handler *handler, const struct query *query)
{
	assert(query->kind == QUERY_HOLD_HISTORY || query->kind == QUERY_ORDER_HISTORY);
	assert(query->limit >= 1);
	bool is_hold = query->kind == QUERY_HOLD_HISTORY;
	const struct row *row;
	enum error error = find_own(handler, is_hold ? ROW_HOLD : ROW_ORDER, query, is_hold ? ERR_HOLD_UNKNOWN : ERR_ORDER_UNKNOWN, &row);
	if (error != OK)
		return error;
	/* One more than asked for tells whether there is a next page. */
	struct event_list list;
	uint32_t after = query->after > UINT32_MAX ? UINT32_MAX : (uint32_t)query->after;
	error = error_of(
		handler->reader->operations->list_history(handler->reader, &query->id, after, query->limit + 1, &handler->rows, &list));
	if (error != OK)
		return error;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < count; i++) {
		const struct event_record *record = &list.records[i];
		json_writer_object_begin(&writer, NULL);
		json_writer_uuid(&writer, "id", &record->id);
		json_writer_string(&writer, "type", slice_of(event_type_name(record->type)));
		json_writer_uint(&writer, "version", record->sequence);
		json_writer_time(&writer, "occurred_at", record->occurred_at_ms);
		json_writer_raw(&writer, "data", record->data);
		json_writer_object_end(&writer);
	}
	end_page(&writer, query, has_more, count == 0 ? 0 : list.records[count - 1].sequence);
	return OK;
}

static enum error check_event(struct query_handler *handler, const struct uuid *event_id)
{
	assert(event_id != NULL);
	const struct row *sale;
	enum store_result result = handler->reader->operations->find(handler->reader, ROW_SALE, event_id, &handler->rows, &sale);
	if (result != STORE_OK)
		return error_of(result);
	return sale == NULL ? ERR_EVENT_UNKNOWN : OK;
}

static enum error write_seats(struct query_handler *handler, const struct query *query, uint64_t now_ms)
{
	assert(query->kind == QUERY_SEATS);
	assert(query->limit >= 1);
	const struct seat_query seats = {
		.event_id = query->id,
		.status = query->seat_status,
		.after_position = query->after,
		.limit = query->limit,
		.now_ms = now_ms,
	};
	struct seat_list list;
	enum error error = error_of(handler->reader->operations->list_seats(handler->reader, &seats, &handler->rows, &list));
	if (error == OK && list.count == 0)
		error = check_event(handler, &query->id);
	if (error != OK)
		return error;
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < list.count; i++) {
		const struct seat_entry *entry = &list.entries[i];
		json_writer_object_begin(&writer, NULL);
		json_writer_string(&writer, "seat", entry->seat);
		json_writer_string_or_null(&writer, "section", entry->section);
		json_writer_string_or_null(&writer, "row", entry->row);
		json_writer_int(&writer, "price", entry->price);
		json_writer_string(&writer, "status", slice_of(seat_status_name(entry->status)));
		json_writer_object_end(&writer);
	}
	end_page(&writer, query, list.next_position != 0, list.next_position);
	return OK;
}

static enum error write_availability(struct query_handler *handler, const struct query *query, uint64_t now_ms)
{
	enum error error = check_event(handler, &query->id);
	return error == OK ? availability_write(handler->reader, &query->id, now_ms, &handler->rows, &handler->body) : error;
}

static enum error write_refunds(struct query_handler *handler, const struct query *query)
{
	assert(query->kind == QUERY_REFUNDS);
	assert(query->limit >= 1);
	/* One more than asked for tells whether there is a next page. */
	struct refund_query refunds = {.status = query->refund_status, .event_id = query->id, .limit = query->limit + 1};
	if (query->has_after_id)
		refunds.after = query->after_id;
	struct refund_list list;
	enum error error = error_of(handler->reader->operations->list_refunds(handler->reader, &refunds, &handler->rows, &list));
	if (error != OK)
		return error;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < count; i++)
		refund_write(&writer, &list.refunds[i]);
	struct query next = *query;
	if (has_more)
		next.after_id = list.refunds[count - 1].refund_id;
	end_page(&writer, &next, has_more, 0);
	return OK;
}

static enum error write_answer(struct query_handler *handler, const struct query *query, uint64_t now_ms)
{
	switch (query->kind) {
	case QUERY_HOLD:
		return write_hold(handler, query, now_ms);
	case QUERY_ORDER:
		return write_order(handler, query, now_ms);
	case QUERY_HOLD_HISTORY:
	case QUERY_ORDER_HISTORY:
		return write_history(handler, query);
	case QUERY_SEATS:
		return write_seats(handler, query, now_ms);
	case QUERY_AVAILABILITY:
		return write_availability(handler, query, now_ms);
	case QUERY_REFUNDS:
		return write_refunds(handler, query);
	case QUERY_EVENTS:
	case QUERY_EVENT:
		break;
	}
	assert(false && "events are the catalog's");
	return ERR_INTERNAL;
}

enum error query_handler_answer(struct query_handler *handler, const struct query *query, uint64_t now_ms, struct arena *arena,
                                struct slice *ret_body)
{
	assert(handler != NULL && query != NULL && arena != NULL && ret_body != NULL);
	assert(query->limit <= QUERY_LIMIT_MAX);

	arena_clear(&handler->rows);
	if (handler->body.capacity > BODY_KEPT_MAX)
		buffer_release(&handler->body);
	buffer_clear(&handler->body);
	enum error error = write_answer(handler, query, now_ms);
	if (error != OK)
		return error;
	if (handler->body.failed)
		return ERR_NO_MEMORY;
	struct slice body = arena_copy(arena, buffer_slice(&handler->body));
	if (body.data == NULL)
		return ERR_NO_MEMORY;
	*ret_body = body;
	return OK;
}
