/* reader_outbox.c: the outbox as it is, for verify. */
#include <assert.h>
#include <string.h>

#include "adapters/postgres/reader.h"

/* Puts the ids of all entries' events as $1; the entries, whose events are not read yet. */
static uint32_t put_ids(struct postgres_reader *reader, const PGresult *answer, struct waiting_entry *entries)
{
	assert(reader->parameters.count == 0);
	uint32_t total = 0;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		entries[row] = (struct waiting_entry){
			.partition = (uint8_t)field_uint(tuple, 0),
			.id = field_uuid(tuple, 1),
			.count = array_uuids(&reader->parameters, 0, field_text(tuple, 2)),
		};
		total += entries[row].count;
	}
	return total;
}

static enum store_result read_waiting(struct postgres_reader *reader, uint32_t total, struct arena *arena,
                                      struct waiting_event **ret_events)
{
	assert(total > 0 && arena != NULL && ret_events != NULL);
	PGresult *answer;
	enum store_result result = reader_query(reader, FIND_WAITING, &answer);
	if (result != STORE_OK)
		return result;
	struct waiting_event *events = arena_allocate_array(arena, total, sizeof *events);
	bool is_right = events != NULL && (uint32_t)PQntuples(answer) == total;
	for (uint32_t i = 0; is_right && i < total; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		uint64_t type = field_uint(tuple, 2);
		events[i] = (struct waiting_event){
			.id = field_uuid(tuple, 0),
			.stream_id = field_uuid(tuple, 1),
			.type = type < EVENT_TYPE_COUNT ? (enum event_type)type : EVENT_NONE,
		};
	}
	PQclear(answer);
	if (!is_right)
		return STORE_CORRUPT;
	*ret_events = events;
	return STORE_OK;
}

static enum store_result read_entries(struct postgres_reader *reader, const PGresult *answer, struct arena *arena,
                                      struct waiting_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	struct waiting_list list = {.count = (uint32_t)PQntuples(answer)};
	struct waiting_event *events = NULL;
	list.entries = arena_allocate_array(arena, list.count, sizeof *list.entries);
	if (list.entries == NULL)
		return STORE_CORRUPT;
	uint32_t total = put_ids(reader, answer, list.entries);
	enum store_result result = total > 0 ? read_waiting(reader, total, arena, &events) : STORE_OK;
	if (result != STORE_OK)
		return result;
	for (uint32_t i = 0; i < list.count; events += list.entries[i++].count)
		list.entries[i].events = events;
	*ret_list = list;
	return STORE_OK;
}

enum store_result postgres_list_outbox(struct reader *port, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
                                       struct waiting_list *ret_list)
{
	assert(arena != NULL && ret_list != NULL);
	static const struct uuid before_all;
	assert(limit > 0);
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	scalar_int(&reader->parameters, 0, after == NULL ? -1 : after->partition);
	scalar_uuid(&reader->parameters, 1, after == NULL ? &before_all : &after->id);
	scalar_int(&reader->parameters, 2, limit);
	enum store_result result = reader_query(reader, LIST_OUTBOX, &answer);
	if (result != STORE_OK)
		return result;
	result = read_entries(reader, answer, arena, ret_list);
	PQclear(answer);
	return result;
}
