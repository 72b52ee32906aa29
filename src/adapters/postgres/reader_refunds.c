/* reader_refunds.c: lists refunds, and the open holds and orders of a cancelled event. */
#include <assert.h>
#include <string.h>

#include "adapters/postgres/reader.h"

/* The cancelled event as what is to be settled; of the kind ROW_KIND_COUNT when there is none. */
static enum store_result find_cancelled(struct postgres_reader *reader, const struct uuid *after, struct due_item *ret_event)
{
	assert(ret_event != NULL);
	static const struct uuid before_all;
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, after == NULL ? &before_all : after);
	enum store_result result = reader_query(reader, CANCELLED_SALE, &answer);
	if (result != STORE_OK)
		return result;
	struct tuple tuple = {.answer = answer};
	*ret_event = (struct due_item){.kind = ROW_KIND_COUNT};
	if (PQntuples(answer) > 0) {
		struct uuid event_id = field_uuid(tuple, 0);
		*ret_event = due_settlement(&event_id, field_uint(tuple, 1));
	}
	PQclear(answer);
	return STORE_OK;
}

static enum store_result list_open(struct postgres_reader *reader, const struct uuid *event_id, uint32_t limit, struct due_list *list)
{
	assert(list->items != NULL && list->count == 0 && limit > 0);
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, event_id);
	scalar_int(&reader->parameters, 1, limit);
	enum store_result result = reader_query(reader, LIST_OPEN, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer) && list->count < limit; row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		list->items[list->count++] = (struct due_item){.kind = (enum row_kind)field_uint(tuple, 0), .id = field_uuid(tuple, 1)};
	}
	PQclear(answer);
	return STORE_OK;
}

enum store_result postgres_list_cancelled(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                          struct uuid *ret_event, struct due_list *ret_list)
{
	assert(arena != NULL && ret_event != NULL && ret_list != NULL);
	assert(limit > 0);
	struct postgres_reader *reader = reader_of(port);
	struct due_list list = {.next_deadline_ms = UINT64_MAX};
	struct due_item event;
	enum store_result result = find_cancelled(reader, after, &event);
	if (result == STORE_OK && event.kind == ROW_SALE) {
		list.items = arena_allocate_array(arena, limit, sizeof *list.items);
		if (list.items == NULL)
			return STORE_CORRUPT;
		result = list_open(reader, &event.id, limit, &list);
		if (result == STORE_OK && list.count == 0)
			list.items[list.count++] = event;
	}
	if (result != STORE_OK)
		return result;
	*ret_event = event.id;
	*ret_list = list;
	return STORE_OK;
}

enum store_result postgres_account(struct reader *port, const struct uuid *event_id, struct sale_account *ret_account)
{
	assert(event_id != NULL && ret_account != NULL);
	struct postgres_reader *reader = reader_of(port);
	struct sale_account account = {0};
	PGresult *answer;
	scalar_uuid(&reader->parameters, 0, event_id);
	enum store_result result = reader_query(reader, ACCOUNT, &answer);
	if (result != STORE_OK)
		return result;
	bool is_right = PQntuples(answer) == 0 || stored_account_read(tuple_columns(&(struct tuple){.answer = answer}), &account);
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_account = account;
	return STORE_OK;
}

enum reader_statement put_refunds(struct parameters *parameters, const struct refund_query *query)
{
	assert(query->limit > 0);
	bool is_of_event = !uuid_is_nil(&query->event_id);
	enum reader_statement statement = is_of_event ? LIST_EVENT_REFUNDS : query->status == REFUND_DUE ? LIST_DUE_REFUNDS : LIST_REFUNDS;
	scalar_uuid(parameters, 0, &query->after);
	scalar_int(parameters, 1, query->limit);
	if (statement != LIST_DUE_REFUNDS)
		scalar_int(parameters, 2, query->status);
	if (is_of_event)
		scalar_uuid(parameters, 3, &query->event_id);
	return statement;
}

enum store_result read_refunds(const PGresult *answer, struct arena *arena, struct refund_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	struct refund_list list = {.count = (uint32_t)PQntuples(answer)};
	list.refunds = arena_allocate_array(arena, list.count, sizeof *list.refunds);
	bool is_right = list.refunds != NULL;
	for (uint32_t i = 0; is_right && i < list.count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		is_right = stored_refund_read(tuple_columns(&tuple), &list.refunds[i]);
	}
	if (!is_right)
		return STORE_CORRUPT;
	*ret_list = list;
	return STORE_OK;
}

enum store_result postgres_list_refunds(struct reader *port, const struct refund_query *query, struct arena *arena,
                                        struct refund_list *ret_list)
{
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	enum store_result result = reader_query(reader, put_refunds(&reader->parameters, query), &answer);
	if (result != STORE_OK)
		return result;
	result = read_refunds(answer, arena, ret_list);
	PQclear(answer);
	return result;
}
