/* catalog.h: the public list of events and their descriptions: a projection of the events' streams, which may lag behind the store.
 *
 * Used by one thread at a time; make one for each lane. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "domain/sale.h"

enum catalog_result {
	CATALOG_OK = 0,
	CATALOG_DOWN,
};

#define CATALOG_PROBLEM_MAX 256

struct catalog_entry {
	struct uuid event_id;
	struct sale_details details;
	enum sale_status status;
	struct currency currency;
	uint64_t on_sale_from_ms;  /* 0: at once */
	uint64_t on_sale_until_ms; /* 0: no end */
	uint32_t seat_count;
	uint64_t created_at_ms;
	uint64_t version; /* of the sale it was made of */
};

/* A filter of events. A member that is 0 or an empty text does not matter. */
struct catalog_filter {
	uint64_t starts_from_ms;  /* events that start then or later */
	uint64_t starts_until_ms; /* they start then or earlier */
	enum sale_status status;
	struct slice venue; /* the whole of it, in any case of its ASCII letters, which are small here */
	struct slice words; /* each of them begins a word of the name (base/word_search.h) */
};

struct catalog_list {
	struct catalog_entry *entries;
	uint32_t count;
};

/* For databases, which take no text for NULL. */
static inline struct slice text_or_empty(struct slice text)
{
	return text.data == NULL ? SLICE("") : text;
}

struct catalog;

struct catalog_operations {
	/* Inserts, or replaces an entry of a lower version; an equal or higher one stays. */
	enum catalog_result (*put)(struct catalog *catalog, const struct catalog_entry *entry);
	/* *ret_entry is NULL when there is none. Texts live in the arena. */
	enum catalog_result (*find)(struct catalog *catalog, const struct uuid *event_id, struct arena *arena,
	                            const struct catalog_entry **ret_entry);
	/* Entries with an id past `after` (NULL: from the first), in order of id, which is the order of their making. */
	enum catalog_result (*list)(struct catalog *catalog, const struct uuid *after, uint32_t limit, struct arena *arena,
	                            struct catalog_list *ret_list);
	/* The same, for entries that pass the filter. It reads as many entries as it takes to find them. */
	enum catalog_result (*search)(struct catalog *catalog, const struct catalog_filter *filter, const struct uuid *after,
	                              uint32_t limit, struct arena *arena, struct catalog_list *ret_list);
	/* Deletes the entry; a missing one is no error. */
	enum catalog_result (*drop)(struct catalog *catalog, const struct uuid *event_id);
	enum catalog_result (*ping)(struct catalog *catalog);
	void (*free)(struct catalog *catalog);
};

struct catalog {
	const struct catalog_operations *operations;
	/* The caller's deadline, by the monotonic clock: every call waits for another machine until then and answers CATALOG_DOWN. 0:
	 * the adapter's own limit. */
	uint64_t deadline_ns;
	/* Why it last answered CATALOG_DOWN, in one line for people, without secrets; empty: unknown, or a ping has succeeded since. */
	char problem[CATALOG_PROBLEM_MAX];
};

/* Takes NULL. */
static inline void catalog_free(struct catalog *catalog)
{
	if (catalog != NULL)
		catalog->operations->free(catalog);
}
