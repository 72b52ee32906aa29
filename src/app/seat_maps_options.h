/* seat_maps_options.h: the parts, settings and listeners of the seat maps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/clock.h"
#include "ports/seat_feed.h"

struct seat_maps_options {
	struct seat_feed *feed; /* borrowed */
	struct clock *clock;    /* borrowed: that of the store */
	size_t bytes_max;
	bool is_alone; /* no other process has maps of this store: no client can have a version from one that is ahead */
	/* A change that the feed or a commit has told of is in the maps, so long after it was decided; NULL: nobody wants to know. */
	void (*lagged)(void *context, uint64_t lag_ms);
	void (*wake)(void *context); /* the worker has something to do */
	void *context;
};
