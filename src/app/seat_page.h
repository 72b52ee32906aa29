/* seat_page.h: answers made of a seat map: a page of it, what changed since a version, or what each section has left. Made once for a state
 * of the map, plain and compressed, and shared by all who ask for it.
 *
 * A page may carry an older version than its map: no seat of the page has changed since that. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/seat_map.h"
#include "base/attributes.h"
#include "base/hash_table.h"
#include "base/list.h"
#include "base/slice.h"

enum seat_page_kind {
	SEAT_PAGE_MAP,          /* {data:[seat …], version, next_cursor} */
	SEAT_PAGE_CHANGES,      /* the same, of the seats that changed since `since` */
	SEAT_PAGE_AVAILABILITY, /* {data:[{section, total, available, price_from} …], version} */
};

struct seat_page_query {
	enum seat_page_kind kind;
	enum seat_status status; /* of SEAT_PAGE_MAP; 0: any */
	uint32_t limit;          /* not of SEAT_PAGE_AVAILABILITY; so the next */
	uint64_t after;          /* a position; 0: from the first */
	uint64_t since;          /* of SEAT_PAGE_CHANGES */
};

#define SEAT_PAGE_TAG_LENGTH 20 /* W/"0123456789abcdef" */

struct seat_page {
	struct seat_page_query query;
	struct hash_node node;
	struct list_node recency;
	_Atomic uint32_t references;
	uint64_t position, revision, notes; /* of the map when the page was made */
	uint64_t made_ns;
	uint32_t begin, end; /* the seats that were looked at */
	uint64_t next_after; /* the next page's `after`; 0: this is the last page */
	char tag[SEAT_PAGE_TAG_LENGTH + 1];
	struct slice body;       /* on the heap, as the next */
	struct slice compressed; /* data NULL: nobody has asked for it yet */
	size_t bytes;            /* that the page takes */
};

/* Pages of one map, the least recently used first; zero-initialised but for what seat_pages_init does. */
struct seat_pages {
	struct hash_table table;
	struct list recency;
	size_t bytes, bytes_max;
};

/* ERR_NO_MEMORY. */
must_check enum error seat_pages_init(struct seat_pages *pages, size_t bytes_max);
void seat_pages_release(struct seat_pages *pages);

/* The page of the map's present state, with a reference that the caller owns; NULL: out of memory. The map is loaded; `since` is not
 * before its base. monotonic_ns: the time by which pages age. */
must_check struct seat_page *seat_pages_find(struct seat_pages *pages, const struct seat_map *map, const struct seat_page_query *query,
                                             bool is_compressed, uint64_t monotonic_ns);
/* Gives a reference back; safe from any thread. */
void seat_page_unref(void *context);
