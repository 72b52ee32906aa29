/* seat_page.c: copies pages together, and keeps them while they are true. */
#include "app/seat_page.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/availability.h"
#include "app/cursor.h"
#include "base/gzip.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "ports/reader.h"

#define BODY_MAX ((size_t)1 << 30)
#define PAGES_EXPECTED 64
#define COPY_NS 1     /* the time to copy a byte of a page, about */
#define COMPRESS_NS 8 /* and what it costs to compress it */
#define COST_SHARE 25 /* a page is made again after so many times of what it costs */
#define LEAST_AGE_MAX_NS UINT64_C(100000000)
#define VERSION_AGE_MAX_NS UINT64_C(1000000000) /* then a page is made again for the sake of its version */

static_assert(SEAT_AVAILABLE == 1 && SEAT_SOLD == 4, "endings are in this order");

enum error seat_pages_init(struct seat_pages *pages, size_t bytes_max)
{
	assert(pages != NULL);
	*pages = (struct seat_pages){.bytes_max = bytes_max};
	list_init(&pages->recency);
	return hash_table_init(PAGES_EXPECTED, &pages->table);
}

void seat_page_unref(void *context)
{
	struct seat_page *page = context;
	if (page == NULL || atomic_fetch_sub_explicit(&page->references, 1, memory_order_acq_rel) > 1)
		return;
	free((char *)page->body.data);
	free((char *)page->compressed.data);
	free(page);
}

static void drop(struct seat_pages *pages, struct seat_page *page)
{
	assert(pages->bytes >= page->bytes);
	hash_table_remove(&pages->table, &page->node);
	list_remove(&page->recency);
	pages->bytes -= page->bytes;
	seat_page_unref(page);
}

void seat_pages_release(struct seat_pages *pages)
{
	assert(pages != NULL);
	if (pages->table.buckets == NULL)
		return;
	while (!list_is_empty(&pages->recency))
		drop(pages, container_of(pages->recency.head.next, struct seat_page, recency));
	hash_table_release(&pages->table);
}

static uint64_t hash_of(const struct seat_page_query *query)
{
	assert(query != NULL);
	static const struct hash_seed seed = {.k0 = UINT64_C(0x736561742d706167), .k1 = UINT64_C(0x6573000000000000)};
	uint64_t words[4] = {(uint64_t)query->kind << 32 | (uint64_t)query->status, query->limit, query->after, query->since};
	return hash_bytes(&seed, words, sizeof words);
}

static bool is_same(const struct seat_page_query *a, const struct seat_page_query *b)
{
	assert(a != NULL && b != NULL);
	return a->kind == b->kind && a->status == b->status && a->limit == b->limit && a->after == b->after && a->since == b->since;
}

static bool has_changed(const struct seat_page *page, const struct seat_map *map)
{
	assert(page->begin <= page->end);
	if (page->query.kind == SEAT_PAGE_AVAILABILITY)
		return page->revision != map->revision;
	if (page->query.kind == SEAT_PAGE_CHANGES)
		return page->notes != map->notes || page->revision != map->revision;
	for (uint32_t i = page->begin / SEAT_MAP_BLOCK; page->begin < page->end && i <= (page->end - 1) / SEAT_MAP_BLOCK; i++)
		if (map->blocks[i].revision > page->revision)
			return true;
	return false;
}

/* The time for which a page is served although a seat of it has changed: so a page that commits change all the time takes a bounded
 * share of a processor. A cheap page is made again at once, so that a buyer who holds a seat sees the hold. */
static uint64_t least_age_ns(const struct seat_page *page)
{
	assert(page->body.data != NULL);
	uint64_t cost_ns = page->body.length * (page->compressed.data == NULL ? COPY_NS : COPY_NS + COMPRESS_NS);
	return cost_ns * COST_SHARE < LEAST_AGE_MAX_NS ? cost_ns * COST_SHARE : LEAST_AGE_MAX_NS;
}

static bool is_current(const struct seat_page *page, const struct seat_map *map, uint64_t monotonic_ns)
{
	assert(page != NULL && map != NULL);
	uint64_t age_ns = monotonic_ns - page->made_ns;
	if (!has_changed(page, map))
		return page->position == map->position || age_ns <= VERSION_AGE_MAX_NS;
	return age_ns < least_age_ns(page);
}

