/* publisher.h: takes committed events from the outbox to the bus, at least once.
 *
 * Any number of publishers share the partitions by leases (ports/outbox.h). A round sees what the bus has confirmed, takes it out of the
 * outbox, reads the oldest entries of the leased partitions that it does not know yet, and sends them, behind those that are not confirmed
 * (publish_window.h). So among the messages on the bus the first of each event comes after the first of everything it is based on: also
 * when publishers overlap, and when a message arrives late that a former owner has sent. Repeats have the same message id. Nothing is sent
 * that the lease might not outlast, and nothing deleted that is not confirmed. A publisher that cannot reach the bus gives its leases back;
 * one whose messages are under way on a connection that stands keeps them, or the next owner would send everything again.
 *
 * An entry whose events cannot be read holds up its own partition and no other. That is looked at again five seconds later. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/outbox.h"

/* spacing_ms for its worker, and its own between rounds that found little: events that are committed meanwhile go out together. */
#define PUBLISHER_SPACING_MS 50

struct publisher;
struct dependencies; /* dependencies.h */

struct publisher_options {
	struct outbox *outbox; /* borrowed, and used by nobody else; so is the bus */
	struct bus *bus;
	struct dependencies *dependencies; /* borrowed: guards the outbox and the bus */
	struct clock *clock;               /* borrowed */
	struct uuid owner;                 /* of the leases: another for each publisher and start; not nil */
	/* An event was read and is about to be sent, for the first time or once more: its trace, which the message carries, may be changed.
	 * May be NULL. */
	void (*publishing)(void *context, struct event_record *record);
	/* The bus has confirmed it; it was read then (by the monotonic clock). May be NULL. */
	void (*published)(void *context, const struct event_record *record, uint64_t began_ns, uint64_t ended_ns);
	void *context;
};

/* Safe to read from any thread. */
struct publisher_counters {
	_Atomic uint64_t published;    /* events confirmed by the bus */
	_Atomic uint64_t messages;     /* confirmed; one may have several events */
	_Atomic uint64_t failures;     /* times that the bus lost or refused what was under way, or did not confirm it in time */
	_Atomic uint64_t reads;        /* statements that read entries */
	_Atomic uint32_t under_way;    /* events that are sent and not confirmed */
	_Atomic uint64_t acknowledges; /* transactions that took confirmed entries out of the outbox */
	_Atomic uint32_t partitions;   /* bit p: partition p is leased */
	_Atomic uint64_t lost_leases;  /* times that what was read was not sent, because the lease had run out meanwhile */
	_Atomic bool is_bus_up;        /* it answers, and has confirmed in time what was sent last */
	_Atomic bool is_outbox_up;
	_Atomic uint32_t unreadable; /* bit p: partition p stands still, because one of its entries cannot be read */
};

/* ERR_NO_MEMORY. */
must_check enum error publisher_new(const struct publisher_options *options, struct publisher **ret_publisher);
/* Takes NULL. Events that are confirmed and not acknowledged yet will be published again by the next owner, unless publisher_finish was
 * called. */
void publisher_free(struct publisher *publisher);

/* Publishes what waits, for about a tenth of a second. The step of a worker (pipeline/worker.h); `context` is the publisher; answers the
 * milliseconds to the next step. Wake the worker when something was committed. One thread at a time. */
uint64_t publisher_step(void *context);
/* Before the end: a last step, then what is confirmed is acknowledged and the leases are given back, so that the next owner begins at
 * once. */
void publisher_finish(struct publisher *publisher);

/* The entry that holds up its partition and was found last; false: none ever was. Safe from any thread. */
must_check bool publisher_unreadable(struct publisher *publisher, struct outbox_key *ret_key);
const struct publisher_counters *publisher_counters(const struct publisher *publisher);
