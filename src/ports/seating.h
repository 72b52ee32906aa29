/* seating.h: writes the seats of a large event before it is put on sale, in chunks, so that other commands wait for one chunk at most.
 *
 * A seating is a row of the store that owns the seats while they are written. No event has these seats yet: no reader, verify or replay
 * sees them. The commit that makes the sale (ports/store.h) deletes the row if all seats are there, and else fails as when a row has
 * moved. A process that finds an abandoned seating clears it; a store that one thread uses does so, too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/uuid.h"
#include "domain/key.h"
#include "domain/layout.h"

#define SEATING_LEFT_MS 5000 /* a seating is abandoned when nothing was written for this long */

/* The caller sets the first three members, the adapter the others. */
struct seating {
	struct uuid event_id;
	uint64_t version;    /* the stamp of the event that will make the sale */
	uint32_t seat_count; /* of the whole layout */
	uint32_t written;
	uint64_t epoch;
	int64_t first_seat; /* the number of the first seat, for an adapter that numbers the seats of all events */
	uint64_t held_ns;   /* for so long the last add kept others from writing, without its own wait for others and for the network */
};

enum seating_state {
	SEATING_BEGUN,
	SEATING_NEEDLESS, /* the event exists, or the key has made one */
	SEATING_OTHERS,   /* another process writes the seats of this event */
	SEATING_LEFT,     /* another process did, and abandoned them: clear them */
};

struct store;

/* All answer STORE_OK, STORE_STALE (another process has begun, deleted or cleared the seating, or a replay has run), STORE_BUSY (nothing
 * was written; the same may be tried again), STORE_DOWN, STORE_UNKNOWN, STORE_CORRUPT. They wait as the store's deadline_ns says. */
struct seating_operations {
	/* Seats of one add: no fewer, or transactions are most of the work, and no more. */
	uint32_t chunk_min, chunk_max;
	/* For so long an add may keep others waiting, as is usual; where it only keeps the machine busy, longer. */
	uint64_t wanted_ns;
	/* event_id, version and seat_count are set; key: of the command, or NULL. */
	enum store_result (*begin)(struct store *store, struct seating *seating, const struct idempotency *key,
	                           enum seating_state *ret_state);
	/* The next seats in the order of the layout; seating->written grows by them. They are durable when the commit that makes the sale
	 * is. */
	enum store_result (*add)(struct store *store, struct seating *seating, const struct layout_seat *seats, uint32_t count);
	/* Deletes at most `limit` seats of this seating (by version), or of an abandoned one of its event, and after the last seat its
	 * row. NULL: of any abandoned one. *ret_has_more: more of its seats are left. Does nothing for a seating that another process is
	 * writing, or if there is none. */
	enum store_result (*clear)(struct store *store, const struct seating *seating, uint32_t limit, bool *ret_has_more);
};