static void append_seat(struct buffer *body, const struct seat_map *map, uint32_t index, bool is_first)
{
	assert(index < map->loaded);
	static const char *const endings[] = {"\"available\"}", "\"held\"}", "\"reserved\"}", "\"sold\"}"};
	if (!is_first)
		buffer_append_byte(body, ',');
	buffer_append_slice(body, seat_map_text(map, index));
	buffer_append_string(body, endings[seat_map_status(map, index) - SEAT_AVAILABLE]);
}

static uint32_t index_after(const struct seat_map *map, uint64_t position)
{
	assert(map != NULL);
	if (position < map->first_position)
		return 0;
	uint64_t index = position - map->first_position + 1;
	return index < map->seat_count ? (uint32_t)index : map->seat_count;
}

/* Writes the seats, and answers behind which index the list goes on; UINT32_MAX: it is complete. A seat more than asked for tells. */
static uint32_t write_seats(struct seat_page *page, const struct seat_map *map, struct buffer *body)
{
	assert(page->begin <= map->seat_count && page->query.limit > 0);
	const struct seat_page_query *query = &page->query;
	uint32_t count = 0, last = 0, i = page->begin;
	uint32_t stop = map->seat_count - i > SEATS_LOOKED_AT_MAX ? i + SEATS_LOOKED_AT_MAX : map->seat_count;
	page->end = stop;
	for (; i < stop; i++) {
		if (query->status != 0 && seat_map_status(map, i) != query->status)
			continue;
		if (count == query->limit) {
			page->end = query->status == 0 ? i : i + 1;
			return last;
		}
		append_seat(body, map, i, count++ == 0);
		last = i;
	}
	return stop < map->seat_count ? stop - 1 : UINT32_MAX;
}

/* The same of those that changed. */
static uint32_t write_changes(struct seat_page *page, const struct seat_map *map, struct buffer *body)
{
	assert(page->begin <= map->seat_count && page->query.limit > 0);
	uint32_t count = 0, last = 0;
	for (uint32_t i = page->begin; i < map->seat_count;) {
		if (i % SEAT_MAP_BLOCK == 0 && map->blocks[i / SEAT_MAP_BLOCK].changed_at < page->query.since) {
			i += SEAT_MAP_BLOCK;
			continue;
		}
		if (map->changed_at[i] >= page->query.since) {
			if (count == page->query.limit)
				return last;
			append_seat(body, map, i, count++ == 0);
			last = i;
		}
		i++;
	}
	return UINT32_MAX;
}

static void write_availability(const struct seat_map *map, struct json_writer *writer)
{
	assert(writer != NULL);
	for (uint32_t i = 0; i < map->section_count; i++) {
		uint32_t available = 0;
		int64_t price = INT64_MAX;
		for (uint32_t j = 0; j < map->group_count; j++) {
			const struct seat_group *group = &map->group_list[j];
			if (group->section != i || group->available == 0)
				continue;
			available += group->available;
			price = group->price < price ? group->price : price;
		}
		json_writer_object_begin(writer, NULL);
		json_writer_raw(writer, "section", map->sections[i].name);
		availability_write_counts(writer, map->sections[i].total, available, price);
		json_writer_object_end(writer);
	}
}

/* Of the content but its version: two servers give the same seats the same tag, whatever each has seen else. */
static void write_tag(struct seat_page *page, struct slice data, uint32_t next)
{
	assert(page != NULL);
	static const struct hash_seed seed = {.k0 = UINT64_C(0x74726f2d73656174), .k1 = UINT64_C(0x2d6d61702d746167)};
	const uint64_t words[2] = {hash_bytes(&seed, data.data, data.length), next};
	(void)snprintf(page->tag, sizeof page->tag, "W/\"%016" PRIx64 "\"", hash_bytes(&seed, words, sizeof words));
}

static void write_next(struct json_writer *writer, const struct seat_page *page, const struct seat_map *map, uint32_t next)
{
	assert(next == UINT32_MAX || next < map->seat_count);
	const struct query query = {.kind = QUERY_SEATS, .id = map->event_id, .after = map->first_position + next};
	if (page->query.kind != SEAT_PAGE_AVAILABILITY)
		cursor_write(writer, next == UINT32_MAX ? NULL : &query);
}

