/* sales_watch.h: looks now and then at what a seller must never find out from customers: refunds that are due for long, and events that have sold more
 * than they have.
 *
 * The oversell check is independent of how seats are sold: what the confirmed orders of an event have paid (the orders' table) is never more than what
 * the seats cost that are sold (the seats' table, as the seat maps show it a little later). It looks at the events of which most seats change,
 * one at a time. Both take a bounded share of the time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/seat_maps.h"
#include "base/arena.h"
#include "ports/clock.h"
#include "ports/reader.h"

#define SALES_WATCH_MS 5000         /* between two looks; more when they take long */
#define SALES_WATCH_REFUNDS_MAX 100 /* counting stops there */

struct sales_watch_check {
	struct uuid event_id;
	bool is_oversold;
};

/* Starts zeroed but for what is borrowed. */
struct sales_watch {
	struct reader *reader;  /* borrowed; used by the thread of the steps alone */
	struct seat_maps *maps; /* borrowed; NULL: this process has none, and checks no event */
	struct clock *clock;    /* borrowed: that of the store */
	/* What was found; safe to read from any thread. */
	_Atomic uint64_t refunds_due;
	_Atomic uint64_t oldest_due_ms;   /* when the oldest of them was made; 0: none is due */
	_Atomic uint64_t checked_events;  /* since the start */
	_Atomic uint64_t oversold_events; /* of those checked last */
	/* The steps' own. */
	uint64_t next_ns;
	bool has_paid; /* the orders of `paid_event` were asked; its seats come next */
	struct uuid paid_event;
	int64_t paid;
	uint32_t turn;
	struct sales_watch_check checks[SEAT_MAPS_EVENTS_MAX];
	uint32_t check_count;
};

static inline struct sales_watch sales_watch_of(struct reader *reader, struct seat_maps *maps, struct clock *clock)
{
	return (struct sales_watch){.reader = reader, .maps = maps, .clock = clock};
}

/* For the thread of the monitor, once a second. is_store_up: else it does nothing. */
void sales_watch_step(struct sales_watch *watch, bool is_store_up);
