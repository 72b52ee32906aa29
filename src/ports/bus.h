/* bus.h: delivers published events, at least once, in order per partition; the message id is the event id. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports/reader.h"

enum bus_result {
	BUS_OK = 0,
	/* The connection stands, and may still confirm records: no other publisher should send them. */
	BUS_PENDING,
	/* No record is under way any more, and the fate of the unconfirmed is unknown: send them again, from the first on. */
	BUS_DOWN,
};

#define BUS_PROBLEM_MAX 256

/* The state of a bus outside this process; all zero for one inside. */
struct bus_status {
	char problem[BUS_PROBLEM_MAX]; /* why it is down, in one line for people; empty: it does not say */
	uint64_t unroutable;           /* messages that no queue was bound to, since the start */
	struct uuid unroutable_id;     /* the last of them */
	enum event_type unroutable_type;
};

struct bus;

/* A publisher sends records before earlier ones are confirmed. The bus numbers them in the order in which they were sent, from its start
 * on: all records up to `confirmed` are confirmed, and the next record follows the last one under way. After BUS_DOWN the numbers go on
 * behind `confirmed`. Used by one thread at a time. */
struct bus_operations {
	/* Sends records in order, up to the number that may be unconfirmed; those of one partition arrive in this order. It waits at
	 * most timeout_ms for the connection to take them, and for no confirm. *ret_sent of them were sent, maybe not all. BUS_PENDING:
	 * the bus takes no more now. BUS_DOWN: every record sent beyond `confirmed` is lost. */
	enum bus_result (*send)(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms,
	                        uint32_t *ret_sent);
	/* Takes the confirms that have come; while records are under way it waits for the next confirm, for timeout_ms at most. Keeps an
	 * idle connection alive. BUS_OK: no record is under way. BUS_PENDING: some are. BUS_DOWN: there is no connection, or records
	 * were lost or refused. */
	enum bus_result (*collect)(struct bus *bus, uint64_t timeout_ms);
	void (*free)(struct bus *bus);
};

struct bus {
	const struct bus_operations *operations;
	/* As of the last call; the bus's to set. */
	uint64_t confirmed; /* records */
	uint64_t messages;  /* confirmed; one may have several records */
};

/* Takes NULL. */
static inline void bus_free(struct bus *bus)
{
	if (bus != NULL)
		bus->operations->free(bus);
}