static bool write_body(struct seat_page *page, const struct seat_map *map)
{
	assert(page->body.data == NULL);
	struct buffer body;
	char version[24];
	uint32_t next = UINT32_MAX;
	buffer_init(&body, NULL, BODY_MAX);
	struct json_writer writer = json_writer_on(&body);
	json_writer_object_begin(&writer, NULL);
	json_writer_array_begin(&writer, "data");
	if (page->query.kind == SEAT_PAGE_MAP)
		next = write_seats(page, map, &body);
	else if (page->query.kind == SEAT_PAGE_CHANGES)
		next = write_changes(page, map, &body);
	else
		write_availability(map, &writer);
	if (!body.failed)
		write_tag(page, buffer_slice(&body), next);
	json_writer_array_end(&writer);
	page->next_after = next == UINT32_MAX ? 0 : map->first_position + next;
	(void)snprintf(version, sizeof version, "%" PRIu64, map->position);
	json_writer_string(&writer, "version", slice_of(version));
	write_next(&writer, page, map, next);
	json_writer_object_end(&writer);
	if (body.failed) {
		buffer_release(&body);
		return false;
	}
	page->body = buffer_slice(&body);
	page->bytes = sizeof *page + body.capacity;
	return true;
}

static struct seat_page *make(const struct seat_map *map, const struct seat_page_query *query, uint64_t monotonic_ns)
{
	assert(seat_map_is_loaded(map));
	struct seat_page *page = calloc(1, sizeof *page);
	if (page == NULL)
		return NULL;
	page->query = *query;
	page->position = map->position;
	page->revision = map->revision;
	page->notes = map->notes;
	page->made_ns = monotonic_ns;
	page->begin = index_after(map, query->after);
	page->end = page->begin;
	atomic_init(&page->references, 1);
	if (write_body(page, map))
		return page;
	free(page);
	return NULL;
}

static bool compress(struct seat_pages *pages, struct seat_page *page)
{
	assert(page->body.data != NULL);
	struct buffer buffer;
	if (page->compressed.data != NULL)
		return true;
	buffer_init(&buffer, NULL, BODY_MAX);
	if (!gzip_append(&buffer, page->body)) {
		buffer_release(&buffer);
		return false;
	}
	/* It was given room for content that does not shrink. */
	char *fitting = realloc(buffer.data, buffer.length);
	page->compressed = (struct slice){.data = fitting == NULL ? buffer.data : fitting, .length = buffer.length};
	page->bytes += buffer.length;
	pages->bytes += buffer.length;
	return true;
}

static void put(struct seat_pages *pages, struct seat_page *page)
{
	assert(page->body.data != NULL);
	hash_table_put(&pages->table, &page->node, hash_of(&page->query));
	hash_table_grow(&pages->table);
	list_push(&pages->recency, &page->recency);
	pages->bytes += page->bytes;
}

/* Makes room; the page that was just put stays. */
static void shrink(struct seat_pages *pages)
{
	assert(!list_is_empty(&pages->recency));
	while (pages->bytes > pages->bytes_max && pages->recency.head.next != pages->recency.head.previous)
		drop(pages, container_of(pages->recency.head.next, struct seat_page, recency));
}

static struct seat_page *look_up(struct seat_pages *pages, const struct seat_page_query *query)
{
	assert(query != NULL);
	for (struct hash_node *node = hash_table_first(&pages->table, hash_of(query)); node != NULL; node = hash_table_next(node)) {
		struct seat_page *page = container_of(node, struct seat_page, node);
		if (is_same(&page->query, query))
			return page;
	}
	return NULL;
}

struct seat_page *seat_pages_find(struct seat_pages *pages, const struct seat_map *map, const struct seat_page_query *query,
                                  bool is_compressed, uint64_t monotonic_ns)
{
	assert(pages != NULL && map != NULL && query != NULL);
	assert(seat_map_is_loaded(map) && (query->kind == SEAT_PAGE_AVAILABILITY || query->limit > 0));

	struct seat_page *page = look_up(pages, query);
	if (page != NULL && !is_current(page, map, monotonic_ns)) {
		drop(pages, page);
		page = NULL;
	}
	if (page != NULL) {
		list_remove(&page->recency);
		list_push(&pages->recency, &page->recency);
	} else {
		page = make(map, query, monotonic_ns);
		if (page == NULL)
			return NULL;
		put(pages, page);
	}
	if (is_compressed && !compress(pages, page))
		return NULL;
	shrink(pages);
	atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);
	return page;
}
