/* lane: one thread, or a few, that serve a bounded queue in batches.
 *
 * Callers submit jobs from any thread; the lane takes everything that waits, up to its batch size, and hands it to `serve`. While `serve`
 * runs the next batch gathers, so that a batch is as large as the load asks for and an idle lane adds no delay.
 * Ownership of a job passes to the lane on OK and comes back exactly once, also on shutdown: through `serve`, or, when the job still waits at
 * its deadline, through lane_take_overdue. With several threads a job that cannot be served before what another thread is serving is left on
 * the list, and comes again, before newer ones, when a `serve` has taken something off. */
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
	/* Until when a job may wait, by the monotonic clock; UINT64_MAX: as long as it takes. Called with the lane locked. NULL: no job is ever
	 * overdue. */
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
/* Moves the jobs whose deadline is at or before now_ns and that no thread has taken yet behind those of `ret_jobs`; they are the caller's.
 * UINT64_MAX: all that wait. Answers how many. Safe from any thread, also while every thread of the lane is stuck in `serve`. Costs next to
 * nothing when nothing can be overdue. */
uint32_t lane_take_overdue(struct lane *lane, uint64_t now_ns, struct list *ret_jobs);
/* How long the thread of the lane that is silent longest has shown no sign of life although jobs came: it has not come back for more, and has not
 * called anything outside the process (base/outside.h) nor waits for such a call. 0: none is silent. Lags by as much as the calls are apart, of
 * which each counts for a second at most, so that a process that was stopped is not taken for a silent one. Takes no lock. By one thread. */
uint64_t lane_silent_ns(struct lane *lane, uint64_t now_ns);
/* Jobs waiting now; for metrics. */
uint32_t lane_depth(const struct lane *lane);

/* Adds what the lane has to *ret_use, so that lanes of one kind are told together. Safe from any thread; takes no lock. */
void lane_add_use(const struct lane *lane, struct lane_use *ret_use);
