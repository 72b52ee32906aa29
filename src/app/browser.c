/* browser.c: one function a kind of query: read rows, write JSON. */
#include "app/browser.h"

#include <assert.h>
#include <stdlib.h>

#include "app/cursor.h"
#include "base/buffer.h"
#include "base/json_writer.h"
#include "codec/event_json.h"

#define ROWS_BLOCK (64 * 1024)
#define ROWS_MAX (64 * 1024 * 1024) /* a page of histories, each with the largest data */
#define BODY_MAX (64 * 1024 * 1024)
#define BODY_KEPT_MAX (1024 * 1024) /* storage beyond this is given back before the next query */

struct browser {
	struct reader *reader;
	struct arena rows;  /* of the query at hand */
	struct buffer body; /* of the query at hand */
};

enum error browser_new(struct reader *reader, struct browser **ret_browser)
{
	assert(reader != NULL);
	assert(ret_browser != NULL);

	struct browser *browser = calloc(1, sizeof *browser);
	if (browser == NULL)
		return ERR_NO_MEMORY;
	browser->reader = reader;
	arena_init(&browser->rows, ROWS_BLOCK, ROWS_MAX);
	buffer_init(&browser->body, NULL, BODY_MAX);
	*ret_browser = browser;
	return OK;
}

void browser_free(struct browser *browser)
{
	if (browser == NULL)
		return;
	arena_release(&browser->rows);
	buffer_release(&browser->body);
	free(browser);
}

static enum error error_of(enum store_result result)
{
	if (result == STORE_OK)
		return OK;
	return result == STORE_CORRUPT ? ERR_CORRUPT : ERR_STORE_UNAVAILABLE;
}

