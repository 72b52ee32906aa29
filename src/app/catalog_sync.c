/* catalog_sync.c: walks the sales of the store and the entries of the catalog side by side, both in the order of their ids. */
#include "app/catalog_sync.h"

#include <assert.h>

#include "base/arena.h"
#include "base/list.h"
#include "codec/event_json.h"

#define PAGE 256
#define PAGE_BLOCK (64 * 1024)
#define PAGE_MAX (32 * 1024 * 1024)
#define EVENT_BLOCK (16 * 1024)
#define EVENT_MAX (512 * 1024 * 1024) /* an event of a million listed seats is read with its layout */

/* The event as it was made: the details in the first domain event of its stream. *ret_event has type EVENT_NONE when there is none. */
static enum error read_created(struct reader *reader, const struct uuid *event_id, struct arena *arena, struct event *ret_event)
{
	struct event_list list;
	if (reader->operations->list_history(reader, event_id, 0, 1, arena, &list) != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	if (list.count == 0 || list.records[0].type != EVENT_SALE_CREATED)
		return ERR_CORRUPT;
	struct event event = {
		.id = list.records[0].id,
		.type = list.records[0].type,
		.stream_id = list.records[0].stream_id,
		.sequence = list.records[0].sequence,
		.occurred_at_ms = list.records[0].occurred_at_ms,
	};
	enum error error = event_data_read(list.records[0].data, arena, &event);
	if (error == OK)
		*ret_event = event;
	return error;
}

enum error catalog_sync_entry(struct reader *reader, const struct sale *sale, struct arena *arena, struct catalog_entry *ret_entry)
{
	assert(reader != NULL && sale != NULL && arena != NULL);
	struct event created;
	enum error error = read_created(reader, &sale->event_id, arena, &created);
	if (error != OK)
		return error;
	*ret_entry = (struct catalog_entry){
		.event_id = sale->event_id,
		.details = created.details,
		.status = sale->status,
		.currency = sale->currency,
		.on_sale_from_ms = sale->on_sale_from_ms,
		.on_sale_until_ms = sale->on_sale_until_ms,
		.seat_count = sale->seat_count,
		.created_at_ms = created.created_at_ms,
		.version = sale->row.version,
	};
	return OK;
}

static enum error put_sale(struct reader *reader, struct catalog *catalog, const struct sale *sale, struct arena *arena)
{
	struct catalog_entry entry;
	enum error error = catalog_sync_entry(reader, sale, arena, &entry);
	if (error != OK)
		return error;
	return catalog->operations->put(catalog, &entry) == CATALOG_OK ? OK : ERR_CATALOG_UNAVAILABLE;
}

enum error catalog_sync_event(struct reader *reader, struct catalog *catalog, const struct uuid *event_id)
{
	assert(reader != NULL && catalog != NULL);
	assert(event_id != NULL);

	struct arena arena;
	arena_init(&arena, EVENT_BLOCK, EVENT_MAX);
	enum error error = OK;
	const struct row *row;
	if (reader->operations->find(reader, ROW_SALE, event_id, &arena, &row) != STORE_OK)
		error = ERR_STORE_UNAVAILABLE;
	else if (row != NULL)
		error = put_sale(reader, catalog, container_of(row, const struct sale, row), &arena);
	arena_release(&arena);
	return error;
}

/* The catalog's entries, page by page. */
struct entry_walk {
	struct catalog *catalog;
	struct arena arena; /* of the page */
	struct catalog_list page;
	uint32_t index;
	struct uuid last; /* id of the page's last entry */
	bool has_begun;
	bool is_over;
};

static enum error next_entries(struct entry_walk *walk)
{
	arena_clear(&walk->arena);
	const struct uuid *after = walk->has_begun ? &walk->last : NULL;
	if (walk->catalog->operations->list(walk->catalog, after, PAGE, &walk->arena, &walk->page) != CATALOG_OK)
		return ERR_CATALOG_UNAVAILABLE;
	walk->has_begun = true;
	walk->index = 0;
	walk->is_over = walk->page.count == 0;
	if (!walk->is_over)
		walk->last = walk->page.entries[walk->page.count - 1].event_id;
	return OK;
}

/* The version that the catalog has of an event; 0: none. Asked for in the order of ids. */
static enum error entry_version(struct entry_walk *walk, const struct uuid *event_id, uint64_t *ret_version)
{
	for (;;) {
		if (walk->index == walk->page.count && !walk->is_over) {
			enum error error = next_entries(walk);
			if (error != OK)
				return error;
		}
		if (walk->is_over)
			break;
		const struct catalog_entry *entry = &walk->page.entries[walk->index];
		int order = uuid_compare(&entry->event_id, event_id);
		if (order == 0) {
			*ret_version = entry->version;
			return OK;
		}
		if (order > 0)
			break;
		walk->index++;
	}
	*ret_version = 0;
	return OK;
}

static enum error sync_sales(struct reader *reader, struct entry_walk *walk, const struct row *const *rows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sale *sale = container_of(rows[i], const struct sale, row);
		uint64_t version;
		enum error error = entry_version(walk, &sale->event_id, &version);
		if (error == OK && version < sale->row.version)
			error = catalog_sync_event(reader, walk->catalog, &sale->event_id);
		if (error != OK)
			return error;
	}
	return OK;
}

static enum error compare(struct reader *reader, struct entry_walk *walk, struct arena *arena)
{
	struct sale last;
	const struct row *after = NULL;
	for (;;) {
		arena_clear(arena);
		const struct row **rows;
		uint32_t count;
		if (reader->operations->scan(reader, ROW_SALE, after, PAGE, arena, &rows, &count) != STORE_OK)
			return ERR_STORE_UNAVAILABLE;
		enum error error = sync_sales(reader, walk, rows, count);
		if (error != OK || count < PAGE)
			return error;
		last = *container_of(rows[count - 1], const struct sale, row);
		after = &last.row;
	}
}

enum error catalog_sync_all(struct reader *reader, struct catalog *catalog)
{
	assert(reader != NULL);
	assert(catalog != NULL);

	struct arena arena;
	struct entry_walk walk = {.catalog = catalog};
	arena_init(&arena, PAGE_BLOCK, PAGE_MAX);
	arena_init(&walk.arena, PAGE_BLOCK, PAGE_MAX);
	enum error error = compare(reader, &walk, &arena);
	arena_release(&walk.arena);
	arena_release(&arena);
	return error;
}
