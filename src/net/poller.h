/* poller.h: waits for many descriptors at once. Internal to net/; poller.c alone includes epoll.
 *
 * One thread uses a poller; poller_wake is for the others. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

struct poller;

/* The events that a handle waits for or that have happened. An error or a hang-up counts as all those that it waits for: the next read
 * or write tells which it is. */
enum poll_events {
	POLL_READABLE = 1,
	POLL_WRITABLE = 2,
};

/* A descriptor with its events, in the memory of its owner, who closes it. */
struct poll_handle {
	int descriptor;
	uint32_t watched; /* poll_events */
	void (*ready)(struct poll_handle *handle, uint32_t events);
};

/* woken: called on the poller's thread after poller_wake, once for any number of calls before it. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error poller_new(void (*woken)(void *context), void *context, struct poller **ret_poller);
/* Every handle has been removed. */
void poller_free(struct poller *poller);
/* From any thread. */
void poller_wake(struct poller *poller);
/* Waits until something has happened, at most timeout_ms, and calls for each event; UINT32_MAX: without a limit. May return early. */
void poller_wait(struct poller *poller, uint32_t timeout_ms);
/* The monotonic clock when the last wait ended. */
uint64_t poller_now_ms(const struct poller *poller);

/* Waits for these events from now on, and calls `ready` as long as they last; 0: for none. `ready` may remove any handle. ERR_SYSTEM:
 * the kernel cannot watch one more descriptor. */
must_check enum error poller_add(struct poller *poller, struct poll_handle *handle, uint32_t events);
/* Other events instead. */
void poller_watch(struct poller *poller, struct poll_handle *handle, uint32_t events);
/* Call it before the descriptor is closed: the handle is not called again, and may be freed. */
void poller_remove(struct poller *poller, struct poll_handle *handle);
