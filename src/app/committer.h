/* committer.h: the commit stage: load → decide → apply → commit for a batch of commands, as one transaction.
 *
 * It keeps the lane's view between batches. Several batches may be in flight, each with a store of its own: a batch is loaded and decided
 * while others are being committed. Batches in flight have nothing to do with each other: a command that reads what another batch is
 * writing waits until that has been committed or aborted. So no answer rests on what is not known to be stored, and a batch that fails takes no other with it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/inconsistency.h"
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
	/* After every commit that wrote events; wakes the publisher. May be NULL. */
	void (*committed)(void *context, uint32_t event_count);
	/* How long one store_commit took, and the jobs whose commands it carried: struct job, by its node. May be NULL. */
	void (*measured)(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count);
	/* Whether more commands wait for the next batch: only then is a turn (ports/store.h) kept. May be NULL: no. */
	bool (*has_more)(void *context);
	/* The rows of this command contradict each other, or cannot be read: it is answered with ERR_CORRUPT, the others of its batch are not.
	 * May be NULL. */
	void (*inconsistent)(void *context, const struct inconsistency *found);
	void *context;
};

/* ERR_NO_MEMORY. */
must_check enum error committer_new(const struct committer_options *options, struct committer **ret_committer);
/* Takes NULL. */
void committer_free(struct committer *committer);

/* Serves the jobs, all of kind JOB_COMMAND, as one batch. Those that have to wait for another batch are moved to `ret_waiting`, which was
 * initialised: submit them again when that has been served. The others stay on the list, every outcome set; `done` is not called. With one
 * store nobody waits, and it may be NULL. Safe from as many threads at once as there are stores. */
bool committer_step(struct committer *committer, struct list *jobs, uint32_t job_count, struct list *ret_waiting);

/* With one store, between batches: the next one is not to be expected soon, though has_more has said so. */
void committer_rest(struct committer *committer);

const struct committer_counters *committer_counters(const struct committer *committer);
