/* commit_batch.h: one batch on its way through the commit stage, in the parts of which committer_step is made. Private to app and the
 * simulator, which has several in flight on one thread.
 *
 *   begin, then decide, commit, settle until is_answered, with pause between; end
 *
 * Batches of one committer may be on different threads. They take turns with the view, and let go of it while a store is at work; but an
 * exact try (committer.h) keeps it until it has decided. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/commit_inside.h"
#include "base/list.h"

/* When the time of a batch that begins now is over. */
uint64_t commit_batch_deadline_ns(const struct committer *committer);
/* Takes a free batch; there must be one. After the deadline it begins no try and asks nothing again. The list stays the caller's and
 * holds the jobs until the end. */
struct commit_batch *commit_batch_begin(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns);
/* Loads and decides; jobs that have to wait go to `ret_waiting`. */
void commit_batch_decide(struct commit_batch *batch, struct list *ret_waiting);
/* Writes the decided changes, and asks the store until it knows whether they are stored. */
void commit_batch_commit(struct commit_batch *batch);
/* Brings the view up to date. */
void commit_batch_settle(struct commit_batch *batch);
/* True if every remaining job has its outcome; if not, decide the batch again after commit_batch_pause. */
must_check bool commit_batch_is_answered(struct commit_batch *batch);
/* Waits as the last try asked for. */
void commit_batch_pause(struct commit_batch *batch);
/* No batch follows soon: ends a turn that was kept. */
void commit_batch_rest(struct commit_batch *batch);
/* Counts the result of the batch, and frees its slot for another. */
void commit_batch_end(struct commit_batch *batch);
/* Frees the batch; its jobs are served in another way. */
void commit_batch_cancel(struct commit_batch *batch);
