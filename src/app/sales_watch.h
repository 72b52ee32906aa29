/* sales_watch.h: now and then looks for refunds that have been due for long, for holds and orders that nobody ends, and for events that
 * have sold too much, so that no seller learns of them from customers.
 *
 * The oversell check does not depend on the code that sells: the money paid by an event's confirmed orders (the orders' table) never
 * exceeds the prices of its sold seats (the seats' table, as the seat maps show it a little later). It checks the events with the most
 * changes of seats, one at a time. All looks take a bounded share of the time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/seat_maps.h"
#include "base/arena.h"
#include "ports/clock.h"
#include "ports/reader.h"

#define SALES_WATCH_MS 5000         /* between two looks; more when they take long */
#define SALES_WATCH_REFUNDS_MAX 100 /* counting stops there */
#define SALES_WATCH_KNOWN_MS 10000  /* findings are known so long after the next look was due */

#define SALES_WATCH_CURRENCY_WORDS 4 /* of 64 bits */

struct sales_watch_check {
	struct uuid event_id;
	bool is_oversold;
};

/* Starts zeroed but for what is borrowed. */
struct sales_watch {
	struct reader *reader;                                   /* borrowed; used by the thread of the steps alone */
	struct seat_maps *maps;                                  /* borrowed; NULL: this process has none, and checks no event */
	struct clock *clock;                                     /* borrowed: that of the store */
	_Atomic uint64_t currencies[SALES_WATCH_CURRENCY_WORDS]; /* of all events, a bit each by currency_index; they only become more */
	/* The findings; safe to read from any thread. By the monotonic clock they are out of date from then on; 0: there are none yet. */
	_Atomic uint64_t known_until_ns;
	_Atomic uint64_t refunds_due;
	_Atomic uint64_t oldest_due_ms;   /* when the oldest of them was made; 0: none is due */
	_Atomic uint64_t overdue_ms;      /* how long ago the first deadline was that nobody had seen to; at the look */
	_Atomic uint64_t checked_events;  /* since the start */
	_Atomic uint64_t oversold_events; /* of those checked last */
	/* The steps' own. */
	struct uuid last_event; /* the currencies of events up to this id are known */
	uint64_t next_ns;
	bool has_paid; /* the orders of `paid_event` were asked, at paid_at_ns; its seats come a second later */
	uint64_t paid_at_ns;
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

/* Whether an event has that currency, as far as is known. Safe from any thread. */
static inline bool sales_watch_has_currency(const struct sales_watch *watch, uint32_t currency)
{
	return (watch->currencies[currency / 64] >> currency % 64 & 1) != 0;
}

/* For the thread of the monitor, once a second. is_store_up: else it does nothing. */
void sales_watch_step(struct sales_watch *watch, bool is_store_up);
