/* seat_maps_inside.h: shared by the files of the maps. Private to app.
 *
 *	seat_maps.c       the maps in memory, and requests for them
 *	seat_maps_feed.c  the worker: loads maps, reads changes
 *	seat_maps_hot.c   the worker, once a second: finds the events with the most changes */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "app/seat_maps_event.h"
#include "app/seat_maps_options.h"
#include "app/seat_page.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/hash_table.h"
#include "base/list.h"

#define SEAT_MAPS_MARKS 8
#define SEAT_MAPS_WAIT_NS UINT64_C(1000000000) /* nobody waits longer for a map to be loaded: the store is asked meanwhile */

enum seat_maps_state {
	SEAT_MAPS_WANTED,  /* nobody has looked whether there is such an event */
	SEAT_MAPS_FILLING, /* its seats are being read */
	SEAT_MAPS_READY,
	SEAT_MAPS_REFUSED, /* too large; the entry is there so that it is not tried again */
};

/* An event. Its maps->lock guards all but the map and its pages. */
struct seat_maps_entry {
	struct hash_node node;
	struct list_node recency;
	struct uuid event_id;
	_Atomic uint32_t references; /* one is the table's */
	bool is_dropped;             /* not in the table any more */
	enum seat_maps_state state;
	struct list waits;
	uint64_t wanted_ns;   /* since when */
	uint64_t heat;        /* the worker's: changes of late … */
	uint64_t seen;        /* … and the map's revision when it was told last */
	pthread_mutex_t lock; /* guards what follows; taken with or without maps->lock, never before it */
	struct seat_map map;
	uint64_t loaded_revision; /* the map's revision when its last part was loaded */
	struct seat_pages pages;
	size_t counted; /* bytes of the two, as they are in maps->bytes */
};

/* The feed stood there, then. */
struct seat_maps_mark {
	uint64_t position, monotonic_ns;
};

struct seat_maps {
	struct seat_maps_options options;
	pthread_mutex_t lock; /* guards the table, the list and what the entries say of themselves */
	struct hash_table table;
	struct hash_seed seed;
	struct list recency; /* the least recently used first */
	uint32_t loading;    /* entries that are wanted or being filled */
	bool is_stopped;
	_Atomic uint64_t bytes;
	_Atomic uint64_t position; /* of the feed */
	_Atomic uint64_t told;     /* the highest version of a page that was handed out */
	/* The store went back: versions from above the first to the second are of commits that it lost, or of new ones. Both 0: never. */
	_Atomic uint64_t lost_after, lost_until;
	_Atomic uint64_t fresh_ns; /* when the feed was asked the last time that it answered; 0: never */
	_Atomic uint64_t from_memory, from_store, loads, dropped, failed_polls;

	/* The worker's own. */
	struct arena arena;
	struct seat_feed_cursor cursor;
	bool has_cursor;
	struct seat_maps_mark marks[SEAT_MAPS_MARKS];
	uint32_t mark_count;
	uint64_t next_mark_ns;
	uint64_t next_hot_ns;

	pthread_mutex_t hot_lock; /* guards what follows; nothing else is locked while it is held */
	struct seat_maps_event hot[SEAT_MAPS_EVENTS_MAX];
	uint32_t hot_count;
};

/* Finds them anew, when a second has passed. On the worker's thread. */
void seat_maps_find_hot(struct seat_maps *maps);
void seat_maps_give_back(struct seat_maps_entry *entry);
/* For one who changes seats of many events: leaves `entry`, which may be NULL, and answers that of the event with its lock and a reference;
 * NULL: there is none. is_use: it is the most recently used now. */
struct seat_maps_entry *seat_maps_go_to(struct seat_maps *maps, struct seat_maps_entry *entry, const struct uuid *event_id, bool is_use);
/* Takes NULL. */
void seat_maps_leave(struct seat_maps_entry *entry);
/* With maps->lock held: takes it out of the table; those who wait for it go to `ret_waits`. */
void seat_maps_drop(struct seat_maps *maps, struct seat_maps_entry *entry, struct list *ret_waits);
/* Drops all of them and tells those who wait. is_last: no other is made. */
void seat_maps_drop_all(struct seat_maps *maps, bool is_last);
/* With entry->lock held: counts its bytes anew. */
void seat_maps_count(struct seat_maps *maps, struct seat_maps_entry *entry);
/* Drops the least recently used maps until the rest fits; `keep` stays. */
void seat_maps_shrink(struct seat_maps *maps, const struct seat_maps_entry *keep);
/* Tells all of them, without a lock held. */
void seat_maps_tell(struct list *waits, bool is_unknown);
void seat_maps_note_lag(const struct seat_maps *maps, uint64_t version, uint64_t now_ms);
