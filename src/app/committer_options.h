/* committer_options.h: the parts, settings, counters and listeners of the commit stage. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/batch_trace.h"
#include "app/inconsistency.h"
#include "base/list.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/store.h"
#include "state/changes.h"

struct committer_counters {
	_Atomic uint64_t batches; /* committed, or found to be refusals only */
	_Atomic uint64_t commands;
	_Atomic uint64_t events;
	_Atomic uint64_t stale;        /* times a batch was decided again */
	_Atomic uint64_t conflicts;    /* times the same changes were written again, after STORE_BUSY from the commit */
	_Atomic uint64_t retries;      /* batches decided again after a pause, and further questions for a lost commit */
	_Atomic uint64_t inconsistent; /* commands whose rows contradict each other or cannot be read */
	_Atomic uint64_t failures;     /* batches that were given up: all their commands have the same error */
};

#define COMMITS_IN_FLIGHT_MAX 8

struct committer_options {
	struct store *const *stores; /* one for each batch in flight; the stores are borrowed, the array is not */
	uint32_t store_count;
	struct clock *clock;   /* borrowed */
	struct random *random; /* borrowed */
	uint32_t view_rows_max;
	uint32_t tries_max; /* of one batch, before it is answered with 503; its time may be over earlier */
	/* Waits between tries; the simulator's moves its clock. This and the functions below run on the thread of the batch, without
	 * locks. */
	void (*pause)(void *context, uint64_t ms);
	/* Called after every commit that wrote events, before other batches get its rows. Wakes the publisher, and updates the seat
	 * maps. May be NULL. */
	void (*committed)(void *context, const struct changes *changes);
	/* Hears how long one store_commit took, and the jobs whose commands it carried: struct job, by its node. May be NULL. */
	void (*measured)(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count);
	/* Hears the trace of a batch that is over, if it is recorded, and its jobs. NULL: no batch is recorded. */
	void (*traced)(void *context, const struct batch_trace *trace, const struct list *jobs);
	/* True if more commands wait for the next batch: only then does the store keep its turn (ports/store.h). NULL: none do. */
	bool (*has_more)(void *context);
	/* Appends to `jobs` those that came since the batch of `count` began, which has waited for a turn and has not decided yet: they are
	 * served with it. Answers how many. With one store only. May be NULL: none. */
	uint32_t (*take_more)(void *context, uint32_t count, struct list *jobs);
	/* The rows of this command contradict each other, or cannot be read: it is answered with ERR_CORRUPT, the others of its batch are
	 * not. May be NULL. */
	void (*inconsistent)(void *context, const struct inconsistency *found);
	void *context;
};
