/* contents.h: the contents of a memory database. Private to the memory adapter. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/memory/table.h"
#include "base/arena.h"
#include "ports/catalog.h"
#include "ports/outbox.h"
#include "state/changes.h"

/* The place of a seat in its event's layout. */
struct seat_place {
	struct uuid event_id;
	struct seat_label label;
	struct slice section;
	struct slice row;
};

/* A seat that a commit has changed. */
struct memory_seat_change {
	uint64_t position; /* of the commit: change_count before it, plus one */
	struct uuid event_id;
	struct seat_label label;
};

struct outbox_row {
	uint8_t partition;
	struct uuid id;
	uint64_t written_ms;
	struct uuid *event_ids;
	uint32_t count;
};

/* The projections while a replay makes them. */
struct memory_rebuild {
	struct table tables[ROW_REFUND + 1];
	struct seat_place *places;
	uint32_t place_count, place_capacity;
};

struct memory_database {
	pthread_mutex_t lock;   /* guards everything below */
	uint64_t change_count;  /* commits that wrote something */
	struct uuid *abandoned; /* first events of commits that may not happen any more */
	uint32_t abandoned_count, abandoned_capacity;
	struct table tables[ROW_REFUND + 1];
	uint64_t epoch;
	bool is_replaying;
	struct memory_rebuild *rebuild; /* the rows that a replay has made so far; NULL: none */
	struct event_record *events;    /* in order of their ids */
	uint32_t event_count, event_capacity;
	struct seat_place *places; /* in the order of the layouts; the position is the index plus one */
	uint32_t place_count, place_capacity;
	struct outbox_row *outbox; /* in order of their ids */
	uint32_t outbox_count, outbox_capacity;
	struct memory_seat_change *seat_changes; /* in order of their positions */
	uint32_t seat_change_count, seat_change_capacity;
	struct catalog_change *catalog_changes; /* in order of their events' ids */
	uint32_t catalog_change_count, catalog_change_capacity;
	struct outbox_lease leases[OUTBOX_PARTITIONS];
	struct outbox_lease *publishers; /* the live publishers, each with its lease's end */
	uint32_t publisher_count, publisher_capacity;
	struct arena texts; /* of events, places and outbox rows: never given back */
};

/* All with the lock held. */

/* The event of that id; NULL. */
const struct event_record *contents_event(const struct memory_database *database, const struct uuid *id);
/* The index of the first event past the id; 0 for NULL. */
uint32_t contents_event_after(const struct memory_database *database, const struct uuid *id);
/* The event that carries the key; NULL. */
const struct event_record *contents_key(const struct memory_database *database, const uint8_t key[static KEY_HASH_LENGTH]);
/* The index of the first change past the id; 0 for NULL. */
uint32_t contents_catalog_change_after(const struct memory_database *database, const struct uuid *id);
/* Exchanges the projections for those of the rebuild, which there is. */
void contents_swap(struct memory_database *database);
/* Forgets the rebuild, if there is one. */
void contents_drop_rebuild(struct memory_database *database);
/* Room for one more member of an array that doubles. False: out of memory. */
must_check bool contents_grow(void **array, uint32_t count, uint32_t *capacity, size_t size);
