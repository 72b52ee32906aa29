/* catalog_rebuilder.c: every sale beside its entry, then every entry beside its sale. */
#include "app/catalog_rebuilder.h"

#include <assert.h>
#include <string.h>

#include "app/catalog_sync.h"
#include "base/arena.h"

#define PAGE 256
#define BLOCK (64 * 1024)
#define PAGE_MAX (64 * 1024 * 1024)
#define EVENT_MAX (512 * 1024 * 1024) /* an event of a million listed seats is read with its layout */

bool catalog_entries_equal(const struct catalog_entry *a, const struct catalog_entry *b)
{
	assert(a != NULL && b != NULL);
	return slice_equal(a->details.name, b->details.name) && slice_equal(a->details.venue, b->details.venue) &&
	       slice_equal(a->details.description, b->details.description) && a->details.starts_at_ms == b->details.starts_at_ms &&
	       a->status == b->status && currency_equal(&a->currency, &b->currency) && a->on_sale_from_ms == b->on_sale_from_ms &&
	       a->on_sale_until_ms == b->on_sale_until_ms && a->seat_count == b->seat_count && a->created_at_ms == b->created_at_ms;
}

/* A wrong entry of this or a higher version would stay: it makes room first. */
static enum error replace(struct catalog_rebuild *rebuild, const struct catalog_entry *made, struct arena *arena)
{
	assert(made != NULL && arena != NULL);
	struct catalog *catalog = rebuild->catalog;
	const struct catalog_entry *entry;
	if (catalog->operations->find(catalog, &made->event_id, arena, &entry) != CATALOG_OK)
		return ERR_CATALOG_UNAVAILABLE;
	if (entry != NULL && entry->version == made->version && catalog_entries_equal(entry, made))
		return OK;
	if (entry != NULL && catalog->operations->drop(catalog, &made->event_id) != CATALOG_OK)
		return ERR_CATALOG_UNAVAILABLE;
	rebuild->ret_made++;
	return catalog->operations->put(catalog, made) == CATALOG_OK ? OK : ERR_CATALOG_UNAVAILABLE;
}

/* The sale is read again: it may have changed since its page was. */
static enum error make_entry(struct catalog_rebuild *rebuild, const struct uuid *event_id)
{
	assert(event_id != NULL);
	struct arena arena;
	const struct row *row;
	struct catalog_entry made;
	arena_init(&arena, BLOCK, EVENT_MAX);
	enum store_result result = rebuild->reader->operations->find(rebuild->reader, ROW_SALE, event_id, &arena, &row);
	enum error error = result == STORE_OK ? OK : result == STORE_CORRUPT ? ERR_CORRUPT : ERR_STORE_UNAVAILABLE;
	if (error == OK && row != NULL)
		error = catalog_sync_entry(rebuild->reader, (const struct sale *)(const void *)row, &arena, &made);
	if (error == OK && row != NULL)
		error = replace(rebuild, &made, &arena);
	arena_release(&arena);
	return error;
}

/* One that contradicts itself holds up no other. */
static enum error make_entries(struct catalog_rebuild *rebuild)
{
	assert(rebuild->ret_sales == 0);
	struct sale last = {.row.kind = ROW_SALE};
	const struct row **rows;
	struct arena arena;
	uint32_t count = 0;
	enum error error = OK;
	arena_init(&arena, BLOCK, PAGE_MAX);
	do {
		arena_clear(&arena);
		const struct row *after = rebuild->ret_sales == 0 ? NULL : &last.row;
		if (rebuild->reader->operations->scan(rebuild->reader, ROW_SALE, after, PAGE, &arena, &rows, &count) != STORE_OK)
			error = ERR_STORE_UNAVAILABLE;
		for (uint32_t i = 0; error == OK && i < count; i++) {
			last.event_id = ((const struct sale *)(const void *)rows[i])->event_id;
			error = make_entry(rebuild, &last.event_id);
			if (error == ERR_CORRUPT) {
				rebuild->ret_unplaced++;
				rebuild->ret_last_unplaced = last.event_id;
				error = OK;
			}
			rebuild->ret_sales++;
		}
		if (error == OK && rebuild->progress != NULL)
			rebuild->progress(rebuild->context, rebuild);
	} while (error == OK && count == PAGE);
	arena_release(&arena);
	return error;
}

static enum error drop_unless_sold(struct catalog_rebuild *rebuild, const struct uuid *event_id, struct arena *arena)
{
	assert(event_id != NULL && arena != NULL);
	const struct row *row;
	enum store_result result = rebuild->reader->operations->find(rebuild->reader, ROW_SALE, event_id, arena, &row);
	if (result == STORE_CORRUPT || (result == STORE_OK && row != NULL))
		return OK;
	if (result != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	rebuild->ret_dropped++;
	return rebuild->catalog->operations->drop(rebuild->catalog, event_id) == CATALOG_OK ? OK : ERR_CATALOG_UNAVAILABLE;
}

static enum error drop_strangers(struct catalog_rebuild *rebuild)
{
	assert(rebuild->catalog != NULL);
	struct catalog_list list = {0};
	struct arena arena;
	struct uuid last;
	bool is_first = true;
	enum error error = OK;
	arena_init(&arena, BLOCK, PAGE_MAX);
	do {
		arena_clear(&arena);
		if (rebuild->catalog->operations->list(rebuild->catalog, is_first ? NULL : &last, PAGE, &arena, &list) != CATALOG_OK)
			error = ERR_CATALOG_UNAVAILABLE;
		is_first = false;
		for (uint32_t i = 0; error == OK && i < list.count; i++) {
			last = list.entries[i].event_id;
			error = drop_unless_sold(rebuild, &last, &arena);
		}
	} while (error == OK && list.count == PAGE);
	arena_release(&arena);
	return error;
}

enum error catalog_rebuild(struct catalog_rebuild *rebuild)
{
	assert(rebuild != NULL && rebuild->reader != NULL && rebuild->catalog != NULL);
	rebuild->ret_sales = rebuild->ret_made = rebuild->ret_dropped = rebuild->ret_unplaced = 0;
	enum error error = make_entries(rebuild);
	return error == OK ? drop_strangers(rebuild) : error;
}
