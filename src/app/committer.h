/* committer.h: the commit stage: load → decide → apply → commit for a batch of commands, as one transaction.
 *
 * It keeps the lane's view between batches. Several batches may be in flight, each with a store of its own: a batch is loaded and decided
 * while others are being committed. Batches in flight have nothing to do with each other: a command that reads what another batch is
 * writing waits until that has been committed or aborted. So every answer rests on stored rows alone, and a batch that fails takes no
 * other with it. */
#pragma once

#include <stdint.h>

#include "app/committer_options.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/list.h"

struct committer;

/* A batch's finding about the store. */
enum committer_finding {
	COMMITTER_SERVED,
	COMMITTER_LATE, /* nothing: the batch's time was over */
	COMMITTER_DOWN,
};

/* ERR_NO_MEMORY. */
must_check enum error committer_new(const struct committer_options *options, struct committer **ret_committer);
/* Takes NULL. */
void committer_free(struct committer *committer);

/* Serves the jobs, all of kind JOB_COMMAND, as one batch. Jobs that have to wait for another batch are moved to `ret_waiting`, which
 * must be initialised: submit them again when that batch has been served. The others stay on the list with their outcomes; `done` is not
 * called. With one store no job waits, and ret_waiting may be NULL. Safe from as many threads at once as there are stores. */
enum committer_finding committer_step(struct committer *committer, struct list *jobs, uint32_t job_count, struct list *ret_waiting);

/* With one store, between batches: the next batch will not come soon, although has_more has promised it. */
void committer_rest(struct committer *committer);

const struct committer_counters *committer_counters(const struct committer *committer);
