/* committer_options.h: what the commit stage is made of and told, what it counts, and who hears of its work. */
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
	_Atomic uint64_t retries;      /* times a batch was decided again after a pause, and a lost commit was asked for again */
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
	/* How to wait between tries; the simulator's moves its clock. This and the others on the thread of the batch, holding nothing. */
	void (*pause)(void *context, uint64_t ms);
	/* After every commit that wrote events, before its rows are anybody else's. Wakes the publisher, and shows the seats. May be NULL. */
	void (*committed)(void *context, const struct changes *changes);
	/* How long one store_commit took, and the jobs whose commands it carried: struct job, by its node. May be NULL. */
	void (*measured)(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count);
	/* The trace of a batch that is over, if it is recorded, and the jobs that it served. May be NULL: then none is. */
	void (*traced)(void *context, const struct batch_trace *trace, const struct list *jobs);
	/* Whether more commands wait for the next batch: only then is a turn (ports/store.h) kept. May be NULL: no. */
	bool (*has_more)(void *context);
	/* The rows of this command contradict each other, or cannot be read: it is answered with ERR_CORRUPT, the others of its batch are not.
	 * May be NULL. */
	void (*inconsistent)(void *context, const struct inconsistency *found);
	void *context;
};
