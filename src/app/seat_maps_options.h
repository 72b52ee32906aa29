/* seat_maps_options.h: what the seat maps are made of, and who hears of their work. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ports/clock.h"
#include "ports/seat_feed.h"

struct seat_maps_options {
	struct seat_feed *feed; /* borrowed */
	struct clock *clock;    /* borrowed: that of the store */
	size_t bytes_max;
	/* A change that the feed or a commit has told of is in the maps, so long after it was decided; NULL: nobody wants to know. */
	void (*lagged)(void *context, uint64_t lag_ms);
	void (*wake)(void *context); /* the worker has something to do */
	void *context;
};
