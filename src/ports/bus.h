/* bus.h: where published events go. At least once, in order per partition; the message id is the event id. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports/reader.h"

enum bus_result {
	BUS_OK = 0,
	/* The connection stands, and messages that were sent on it are not confirmed yet. They may still be: nobody else should send them. Publish
	 * them again, in whatever batches, and what is confirmed or under way is not sent twice. */
	BUS_PENDING,
	BUS_DOWN, /* nothing is known of messages that were not confirmed: publish all of them again later */
};

#define BUS_PROBLEM_MAX 256

/* What a bus says of itself, if it is outside this process; else all of it is zero. */
struct bus_status {
	char problem[BUS_PROBLEM_MAX]; /* why it is down, in one line for people; empty: it does not say */
	uint64_t unroutable;           /* messages that no queue was bound to, since the start */
	struct uuid unroutable_id;     /* the last of them */
	enum event_type unroutable_type;
};

struct bus;

struct bus_operations {
	/* Publishes the records in order and waits until each is confirmed, or the time is over. BUS_OK: nothing is pending any more, of earlier
	 * batches either. Used by one thread at a time. */
	enum bus_result (*publish)(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms);
	/* Keeps an idle connection alive, and finds out without waiting whether what was pending is confirmed. BUS_DOWN: there is no connection,
	 * or it takes no messages and nothing is pending on it. */
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
