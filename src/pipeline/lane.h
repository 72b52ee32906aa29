/* lane: one thread, or a few, that serve a bounded queue in batches.
 *
 * Callers submit jobs from any thread; the lane takes all waiting jobs, up to its batch size, and hands them to `serve`. While `serve`
 * runs the next batch gathers, so that batches grow with the load and an idle lane adds no delay. Ownership of a job passes to the lane
 * on OK and comes back exactly once, also on shutdown: through `serve`, or, when the job still waits at its deadline, through
 * lane_take_overdue. With several threads `serve` leaves a job on the list that must wait for another thread's batch; the lane hands it
 * over again, before newer jobs, when a `serve` has taken something off. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/lane_use.h"
#include "base/list.h"

struct lane;

#define LANE_THREADS_MAX 8

struct lane_options {
	const char *name;      /* at most 15 bytes; shows as the threads' name */
	uint32_t capacity;     /* jobs that may wait; beyond it submit refuses */
	uint32_t batch_max;    /* jobs handed to one `serve` call */
	uint32_t thread_count; /* `serve` calls at once */
	void (*serve)(void *context, struct list *batch,
	              uint32_t count); /* on a thread of the lane; with one it takes every job off the list */
	/* With several threads: while one serves, another begins only when nearly as many jobs wait as the last batches had, or when a
	 * job has waited this long. 0: at once. So batches stay as large as with one thread, and a slow `serve` delays no other job for
	 * longer. */
	uint64_t patience_ms;
	/* The job's deadline by the monotonic clock; UINT64_MAX: none. Called with the lane locked. NULL: no job is ever overdue. */
	uint64_t (*deadline_ns)(const struct list_node *job);
	void *context; /* borrowed; must outlive the lane */
};

/* Starts the threads. ERR_NO_MEMORY or ERR_SYSTEM; *ret_lane is untouched then. */
must_check enum error lane_new(const struct lane_options *options, struct lane **ret_lane);
/* Refuses new jobs, serves those that wait, ends the threads, frees. Takes NULL. */
void lane_free(struct lane *lane);

/* Hands over a job. ERR_OVERLOADED when full, ERR_SHUTTING_DOWN when stopping: the caller keeps the job. Safe from any thread; never waits
 * for `serve`. */
must_check enum error lane_submit(struct lane *lane, struct list_node *job);
/* From within `serve`, of a lane with one thread: moves up to `room` of the waiting jobs to the end of `batch`, to be served with it. */
void lane_take_more(struct lane *lane, uint32_t room, struct list *batch);
/* Moves the waiting jobs whose deadline is at or before now_ns to the end of `ret_jobs`; the caller owns them. UINT64_MAX: all waiting
 * jobs. Answers their number. Safe from any thread, also while every thread of the lane is stuck in `serve`. Costs next to nothing when
 * no job can be overdue. */
uint32_t lane_take_overdue(struct lane *lane, uint64_t now_ns, struct list *ret_jobs);
/* The silence of the lane's thread that is silent longest. A silent thread makes no progress although jobs wait: it takes no batch,
 * calls nothing outside the process (base/outside.h), and waits for no such call. 0: none is silent. The figure lags by the interval
 * between calls of this function; each interval counts for a second at most, so that a process that was stopped does not seem silent.
 * Takes no lock. One thread calls it. */
uint64_t lane_silent_ns(struct lane *lane, uint64_t now_ns);
/* Jobs waiting now; for metrics. */
uint32_t lane_depth(const struct lane *lane);

/* Adds the lane's counters to *ret_use, so that lanes of one kind are counted together. Safe from any thread; takes no lock. */
void lane_add_use(const struct lane *lane, struct lane_use *ret_use);
