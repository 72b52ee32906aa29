/* publishing.h: sends records over a bus and waits until all of them are confirmed, for tests and measurements. */
#pragma once

#include <stdint.h>

#include "ports/bus.h"

/* All zero: nothing was sent. */
struct sending {
	uint64_t before; /* records that were confirmed when it began */
	uint32_t sent;   /* records that were, and are under way or confirmed */
};

/* Records under way are not sent again. BUS_OK: all of them are confirmed. Call it again, with the same records, until they are. */
enum bus_result sending_go_on(struct sending *sending, struct bus *bus, const struct event_record *const *records, uint32_t count,
                              uint64_t timeout_ms);
