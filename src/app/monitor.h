/* monitor.h: looks once a second after what the service stands on: whether the store and the catalog serve, whether the catalog has what
 * the store has, what waits in the outbox, and how far this process's clock is from the store's. Readiness reports its findings. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/catalog_sync.h"
#include "app/service.h"
#include "app/store_clock.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/reader.h"

#define MONITOR_INTERVAL_MS 1000
#define MONITOR_OUTBOX_FRESH_MS 10000 /* so long what was seen of the outbox is told as it was */
#define MONITOR_DOWN_MS 250           /* between two steps while one of them does not serve: the next step lets its waiting callers in */
#define MONITOR_OUTBOX_MS 2000        /* between two looks at the outbox; more when they take long, five seconds at most */
#define MONITOR_SKEW_MAX_MS 500       /* clocks further apart are told of */
#define MONITOR_OUTBOX_KNOWN_MS 10000 /* the outbox is known so long after its next look was due: a look may wait for a slow store */

/* Starts zeroed but for what is borrowed; then it reads as not up until the first step. */
struct monitor {
	struct reader *reader;           /* borrowed, and used by nobody else; so is the catalog */
	struct catalog *catalog;         /* NULL: this process has none */
	struct clock *clock;             /* borrowed: of this machine */
	struct store_clock *store_clock; /* borrowed: corrected by what is found; or NULL */
	struct service *service;         /* borrowed: told what is found; or NULL */
	_Atomic bool is_stopping;        /* the caller's: a step that runs asks nothing more */
	/* The results of the last step; safe to read from any thread. */
	_Atomic bool is_store_up; /* the store answers and can be written to */
	_Atomic bool is_catalog_up;
	_Atomic bool is_catalog_current; /* it was brought to where the store is, or was when the store went down */
	_Atomic uint32_t unplaced_count; /* events that cannot be brought to the catalog, as their stored data is wrong */
	_Atomic uint64_t store_ns;       /* each one's answering time */
	_Atomic uint64_t catalog_ns;
	_Atomic bool has_store_clock;    /* the store has answered, and has a clock of its own */
	_Atomic int64_t clock_skew_ms;   /* this process's clock less the store's, at the last answer; exact to half of what it took */
	_Atomic bool is_clock_skewed;    /* by more than MONITOR_SKEW_MAX_MS, whatever that half was */
	_Atomic uint64_t outbox_entries; /* as struct outbox_status, a few seconds old at most while the store is up */
	_Atomic uint64_t outbox_oldest_ms;
	_Atomic uint64_t outbox_seen_ms; /* when that was so, by this machine's clock */
	_Atomic uint64_t publishers;
	_Atomic uint64_t outbox_known_until_ns; /* by the monotonic clock: later they are out of date; 0: there was no look yet */
	uint64_t outbox_at_ns;                  /* when the outbox is looked at again */
	struct ping ping;                       /* the last; not for other threads */
	struct catalog_sync sync;               /* the same */
};

/* The step of a worker (pipeline/worker.h); `context` is the struct monitor. */
uint64_t monitor_step(void *context);
/* How old the oldest entry of the outbox was when it was looked at last: it may have been published since. When that was long ago the age
 * goes on: nobody knows better. Safe from any thread. */
uint64_t monitor_outbox_age_ms(const struct monitor *monitor);
