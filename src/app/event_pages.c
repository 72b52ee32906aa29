/* event_pages.c: entries of the catalog to JSON, with the pages served last as the answer when it is down. */
#include "app/event_pages.h"

#include <assert.h>
#include <stdlib.h>

#include "app/cursor.h"
#include "app/page_cache.h"
#include "base/buffer.h"
#include "base/json_writer.h"
#include "codec/sale_json.h"

#define ENTRIES_BLOCK (64 * 1024)
#define ENTRIES_MAX (32 * 1024 * 1024)
#define BODY_MAX (32 * 1024 * 1024)
#define PAGES_KEPT_MAX 1024
#define BYTES_KEPT_MAX (16 * 1024 * 1024)
#define AGE_KEPT_MAX_MS 60000

struct event_pages {
	struct catalog *catalog;
	struct page_cache *cache;
	struct arena entries; /* of the query at hand */
	struct buffer body;   /* of the query at hand */
};

enum error event_pages_new(struct catalog *catalog, struct random *random, struct event_pages **ret_pages)
{
	assert(catalog != NULL && random != NULL);
	assert(ret_pages != NULL);

	struct event_pages *pages = calloc(1, sizeof *pages);
	if (pages == NULL)
		return ERR_NO_MEMORY;
	const struct page_cache_options options = {
		.pages_max = PAGES_KEPT_MAX,
		.bytes_max = BYTES_KEPT_MAX,
		.age_max_ms = AGE_KEPT_MAX_MS,
		.seed = {.k0 = random_u64(random), .k1 = random_u64(random)},
	};
	enum error error = page_cache_new(&options, &pages->cache);
	if (error != OK) {
		free(pages);
		return error;
	}
	pages->catalog = catalog;
	arena_init(&pages->entries, ENTRIES_BLOCK, ENTRIES_MAX);
	buffer_init(&pages->body, NULL, BODY_MAX);
	*ret_pages = pages;
	return OK;
}

void event_pages_free(struct event_pages *pages)
{
	if (pages == NULL)
		return;
	page_cache_free(pages->cache);
	arena_release(&pages->entries);
	buffer_release(&pages->body);
	free(pages);
}

void event_page_write_entry(struct json_writer *writer, const struct catalog_entry *entry)
{
	assert(writer != NULL && entry != NULL);
	const struct sale_summary summary = {
		.event_id = entry->event_id,
		.details = entry->details,
		.on_sale_from_ms = entry->on_sale_from_ms,
		.on_sale_until_ms = entry->on_sale_until_ms,
		.currency = entry->currency,
		.status = entry->status,
		.seat_count = entry->seat_count,
		.created_at_ms = entry->created_at_ms,
	};
	json_writer_object_begin(writer, NULL);
	sale_summary_write(writer, &summary);
	json_writer_object_end(writer);
}

static enum catalog_result write_event(struct event_pages *pages, const struct query *query, bool *ret_is_found)
{
	assert(query->kind == QUERY_EVENT);
	assert(ret_is_found != NULL);
	const struct catalog_entry *entry;
	enum catalog_result result = pages->catalog->operations->find(pages->catalog, &query->id, &pages->entries, &entry);
	if (result != CATALOG_OK)
		return result;
	*ret_is_found = entry != NULL;
	if (entry == NULL)
		return CATALOG_OK;
	struct json_writer writer = json_writer_on(&pages->body);
	event_page_write_entry(&writer, entry);
	return CATALOG_OK;
}

static enum catalog_result write_list(struct event_pages *pages, const struct query *query)
{
	assert(query->kind == QUERY_EVENTS);
	assert(query->limit >= 1 && query->limit <= QUERY_LIMIT_MAX);
	/* One more than asked for tells whether there is a next page. */
	struct catalog_list list;
	const struct uuid *after = query->has_after_id ? &query->after_id : NULL;
	enum catalog_result result =
		pages->catalog->operations->search(pages->catalog, &query->filter, after, query->limit + 1, &pages->entries, &list);
	if (result != CATALOG_OK)
		return result;
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&pages->body);
	json_writer_object_begin(&writer, NULL);
	json_writer_array_begin(&writer, "data");
	for (uint32_t i = 0; i < count; i++)
		event_page_write_entry(&writer, &list.entries[i]);
	json_writer_array_end(&writer);
	if (has_more) {
		struct query next = *query;
		next.after_id = list.entries[count - 1].event_id;
		char cursor[CURSOR_TEXT_LENGTH + 1];
		cursor_format(&next, cursor);
		json_writer_string(&writer, "next_cursor", slice_of(cursor));
	} else {
		json_writer_null(&writer, "next_cursor");
	}
	json_writer_object_end(&writer);
	return CATALOG_OK;
}

/* The body is written when this answers OK. */
static enum error ask_catalog(struct event_pages *pages, const struct query *query, bool *is_down)
{
	assert(is_down != NULL);
	if (*is_down)
		return ERR_CATALOG_UNAVAILABLE;
	arena_clear(&pages->entries);
	buffer_clear(&pages->body);
	bool is_found = true;
	bool is_one = query->kind == QUERY_EVENT;
	enum catalog_result result = is_one ? write_event(pages, query, &is_found) : write_list(pages, query);
	*is_down = result != CATALOG_OK;
	if (*is_down)
		return ERR_CATALOG_UNAVAILABLE;
	if (pages->body.failed)
		return ERR_NO_MEMORY;
	return is_found ? OK : ERR_EVENT_UNKNOWN;
}

enum error event_pages_answer(struct event_pages *pages, const struct query *query, uint64_t monotonic_ms, struct arena *arena,
                              bool *is_down, struct slice *ret_body)
{
	assert(query->kind == QUERY_EVENT || query->kind == QUERY_EVENTS);
	assert(query->limit <= QUERY_LIMIT_MAX);

	enum error error = ask_catalog(pages, query, is_down);
	struct slice page = {0};
	if (error == OK) {
		page = buffer_slice(&pages->body);
		page_cache_put(pages->cache, query, page, monotonic_ms);
	} else if (error == ERR_CATALOG_UNAVAILABLE) {
		page = page_cache_find(pages->cache, query, monotonic_ms);
	}
	if (page.data == NULL)
		return error;
	struct slice body = arena_copy(arena, page);
	if (body.data == NULL)
		return ERR_NO_MEMORY;
	*ret_body = body;
	return OK;
}
