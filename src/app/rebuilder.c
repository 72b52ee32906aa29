/* rebuilder.c: replays into the scratch store, and copies what is there, kind by kind. A sale is written as its first event makes it,
 * because that brings the seats, and then as it is; of the seats only those that differ from their beginning follow. */
#include "app/rebuilder.h"

#include <assert.h>

#include "base/hlc.h"
#include "domain/apply.h"
#include "state/changes.h"
#include "state/view.h"

#define PAGE_ROWS 5000
#define ARENA_BLOCK (256 * 1024)
#define ARENA_MAX ((size_t)1024 * 1024 * 1024) /* an event with a million listed seats */

struct copying {
	struct rebuild *rebuild;
	struct arena page, batch; /* of the rows that are read, and of those that are written */
	struct hlc clock;
	struct uuid event_id; /* of the seats at hand … */
	uint64_t created;     /* … and the version that they begin with */
};

/* The error for the result of a step of the store's replay. */
static enum error step(struct rebuild *rebuild, enum store_result result)
{
	assert(rebuild != NULL);
	rebuild->ret_is_overtaken = rebuild->ret_is_overtaken || result == STORE_STALE;
	return error_of(result);
}

static enum error write(struct copying *copying, const struct row **rows, uint32_t count, const struct event *created)
{
	assert(rows != NULL && count > 0);
	struct changes changes;
	changes_init(&changes, &copying->batch, &copying->clock, 0, 0);
	changes.is_replay = true;
	changes.rows = rows;
	changes.row_count = count;
	changes.events = (struct event *)(uintptr_t)created; /* read, never written */
	changes.event_count = created == NULL ? 0 : 1;
	enum store_result result = store_commit(copying->rebuild->store, &changes);
	copying->rebuild->ret_rows += count;
	return result == STORE_STALE ? ERR_CORRUPT : error_of(result);
}

/* The event that made the sale: in the batch's arena. */
static enum error read_created(struct copying *copying, const struct uuid *event_id, struct event_list *ret_list)
{
	assert(event_id != NULL && ret_list != NULL);
	struct reader *reader = copying->rebuild->reader;
	arena_clear(&copying->batch);
	enum store_result result = reader->operations->list_history(reader, event_id, 0, 1, &copying->batch, ret_list);
	if (result == STORE_OK && ret_list->count != 1)
		result = STORE_CORRUPT;
	return error_of(result);
}

static enum error copy_created(struct copying *copying, struct view *view, const struct uuid *event_id, uint64_t *ret_version)
{
	assert(view != NULL && event_id != NULL);
	assert(ret_version != NULL);
	struct event_list list;
	struct event event;
	enum error error = read_created(copying, event_id, &list);
	if (error == OK)
		error = replay_decode(&list.records[0], &copying->batch, &event);
	if (error == OK)
		error = apply(view, &event);
	if (error != OK)
		return error;
	const struct row *row = &view_sale(view, event_id)->row;
	*ret_version = row->version;
	return write(copying, &row, 1, &event);
}

static enum error copy_sale(struct copying *copying, struct row *row)
{
	assert(row->kind == ROW_SALE);
	struct view *view = view_new(1, (struct hash_seed){0});
	uint64_t version = 0;
	if (view == NULL)
		return ERR_NO_MEMORY;
	view_step_begin(view, 0);
	enum error error = copy_created(copying, view, &((const struct sale *)(const void *)row)->event_id, &version);
	view_step_failed(view);
	view_free(view);
	if (error != OK || row->version == version)
		return error;
	row->stored_version = version;
	const struct row *changed = row;
	return write(copying, &changed, 1, NULL);
}

/* Whether it was ever taken; if so, after what version. */
static enum error was_taken(struct copying *copying, struct row *row, bool *ret_taken)
{
	assert(row->kind == ROW_SEAT);
	assert(ret_taken != NULL);
	const struct seat *seat = (const struct seat *)(const void *)row;
	if (!uuid_equal(&seat->event_id, &copying->event_id)) {
		struct event_list list;
		enum error error = read_created(copying, &seat->event_id, &list);
		if (error != OK)
			return error;
		copying->event_id = seat->event_id;
		copying->created = uuid_stamp(&list.records[0].id);
	}
	row->stored_version = copying->created;
	*ret_taken = row->version != copying->created;
	return OK;
}

