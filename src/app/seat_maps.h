/* seat_maps.h: the seat maps of the events that clients ask for, in the memory of this process, and nearly current.
 *
 * A worker's thread loads the map of an event that a client asks for, and reads the feed of changes 20 times a second; the changes that
 * this process commits are in the maps before the command is answered. All maps and pages together take a bounded number of bytes: the
 * map that was used the longest ago is dropped. A map is served only while the feed was read within the last two seconds; otherwise, and
 * for an event that is too large, the caller asks the store. No decision reads a map. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/seat_maps_event.h"
#include "app/seat_maps_options.h"
#include "app/seat_page.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/list.h"
#include "state/changes.h"

struct seat_maps;

#define SEAT_MAPS_FRESH_NS UINT64_C(2000000000) /* the greatest age of a served map while the feed cannot be read */

/* ERR_NO_MEMORY. */
must_check enum error seat_maps_new(const struct seat_maps_options *options, struct seat_maps **ret_maps);
/* Nobody waits any more. Takes NULL. */
void seat_maps_free(struct seat_maps *maps);

enum seat_maps_answer {
	SEAT_MAPS_PAGE,      /* *ret_page, whose reference is the caller's */
	SEAT_MAPS_LOADING,   /* the wait's `ready` is called, and then the same is asked again */
	SEAT_MAPS_STALE,     /* the feed was not read in time: ask the store */
	SEAT_MAPS_TOO_LARGE, /* for the memory: ask the store */
	SEAT_MAPS_UNKNOWN_EVENT,
	SEAT_MAPS_UNKNOWN_VERSION, /* the changes since then are not known */
	SEAT_MAPS_NO_MEMORY,
	SEAT_MAPS_STOPPED, /* and so may be all else that could answer */
};

/* Somebody who waits for a map. */
struct seat_maps_wait {
	struct list_node node;
	void (*ready)(struct seat_maps_wait *wait); /* called once, on the worker's thread; must not block */
	bool is_over;                               /* zero at first: it waits once */
	bool is_unknown;                            /* the load has found that there is no such event */
};

/* The answer as the event's seats are now. Safe from any thread; waits for nobody but those who copy pages. */
must_check enum seat_maps_answer seat_maps_ask(struct seat_maps *maps, const struct uuid *event_id, const struct seat_page_query *query,
                                               bool is_compressed, struct seat_maps_wait *wait, struct seat_page **ret_page);
/* Whether the feed was read lately; a map that is not there although it was has left the memory. */
bool seat_maps_are_fresh(const struct seat_maps *maps);
/* A version for what is read from the store from now on. */
uint64_t seat_maps_version(const struct seat_maps *maps);

/* This process has committed that. Safe from any thread. */
void seat_maps_committed(struct seat_maps *maps, const struct changes *changes);

/* The step of a worker (pipeline/worker.h); `context` is the struct seat_maps. */
uint64_t seat_maps_step(void *context);
/* Callers who ask from now on, and those who wait, are answered SEAT_MAPS_STOPPED. The worker has stopped. Takes NULL. */
void seat_maps_stop(struct seat_maps *maps);

/* For metrics. Safe from any thread. */
struct seat_maps_status {
	uint64_t maps, bytes;
	uint64_t from_memory, from_store, loads, dropped, failed_polls;
};
void seat_maps_status(struct seat_maps *maps, struct seat_maps_status *ret_status);
/* The events of which most seats changed of late, the busiest first, as they were within the last second or so. Answers how many. Safe from
 * any thread; waits for no page. */
uint32_t seat_maps_events(struct seat_maps *maps, struct seat_maps_event events[static SEAT_MAPS_EVENTS_MAX]);
/* The sum of the prices of the event's sold seats. False: its map is not in memory, or not current. From a thread that may wait for a
 * page. */
must_check bool seat_maps_sold_value(struct seat_maps *maps, const struct uuid *event_id, int64_t *ret_value);
