/* page_cache.c: a hash table of copies, with a list from the oldest to the newest. */
#include "app/page_cache.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/list.h"

struct page {
	struct page_key key;
	struct hash_node node;
	struct list_node age;
	uint64_t put_ms;
	uint64_t generation;
	size_t length;
	char text[];
};

struct page_cache {
	struct page_cache_options options;
	struct hash_table table;
	struct list pages; /* the oldest first */
	size_t bytes;
	uint64_t generation; /* raised when pages are marked as outdated */
};

enum error page_cache_new(const struct page_cache_options *options, struct page_cache **ret_cache)
{
	assert(options != NULL && options->pages_max > 0);
	assert(ret_cache != NULL);

	struct page_cache *cache = calloc(1, sizeof *cache);
	if (cache == NULL)
		return ERR_NO_MEMORY;
	cache->options = *options;
	list_init(&cache->pages);
	if (hash_table_init(options->pages_max, &cache->table) != OK) {
		free(cache);
		return ERR_NO_MEMORY;
	}
	*ret_cache = cache;
	return OK;
}

static uint64_t text_hash(const struct page_cache *cache, struct slice text)
{
	assert(cache != NULL);
	return slice_is_empty(text) ? 0 : hash_bytes(&cache->options.seed, text.data, text.length);
}

/* Two filters of one hash are as unlikely as a guess at the seed. */
static uint64_t filter_hash(const struct page_cache *cache, const struct catalog_filter *filter)
{
	assert(filter != NULL);
	const uint64_t parts[] = {filter->starts_from_ms, filter->starts_until_ms, filter->status, text_hash(cache, filter->venue),
	                          text_hash(cache, filter->words)};
	return hash_bytes(&cache->options.seed, parts, sizeof parts);
}

struct page_key page_cache_key(const struct page_cache *cache, const struct query *query)
{
	assert(query->kind == QUERY_EVENTS || query->kind == QUERY_EVENT);
	struct page_key key = {.id = query->id, .filter = filter_hash(cache, &query->filter), .kind = query->kind, .limit = query->limit};
	if (query->has_after_id)
		key.after_id = query->after_id;
	return key;
}

static uint64_t hash_of(const struct page_cache *cache, const struct page_key *key)
{
	assert(key != NULL);
	static_assert(sizeof *key == 2 * sizeof(struct uuid) + sizeof(uint64_t) + 2 * sizeof(uint32_t),
	              "a key without padding can be hashed and compared");
	return hash_bytes(&cache->options.seed, key, sizeof *key);
}

bool page_key_equal(const struct page_key *a, const struct page_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* NULL: there is none. */
static struct page *find(const struct page_cache *cache, const struct page_key *key)
{
	assert(key != NULL);
	for (struct hash_node *node = hash_table_first(&cache->table, hash_of(cache, key)); node != NULL; node = hash_table_next(node)) {
		struct page *page = container_of(node, struct page, node);
		if (page_key_equal(&page->key, key))
			return page;
	}
	return NULL;
}

static void remove_page(struct page_cache *cache, struct page *page)
{
	assert(page != NULL);
	hash_table_remove(&cache->table, &page->node);
	list_remove(&page->age);
	cache->bytes -= page->length;
	free(page);
}

static void remove_oldest(struct page_cache *cache)
{
	assert(cache->table.count > 0);
	remove_page(cache, container_of(cache->pages.head.next, struct page, age));
}

void page_cache_free(struct page_cache *cache)
{
	if (cache == NULL)
		return;
	while (cache->table.count > 0)
		remove_oldest(cache);
	hash_table_release(&cache->table);
	free(cache);
}

void page_cache_put(struct page_cache *cache, const struct query *query, struct slice text, uint64_t now_ms)
{
	assert(cache != NULL && query != NULL);
	assert(text.data != NULL);

	const struct page_key key = page_cache_key(cache, query);
	struct page *older = find(cache, &key);
	if (older != NULL)
		remove_page(cache, older);
	if (text.length > cache->options.bytes_max)
		return;
	while (cache->table.count == cache->options.pages_max || cache->bytes > cache->options.bytes_max - text.length)
		remove_oldest(cache);
	struct page *page = malloc(sizeof *page + text.length);
	if (page == NULL)
		return;
	*page = (struct page){.key = key, .put_ms = now_ms, .generation = cache->generation, .length = text.length};
	memcpy(page->text, text.data, text.length);
	hash_table_put(&cache->table, &page->node, hash_of(cache, &key));
	list_push(&cache->pages, &page->age);
	cache->bytes += page->length;
}

struct cached_page page_cache_find(const struct page_cache *cache, const struct query *query, uint64_t now_ms)
{
	assert(cache != NULL && query != NULL);

	const struct page_key key = page_cache_key(cache, query);
	const struct page *page = find(cache, &key);
	uint64_t age_ms =
		page == NULL || now_ms < page->put_ms ? 0 : now_ms - page->put_ms; /* another thread's time may be a little ahead */
	if (page == NULL || age_ms > cache->options.age_max_ms)
		return (struct cached_page){0};
	return (struct cached_page){
		.text = {.data = page->text, .length = page->length},
		.age_ms = age_ms,
		.is_outdated = page->generation != cache->generation,
	};
}

void page_cache_outdate(struct page_cache *cache)
{
	assert(cache != NULL);
	cache->generation++;
}
