/* seat_feed.h: the changes of seats, for processes that keep seat maps in memory.
 *
 * A feed is used by one thread at a time. It decides nothing: the store decides when a seat is sold. Answers live in the arena given.
 * Statuses are as they are stored; the reader compares a deadline with the clock of the store. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/seat.h"
#include "ports/store.h"

#define SEAT_FEED_TOKEN_MAX 1024

/* The point up to which a feed was read. Positions mean the same to every process on one store: each commit has one, and a reader at
 * `position` knows every commit with a lower position. It may know some with a higher one, too. */
struct seat_feed_cursor {
	uint64_t position;
	uint64_t epoch;                  /* changes when the projections are made anew, which makes all earlier answers void */
	char token[SEAT_FEED_TOKEN_MAX]; /* the adapter's own, NUL-terminated; empty: it needs none */
};

struct seat_state {
	enum seat_status status;
	uint64_t deadline_ms; /* of its hold or order: the seat is available from then on; 0: it has none */
	uint64_t version;     /* of the row: a greater one is newer */
};

struct seat_change {
	struct uuid event_id;
	uint64_t position;   /* of the seat in the layout, as list_seats of ports/reader.h has it */
	uint64_t changed_at; /* the position of a commit that changed the seat */
	struct seat_state state;
};

struct seat_change_list {
	struct seat_change *changes;
	uint32_t count;
};

struct seat_entry_full {
	struct slice seat;
	struct slice section; /* empty: none; so the row */
	struct slice row;
	int64_t price;
	struct seat_state state;
};

/* Seats of an event one after the other, in the order of its layout. */
struct seat_part {
	uint32_t seat_count;     /* of the whole event; 0: there is no such event */
	uint64_t first_position; /* of the event's first seat; the others follow it without a gap */
	struct seat_entry_full *entries;
	uint32_t count;
};

struct seat_feed;

struct seat_feed_operations {
	/* The seats of these events, as they are now, that were changed by commits which `after` does not know; a seat may be in the
	 * list more than once. Answers the new cursor, too. `after` NULL: answers the cursor alone. When the epoch has changed there are
	 * no seats in the list. STORE_OK, STORE_BUSY, STORE_DOWN, STORE_CORRUPT (also when the arena is full); outputs are untouched
	 * when it fails. */
	enum store_result (*poll)(struct seat_feed *feed, const struct seat_feed_cursor *after, const struct uuid *event_ids,
	                          uint32_t count, struct arena *arena, struct seat_feed_cursor *ret_cursor,
	                          struct seat_change_list *ret_list);

	/* At most `limit` seats of an event behind the first `skip`, as they are now. The same results. */
	enum store_result (*load)(struct seat_feed *feed, const struct uuid *event_id, uint32_t skip, uint32_t limit, struct arena *arena,
	                          struct seat_part *ret_part);

	/* Allows the store to delete changes before this position, which no process needs any more. */
	enum store_result (*forget)(struct seat_feed *feed, uint64_t position);

	void (*free)(struct seat_feed *feed);
};

struct seat_feed {
	const struct seat_feed_operations *operations;
	/* The caller's deadline, by the monotonic clock: every call waits for another machine until then and answers STORE_DOWN. 0: the
	 * adapter's own limit. */
	uint64_t deadline_ns;
};

/* Takes NULL. */
static inline void seat_feed_free(struct seat_feed *feed)
{
	if (feed != NULL)
		feed->operations->free(feed);
}
