/* database.h: the store, reader and outbox ports over plain memory: for the simulator and the tests, where a process is a few stores
 * and nothing outlives the program. Any number of each over one database, from any thread: every call is one critical section. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "ports/clock.h"
#include "ports/outbox.h"
#include "ports/reader.h"
#include "ports/seat_feed.h"
#include "ports/store.h"

struct memory_database;

/* NULL: out of memory. */
must_check struct memory_database *memory_database_new(void);
/* Free the stores, readers, feeds and outboxes over it first. Takes NULL. */
void memory_database_free(struct memory_database *database);

/* ERR_NO_MEMORY. */
must_check enum error memory_store_new(struct memory_database *database, struct store **ret_store);
must_check enum error memory_reader_new(struct memory_database *database, struct reader **ret_reader);
must_check enum error memory_seat_feed_new(struct memory_database *database, struct seat_feed **ret_feed);
/* clock: measures leases; borrowed. */
must_check enum error memory_outbox_new(struct memory_database *database, struct clock *clock, struct outbox **ret_outbox);
