/* bus.h: the bus port (ports/bus.h) inside this process: it hands published events to the subscribers. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/list.h"
#include "ports/bus.h"

/* Made by the subscriber, who keeps it until it has unsubscribed. */
struct local_subscriber {
	struct list_node node; /* the bus's own */
	/* On the publisher's thread; must not block, subscribe or unsubscribe. The record lives until it returns. At least once: may
	 * repeat. */
	void (*receive)(void *context, const struct event_record *record);
	void *context;
};

/* ERR_NO_MEMORY. */
must_check enum error local_bus_new(struct bus **ret_bus);

/* Both for a bus of local_bus_new; safe from any thread. Nothing is received any more when unsubscribe returns. */
void local_bus_subscribe(struct bus *bus, struct local_subscriber *subscriber);
void local_bus_unsubscribe(struct bus *bus, struct local_subscriber *subscriber);
