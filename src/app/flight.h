/* flight.h: one batch on its way through the commit stage, in the parts of which committer_step is made. Private to app and the simulator,
 * which has several in the air on one thread.
 *
 *   flight_begin, then until it is over: flight_decide, flight_commit, flight_land, flight_is_over
 *
 * Flights of one committer may be on different threads. They take turns with the view, and let go of it while a store is at work. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/committer.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "domain/changes.h"
#include "domain/view.h"
#include "pipeline/backoff.h"

/* What has become of a try. */
enum flight_result {
	FLIGHT_DONE,    /* every job has its outcome */
	FLIGHT_AGAIN,   /* load and decide again, at once */
	FLIGHT_PAUSE,   /* the same, after a pause */
	FLIGHT_DOWN,    /* the store does not serve */
	FLIGHT_CORRUPT, /* stored data cannot be right */
	FLIGHT_FULL,    /* there is no memory */
};

struct flight {
	struct committer *committer;
	struct store *store;
	struct view *loading; /* where it loads: the committer's view; with other flights beside it an annex of that */
	_Atomic bool is_taken;
	struct arena arena;    /* of the batch; cleared when a try begins */
	struct buffer scratch; /* an event's data while it is written */
	struct list *jobs;     /* borrowed */
	uint32_t count;
	uint32_t tries; /* that came to nothing */
	uint64_t began_ns;
	struct backoff backoff;
	enum flight_result result;
	struct changes changes;
	struct list flying; /* the view's rows that the changes write, from decide until land */
};

struct committer {
	struct committer_options options;
	struct committer_counters counters;
	pthread_mutex_t lock; /* guards the view */
	struct view *view;
	struct flight flights[COMMITS_IN_FLIGHT_MAX];
	uint32_t flight_count; /* that were made */
};

/* Takes a flight that is free; there is one. The list stays the caller's and holds the jobs until it is over. */
struct flight *flight_begin(struct committer *committer, struct list *jobs, uint32_t job_count);
/* Loads and decides; jobs that have to wait go to `ret_waiting`. */
void flight_decide(struct flight *flight, struct list *ret_waiting);
/* Writes what was decided, and asks until it is known whether it is stored. */
void flight_commit(struct flight *flight);
/* Brings the view up to date. */
void flight_land(struct flight *flight);
/* True: every job that is left has its outcome, and the flight is free. False: the batch is to be decided again; the pause is over. */
must_check bool flight_is_over(struct flight *flight);
