/* catalog_sync.h: brings the catalog to where the store is: what it lacks, or has an older version of, is made again from the events.
 *
 * The service brings there each event that it puts on sale itself. The comparison finds the rest: events made, paused or cancelled by
 * another process, or while the catalog was down. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "domain/sale.h"
#include "ports/catalog.h"
#include "ports/reader.h"

/* What the catalog is to have of a sale; texts live in the arena. ERR_STORE_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error catalog_sync_entry(struct reader *reader, const struct sale *sale, struct arena *arena,
                                         struct catalog_entry *ret_entry);

/* Puts one event into the catalog as the store has it now; an unknown one is passed over.
 * ERR_STORE_UNAVAILABLE, ERR_CATALOG_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error catalog_sync_event(struct reader *reader, struct catalog *catalog, const struct uuid *event_id);

/* Compares all events, and puts those that differ. The same errors. */
must_check enum error catalog_sync_all(struct reader *reader, struct catalog *catalog);
