/* page_cache.h: keeps pages for a while, to be served while they are made again or while their source is down.
 *
 * Bounded in pages and bytes: the oldest pages are dropped. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

struct page_cache;

struct page_cache_options {
	uint32_t pages_max;
	size_t bytes_max; /* of all pages together */
	uint64_t age_max_ms;
	struct hash_seed seed; /* random */
};

/* ERR_NO_MEMORY. */
must_check enum error page_cache_new(const struct page_cache_options *options, struct page_cache **ret_cache);
/* Takes NULL. */
void page_cache_free(struct page_cache *cache);

/* Remembers a copy of the text as the query's page, in place of an older one; does without when it is too large or there is no memory. */
void page_cache_put(struct page_cache *cache, const struct query *query, struct slice text, uint64_t now_ms);
struct cached_page {
	struct slice text; /* valid until the next put; data is NULL when there is none that is young enough */
	uint64_t age_ms;
	bool is_outdated; /* it was put before the last page_cache_outdate */
};

struct cached_page page_cache_find(const struct page_cache *cache, const struct query *query, uint64_t now_ms);
/* The pages that were put until now may be out of date. */
void page_cache_outdate(struct page_cache *cache);

/* Two queries with equal keys ask for the same page. */
struct page_key {
	struct uuid id;
	struct uuid after_id;
	uint64_t filter; /* hash */
	uint32_t kind;
	uint32_t limit;
};

struct page_key page_cache_key(const struct page_cache *cache, const struct query *query);
bool page_key_equal(const struct page_key *a, const struct page_key *b);
