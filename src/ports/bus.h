/* bus.h: where published events go. At least once, in order per partition; the message id is the event id. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports/reader.h"

enum bus_result {
	BUS_OK = 0,
	BUS_DOWN, /* not all were confirmed: publish them all again later */
};

struct bus;

struct bus_operations {
	/* Publishes the records in order and waits until each is confirmed, or the time is over. Used by one thread at a time. */
	enum bus_result (*publish)(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms);
	/* Keeps an idle connection alive; BUS_DOWN when there is none. */
	enum bus_result (*ping)(struct bus *bus);
	void (*free)(struct bus *bus);
};

struct bus {
	const struct bus_operations *operations;
};

/* Takes NULL. */
static inline void bus_free(struct bus *bus)
{
	if (bus != NULL)
		bus->operations->free(bus);
}
