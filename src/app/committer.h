/* committer.h: the commit stage: load → decide → apply → commit for a batch of commands, as one transaction.
 *
 * The same step runs in the service and in the simulator. It keeps the lane's view between batches. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/list.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/store.h"

struct committer;

struct committer_counters {
	_Atomic uint64_t batches; /* committed, or found to be refusals only */
	_Atomic uint64_t commands;
	_Atomic uint64_t events;
	_Atomic uint64_t stale;    /* times a batch was decided again */
	_Atomic uint64_t retries;  /* after STORE_BUSY or STORE_UNKNOWN */
	_Atomic uint64_t failures; /* batches answered with ERR_STORE_UNAVAILABLE */
};

struct committer_options {
	struct store *store;   /* borrowed */
	struct clock *clock;   /* borrowed */
	struct random *random; /* borrowed */
	uint32_t view_rows_max;
	uint32_t tries_max; /* of one batch, before it is answered with 503 */
	/* How to wait between tries; the simulator's moves its clock. */
	void (*pause)(void *context, uint64_t ms);
	/* After every commit that wrote events; wakes the publisher. May be NULL. */
	void (*committed)(void *context, uint32_t event_count);
	/* How long one store_commit took, and how many commands it carried; for the histograms. May be NULL. */
	void (*measured)(void *context, uint64_t commit_ns, uint32_t command_count);
	void *context;
};

/* ERR_NO_MEMORY. */
must_check enum error committer_new(const struct committer_options *options, struct committer **ret_committer);
/* Takes NULL. */
void committer_free(struct committer *committer);

/* Serves the jobs as one batch: when it returns, every outcome is set; `done` is not called. All are of kind JOB_COMMAND and stay on the list. */
void committer_step(struct committer *committer, struct list *jobs, uint32_t job_count);

const struct committer_counters *committer_counters(const struct committer *committer);
