/* catalog_sync.h: brings the catalog to where the store is: each sale that was made or changed is made again from its events.
 *
 * The service places each event that it puts on sale itself. The list of changes, which commits write, has the others: events made,
 * paused or cancelled by another process, or while the catalog was down. So its cost grows with the number of changes, and it costs
 * nothing when there is none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "domain/sale.h"
#include "ports/catalog.h"
#include "ports/reader.h"

/* Makes the catalog's entry of a sale; texts live in the arena. ERR_STORE_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error catalog_sync_entry(struct reader *reader, const struct sale *sale, struct arena *arena,
                                         struct catalog_entry *ret_entry);

/* Puts one event into the catalog as the store has it now, and drops its change; ignores an unknown event. ERR_STORE_UNAVAILABLE,
 * ERR_CATALOG_UNAVAILABLE; ERR_CORRUPT, ERR_NO_MEMORY: this event cannot be placed. */
must_check enum error catalog_sync_event(struct reader *reader, struct catalog *catalog, const struct uuid *event_id);

#define CATALOG_SYNC_REFUSED_MAX 64

/* Starts zeroed but for what is borrowed. */
struct catalog_sync {
	struct reader *reader;   /* borrowed */
	struct catalog *catalog; /* borrowed */
	bool has_more;           /* there were more changes than one call takes: call again */
	struct uuid after;       /* which goes on behind this one */
	/* Those that could not be placed, and are tried again after a minute, or when they have changed again. */
	struct catalog_change refused[CATALOG_SYNC_REFUSED_MAX];
	uint32_t refused_count;
	uint64_t retry_at_ns;
	struct uuid last_refused;
};

/* Brings a page of changes to the catalog. An event that cannot be placed is refused and delays no other. ERR_STORE_UNAVAILABLE,
 * ERR_CATALOG_UNAVAILABLE: the rest is left for the next call. */
must_check enum error catalog_sync_changes(struct catalog_sync *sync, uint64_t monotonic_ns);
