/* replayer.c: a page of events at a time: read, apply to a view, write the rows that changed. The next page is read meanwhile, on a thread
 * of its own. */
#include "app/replayer.h"

#include <assert.h>
#include <pthread.h>

#include "base/hlc.h"
#include "codec/event_json.h"
#include "domain/apply.h"
#include "state/changes.h"
#include "state/needs.h"
#include "state/view.h"

#define PAGE_EVENTS 8192
#define VIEW_ROWS_MAX 262144
#define ARENA_BLOCK (256 * 1024)
#define ARENA_MAX ((size_t)1024 * 1024 * 1024) /* a page with events of a million listed seats */

struct page {
	struct replay *replay;
	struct view *view;
	struct arena arena;
	struct uuid after; /* the last event before it; nil: it is the first page */
	struct event_list list;
	struct event *events;
	uint32_t begin, end; /* of the events that are being applied */
	uint32_t failed;     /* the event that fails … */
	const char *problem; /* … and why; NULL: none is known to be */
	enum error error;    /* of reading it */
	bool is_last;
};

static enum error fail(struct page *page, uint32_t index, const char *problem)
{
	assert(problem != NULL);
	page->failed = index;
	page->problem = problem;
	return ERR_CORRUPT;
}

enum error replay_decode(const struct event_record *record, struct arena *arena, struct event *ret_event)
{
	assert(record != NULL && arena != NULL && ret_event != NULL);
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
	assert(page != NULL);
	page->events = arena_allocate_array(&page->arena, page->list.count, sizeof *page->events);
	if (page->events == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < page->list.count; i++) {
		const struct event_record *record = &page->list.records[i];
		if (record->occurred_at_ms != hlc_milliseconds(uuid_stamp(&record->id)))
			return fail(page, i, "its time is not that of its id");
		enum error error = replay_decode(record, &page->arena, &page->events[i]);
		if (error == ERR_CORRUPT)
			return fail(page, i, "its data is not what its type has");
		if (error != OK)
			return error;
	}
	return OK;
}

static enum error load(struct page *page)
{
	assert(page != NULL);
	struct needs needs;
	needs_init(&needs, &page->arena);
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
	assert(page != NULL);
	struct changes changes;
	changes_init(&changes, &page->arena, view_clock(page->view), 0, 0);
	changes.is_replay = true;
	changes.events = page->events + page->begin;
	changes.event_count = page->end - page->begin;
	enum error error = changes_collect(&changes, page->view);
	return error != OK ? error : error_of(store_commit(page->replay->to, &changes));
}

/* Applies the events from page->begin to page->end and writes what they change. */
static enum error replay_part(struct page *page)
{
	assert(page != NULL);
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

/* The store makes the seats of a new event: later events can load them only when it is written. */
static enum error replay_page(struct page *page)
{
	assert(page != NULL);
	enum error error = OK;
	for (page->begin = 0; error == OK && page->begin < page->list.count; page->begin = page->end) {
		page->end = page->begin + 1;
		while (page->end < page->list.count && page->events[page->end - 1].type != EVENT_SALE_CREATED)
			page->end++;
		error = replay_part(page);
	}
	return error;
}

/* Whether another page follows; without the events that are not asked for. */
static void end_list(struct page *page)
{
	assert(page != NULL);
	const struct uuid *until = &page->replay->until;
	page->is_last = page->list.count < PAGE_EVENTS;
	if (uuid_is_nil(until))
		return;
	while (page->list.count > 0 && uuid_compare(&page->list.records[page->list.count - 1].id, until) > 0) {
		page->list.count--;
		page->is_last = true;
	}
}

/* A thread of its own: nobody else uses the reader meanwhile. */
static void *read_page(void *argument)
{
	assert(argument != NULL);
	struct page *page = argument;
	struct reader *reader = page->replay->from;
	const struct uuid *after = uuid_is_nil(&page->after) ? NULL : &page->after;
	arena_clear(&page->arena);
	page->list.count = 0;
	page->error = error_of(reader->operations->list_events(reader, after, PAGE_EVENTS, &page->arena, &page->list));
	if (page->error != OK)
		return NULL;
	end_list(page);
	page->error = decode(page);
	return NULL;
}

/* Replays the page while the next is read, which there may be when this one is full. */
static enum error replay_beside_reading(struct page *page, struct page *next)
{
	assert(page != next);
	pthread_t thread;
	bool has_next = !page->is_last;
	next->after = page->list.count == 0 ? page->after : page->list.records[page->list.count - 1].id;
	bool has_thread = has_next && pthread_create(&thread, NULL, read_page, next) == 0;
	enum error error = replay_page(page);
	if (has_thread)
		(void)pthread_join(thread, NULL);
	else if (has_next && error == OK)
		(void)read_page(next);
	return error;
}

static void tell_failure(const struct page *page)
{
	assert(page != NULL);
	if (page->problem == NULL)
		return;
	page->replay->ret_event = page->list.records[page->failed].id;
	page->replay->ret_stream = page->list.records[page->failed].stream_id;
	page->replay->ret_problem = page->problem;
}

static enum error replay_all(struct page pages[static 2])
{
	struct page *page = &pages[0], *next = &pages[1];
	struct replay *replay = page->replay;
	bool has_next = true;
	(void)read_page(page);
	while (has_next) {
		enum error error = page->error == OK ? replay_beside_reading(page, next) : page->error;
		if (error != OK) {
			tell_failure(page);
			return error;
		}
		replay->ret_events += page->list.count;
		replay->after = next->after;
		has_next = !page->is_last;
		if (replay->progress != NULL)
			replay->progress(replay->context, replay->ret_events);
		struct page *done = page;
		page = next;
		next = done;
	}
	return OK;
}

enum error replay_events(struct replay *replay)
{
	assert(replay != NULL && replay->from != NULL && replay->to != NULL);
	const struct hash_seed seed = {.k0 = 0, .k1 = 0}; /* nobody outside chooses when this runs */
	struct view *view = view_new(VIEW_ROWS_MAX, seed);
	struct page pages[2];
	if (view == NULL)
		return ERR_NO_MEMORY;
	for (int i = 0; i < 2; i++) {
		pages[i] = (struct page){.replay = replay, .view = view, .after = replay->after};
		arena_init(&pages[i].arena, ARENA_BLOCK, ARENA_MAX);
	}
	replay->ret_problem = NULL;
	enum error error = replay_all(pages);
	for (int i = 0; i < 2; i++)
		arena_release(&pages[i].arena);
	view_free(view);
	return error;
}