static enum error copy_page(struct copying *copying, enum row_kind kind, const struct row **rows, uint32_t count)
{
	assert(kind < ROW_KEY);
	assert(count > 0);
	uint32_t kept = 0;
	enum error error = OK;
	for (uint32_t i = 0; error == OK && i < count; i++) {
		struct row *row = (struct row *)(uintptr_t)rows[i]; /* the scratch's, and nobody else reads it */
		bool is_written = true;
		if (row->version == 0)
			return ERR_CORRUPT;
		row->stored_version = 0;
		if (kind == ROW_SEAT)
			error = was_taken(copying, row, &is_written);
		if (error == OK && kind == ROW_SALE)
			error = copy_sale(copying, row);
		else if (is_written)
			rows[kept++] = row;
	}
	if (error != OK || kept == 0)
		return error;
	arena_clear(&copying->batch);
	return write(copying, rows, kept, NULL);
}

/* The last row of a page is where the next goes on: it is kept until that is read. */
static enum error copy_kind(struct copying *copying, enum row_kind kind)
{
	assert(kind < ROW_KEY);
	struct rebuild *rebuild = copying->rebuild;
	struct reader *reader = rebuild->scratch_reader;
	const struct row **rows, *after = NULL;
	uint32_t count = PAGE_ROWS;
	enum error error = OK;
	while (error == OK && count == PAGE_ROWS) {
		struct arena arena;
		arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
		error = error_of(reader->operations->scan(reader, kind, after, PAGE_ROWS, &arena, &rows, &count));
		arena_release(&copying->page);
		copying->page = arena;
		after = error == OK && count > 0 ? rows[count - 1] : NULL;
		if (error == OK && count > 0)
			error = copy_page(copying, kind, rows, count);
		if (rebuild->progress != NULL)
			rebuild->progress(rebuild->context, rebuild->ret_events, rebuild->ret_rows);
	}
	return error;
}

static enum error copy_all(struct rebuild *rebuild)
{
	assert(rebuild != NULL);
	struct copying copying = {.rebuild = rebuild};
	arena_init(&copying.page, ARENA_BLOCK, ARENA_MAX);
	arena_init(&copying.batch, ARENA_BLOCK, ARENA_MAX);
	enum error error = OK;
	for (enum row_kind kind = ROW_SALE; error == OK && kind < ROW_KEY; kind++)
		error = copy_kind(&copying, kind);
	arena_release(&copying.page);
	arena_release(&copying.batch);
	return error;
}

static void show_replayed(void *context, uint64_t events)
{
	assert(context != NULL);
	struct rebuild *rebuild = context;
	if (rebuild->progress != NULL)
		rebuild->progress(rebuild->context, events, 0);
}

static enum error replay_and_copy(struct rebuild *rebuild)
{
	assert(rebuild != NULL);
	struct store *store = rebuild->store;
	struct replay replay = {.from = rebuild->reader, .to = rebuild->scratch, .progress = show_replayed, .context = rebuild};
	enum error error = replay_events(&replay);
	rebuild->ret_events = replay.ret_events;
	rebuild->ret_event = replay.ret_event;
	rebuild->ret_stream = replay.ret_stream;
	rebuild->ret_problem = replay.ret_problem;
	if (error == OK)
		error = step(rebuild, store->operations->replay_clear(store));
	return error == OK ? copy_all(rebuild) : error;
}

enum error rebuild_projections(struct rebuild *rebuild)
{
	assert(rebuild != NULL && rebuild->store != NULL && rebuild->reader != NULL);
	assert(rebuild->scratch != NULL && rebuild->scratch_reader != NULL);
	struct store *store = rebuild->store;
	rebuild->ret_events = rebuild->ret_rows = 0;
	rebuild->ret_is_overtaken = false;
	rebuild->ret_problem = NULL;
	enum store_result result = store->operations->replay_begin(store);
	if (result != STORE_OK)
		return step(rebuild, result);
	enum error error = replay_and_copy(rebuild);
	result = store->operations->replay_end(store, error == OK);
	return error != OK ? error : step(rebuild, result);
}
