/* replayer.c: a page of events at a time: read, apply to a view, write the rows that changed. */
#include "app/replayer.h"

#include <assert.h>

#include "base/hlc.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "domain/changes.h"
#include "domain/needs.h"
#include "domain/view.h"

#define PAGE_EVENTS 1000
#define VIEW_ROWS_MAX 65536
#define ARENA_BLOCK (256 * 1024)
#define ARENA_MAX ((size_t)1024 * 1024 * 1024) /* a page with events of a million listed seats */

struct page {
	struct replay *replay;
	struct view *view;
	struct arena *arena;
	struct event_list list;
	struct event *events;
	uint32_t begin, end; /* of the events that are being applied */
};

static enum error fail(struct page *page, uint32_t index, const char *problem)
{
	page->replay->ret_event = page->list.records[index].id;
	page->replay->ret_stream = page->list.records[index].stream_id;
	page->replay->ret_problem = problem;
	return ERR_CORRUPT;
}

static enum error error_of(enum store_result result)
{
	return result == STORE_OK ? OK : result == STORE_CORRUPT ? ERR_CORRUPT : ERR_STORE_UNAVAILABLE;
}

enum error replay_decode(const struct event_record *record, struct arena *arena, struct event *ret_event)
{
	*ret_event = (struct event){
		.id = record->id,
		.type = record->type,
		.stream_id = record->stream_id,
		.sequence = record->sequence,
		.occurred_at_ms = record->occurred_at_ms,
		.actor = record->actor,
		.trace = record->trace,
		.idempotency = record->idempotency,
	};
	return event_data_read(record->data, arena, ret_event);
}

static enum error decode(struct page *page)
{
	page->events = arena_allocate_array(page->arena, page->list.count, sizeof *page->events);
	if (page->events == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < page->list.count; i++) {
		const struct event_record *record = &page->list.records[i];
		if (record->occurred_at_ms != hlc_milliseconds(uuid_stamp(&record->id)))
			return fail(page, i, "its time is not that of its id");
		enum error error = replay_decode(record, page->arena, &page->events[i]);
		if (error == ERR_CORRUPT)
			return fail(page, i, "its data is not what its type has");
		if (error != OK)
			return error;
	}
	return OK;
}

static enum error load(struct page *page)
{
	struct needs needs;
	needs_init(&needs, page->arena);
	for (uint32_t i = page->begin; i < page->end; i++)
		if (event_needs(&page->events[i], page->view, &needs) != OK)
			return ERR_NO_MEMORY;
	if (needs_are_empty(&needs))
		return OK;
	needs_finish(&needs);
	return error_of(store_load(page->replay->to, &needs, page->view));
}

static enum error write_rows(struct page *page)
{
	struct changes changes;
	changes_init(&changes, page->arena, view_clock(page->view), 0, 0);
	changes.is_replay = true;
	changes.events = page->events + page->begin;
	changes.event_count = page->end - page->begin;
	enum error error = changes_collect(&changes, page->view);
	return error != OK ? error : error_of(store_commit(page->replay->to, &changes));
}

/* Applies the events from page->begin to page->end and writes what they change. */
static enum error replay_part(struct page *page)
{
	view_step_begin(page->view, 0);
	enum error error = load(page);
	for (uint32_t i = page->begin; error == OK && i < page->end; i++) {
		error = apply(page->view, &page->events[i]);
		if (error == ERR_CORRUPT)
			return fail(page, i, "it cannot follow the events before it");
	}
	if (error == OK)
		error = write_rows(page);
	if (error == OK)
		view_step_committed(page->view);
	return error;
}

/* The seats of a new event are made by the store: what follows can load them only when it is written. */
static enum error replay_page(struct page *page)
{
	enum error error = decode(page);
	for (page->begin = 0; error == OK && page->begin < page->list.count; page->begin = page->end) {
		page->end = page->begin + 1;
		while (page->end < page->list.count && page->events[page->end - 1].type != EVENT_SALE_CREATED)
			page->end++;
		error = replay_part(page);
	}
	return error;
}

static enum error replay_all(struct page *page)
{
	struct replay *replay = page->replay;
	struct uuid after;
	do {
		arena_clear(page->arena);
		enum store_result result = replay->from->operations->list_events(replay->from, replay->ret_events == 0 ? NULL : &after,
		                                                                 PAGE_EVENTS, page->arena, &page->list);
		enum error error = result == STORE_OK ? replay_page(page) : error_of(result);
		if (error != OK)
			return error;
		if (page->list.count > 0)
			after = page->list.records[page->list.count - 1].id;
		replay->ret_events += page->list.count;
		if (replay->progress != NULL)
			replay->progress(replay->context, replay->ret_events);
	} while (page->list.count == PAGE_EVENTS);
	return OK;
}

enum error replay_events(struct replay *replay)
{
	assert(replay != NULL && replay->from != NULL && replay->to != NULL);
	struct arena arena;
	const struct hash_seed seed = {.k0 = 0, .k1 = 0}; /* nobody outside chooses when this runs */
	struct view *view = view_new(VIEW_ROWS_MAX, seed);
	if (view == NULL)
		return ERR_NO_MEMORY;
	arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
	struct page page = {.replay = replay, .view = view, .arena = &arena};
	replay->ret_events = 0;
	replay->ret_problem = NULL;
	enum error error = replay_all(&page);
	arena_release(&arena);
	view_free(view);
	return error;
}
