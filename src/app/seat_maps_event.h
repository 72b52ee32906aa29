/* seat_maps_event.h: the messages about an event whose seat map is in memory. */
#pragma once

#include <stdint.h>

#include "app/seat_map.h"
#include "base/uuid.h"

#define SEAT_MAPS_EVENTS_MAX 20 /* that are told of: those of which most seats changed of late */

struct seat_maps_event {
	struct uuid event_id;
	uint32_t seats[SEAT_STATUSES]; /* by status less one */
	uint64_t changes;              /* of seats, that this process has seen since the map was loaded */
};