/* The hold or order when it is the user's; else `unknown`. */
static enum error find_own(struct browser *browser, enum row_kind kind, const struct query *query, enum error unknown,
                           const struct row **ret_row)
{
	const struct row *row;
	enum error error = error_of(browser->reader->operations->find(browser->reader, kind, &query->id, &browser->rows, &row));
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

static enum error write_hold(struct browser *browser, const struct query *query, uint64_t now_ms)
{
	const struct row *row;
	enum error error = find_own(browser, ROW_HOLD, query, ERR_HOLD_UNKNOWN, &row);
	if (error == OK)
		hold_write(&browser->body, container_of(row, const struct hold, row), now_ms);
	return error;
}

static enum error write_order(struct browser *browser, const struct query *query, uint64_t now_ms)
{
	const struct row *row;
	enum error error = find_own(browser, ROW_ORDER, query, ERR_ORDER_UNKNOWN, &row);
	if (error == OK)
		order_write(&browser->body, container_of(row, const struct order, row), now_ms);
	return error;
}

/* Ends {data:[… with what tells where the next page begins: behind `after`. */
static void end_page(struct json_writer *writer, const struct query *query, bool has_more, uint64_t after)
{
	json_writer_array_end(writer);
	if (has_more) {
		struct query next = *query;
		next.after = after;
		char cursor[CURSOR_TEXT_LENGTH + 1];
		cursor_format(&next, cursor);
		json_writer_string(writer, "next_cursor", slice_of(cursor));
	} else {
		json_writer_null(writer, "next_cursor");
	}
	json_writer_object_end(writer);
}

static void begin_page(struct json_writer *writer)
{
	json_writer_object_begin(writer, NULL);
	json_writer_array_begin(writer, "data");
}

static enum error write_history(struct browser *browser, const struct query *query)
{
	bool is_hold = query->kind == QUERY_HOLD_HISTORY;
	const struct row *row;
	enum error error = find_own(browser, is_hold ? ROW_HOLD : ROW_ORDER, query, is_hold ? ERR_HOLD_UNKNOWN : ERR_ORDER_UNKNOWN, &row);
	if (error != OK)
		return error;
	/* One more than asked for tells whether there is a next page. */
	struct event_list list;
	uint32_t after = query->after > UINT32_MAX ? UINT32_MAX : (uint32_t)query->after;
	error = error_of(
		browser->reader->operations->list_history(browser->reader, &query->id, after, query->limit + 1, &browser->rows, &list));
	if (error != OK)
		return error;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&browser->body);
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

static enum error check_event(struct browser *browser, const struct uuid *event_id)
{
	const struct row *sale;
	enum store_result result = browser->reader->operations->find(browser->reader, ROW_SALE, event_id, &browser->rows, &sale);
	if (result != STORE_OK)
		return error_of(result);
	return sale == NULL ? ERR_EVENT_UNKNOWN : OK;
}

static void write_text_or_null(struct json_writer *writer, const char *key, struct slice text)
{
	if (slice_is_empty(text))
		json_writer_null(writer, key);
	else
		json_writer_string(writer, key, text);
}

static enum error write_seats(struct browser *browser, const struct query *query, uint64_t now_ms)
{
	const struct seat_query seats = {
		.event_id = query->id,
		.status = query->seat_status,
		.after_position = query->after,
		.limit = query->limit,
		.now_ms = now_ms,
	};
	struct seat_list list;
	enum error error = error_of(browser->reader->operations->list_seats(browser->reader, &seats, &browser->rows, &list));
	if (error == OK && list.count == 0)
		error = check_event(browser, &query->id);
	if (error != OK)
		return error;
	struct json_writer writer = json_writer_on(&browser->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < list.count; i++) {
		const struct seat_entry *entry = &list.entries[i];
		json_writer_object_begin(&writer, NULL);
		json_writer_string(&writer, "seat", entry->seat);
		write_text_or_null(&writer, "section", entry->section);
		write_text_or_null(&writer, "row", entry->row);
		json_writer_int(&writer, "price", entry->price);
		json_writer_string(&writer, "status", slice_of(seat_status_name(entry->status)));
		json_writer_object_end(&writer);
	}
	end_page(&writer, query, list.next_position != 0, list.next_position);
	return OK;
}

static enum error write_refunds(struct browser *browser, const struct query *query)
{
	/* One more than asked for tells whether there is a next page. */
	struct refund_query refunds = {.status = query->refund_status, .event_id = query->id, .limit = query->limit + 1};
	if (query->has_after_id)
		refunds.after = query->after_id;
	struct refund_list list;
	enum error error = error_of(browser->reader->operations->list_refunds(browser->reader, &refunds, &browser->rows, &list));
	if (error != OK)
		return error;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&browser->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < count; i++)
		refund_write(&writer, &list.refunds[i]);
	struct query next = *query;
	if (has_more)
		next.after_id = list.refunds[count - 1].refund_id;
	end_page(&writer, &next, has_more, 0);
	return OK;
}

static enum error write_answer(struct browser *browser, const struct query *query, uint64_t now_ms)
{
	switch (query->kind) {
	case QUERY_HOLD:
		return write_hold(browser, query, now_ms);
	case QUERY_ORDER:
		return write_order(browser, query, now_ms);
	case QUERY_HOLD_HISTORY:
	case QUERY_ORDER_HISTORY:
		return write_history(browser, query);
	case QUERY_SEATS:
		return write_seats(browser, query, now_ms);
	case QUERY_REFUNDS:
		return write_refunds(browser, query);
	case QUERY_EVENTS:
	case QUERY_EVENT:
		break;
	}
	assert(false && "events are the catalog's");
	return ERR_INTERNAL;
}

enum error browser_answer(struct browser *browser, const struct query *query, uint64_t now_ms, struct arena *arena, struct slice *ret_body)
{
	assert(browser != NULL && query != NULL && arena != NULL && ret_body != NULL);
	assert(query->limit <= QUERY_LIMIT_MAX);

	arena_clear(&browser->rows);
	if (browser->body.capacity > BODY_KEPT_MAX)
		buffer_release(&browser->body);
	buffer_clear(&browser->body);
	enum error error = write_answer(browser, query, now_ms);
	if (error != OK)
		return error;
	if (browser->body.failed)
		return ERR_NO_MEMORY;
	struct slice body = arena_copy(arena, buffer_slice(&browser->body));
	if (body.data == NULL)
		return ERR_NO_MEMORY;
	*ret_body = body;
	return OK;
}
