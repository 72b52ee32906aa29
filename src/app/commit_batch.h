/* commit_batch.h: one batch on its way through the commit stage, in the parts of which committer_step is made. Private to app and the simulator,
 * which has several in flight on one thread.
 *
 *   begin, then decide, commit, settle until is_answered, with pause between; end
 *
 * Batches of one committer may be on different threads. They take turns with the view, and let go of it while a store is at work; but an
 * exact try (committer.h) keeps it until it has decided. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/batch_trace.h"
#include "app/committer_options.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/backoff.h"
#include "state/changes.h"
#include "state/shard_set.h"
#include "state/view.h"

/* The result of a try. */
enum try_result {
	TRY_DONE,    /* every job has its outcome, and what they change is stored */
	TRY_AGAIN,   /* load and decide again, at once */
	TRY_PAUSE,   /* the same, after a pause */
	TRY_DOWN,    /* the store does not serve */
	TRY_CORRUPT, /* stored data of one of the jobs cannot be right */
	TRY_LATE,    /* the batch's time is over; nothing is known against the store */
	TRY_FULL,    /* there is no memory */
};

struct commit_batch {
	struct committer *committer;
	struct store *store;
	struct view *overlay; /* where it loads when other slots are beside it; NULL: in the committer's view */
	_Atomic bool is_taken;
	struct arena arena;    /* of the batch; cleared when a try begins */
	struct buffer scratch; /* an event's data while it is written */
	struct list *jobs;     /* borrowed */
	uint32_t count;
	uint32_t tries;    /* that came to nothing */
	bool is_exact;     /* the try decides on rows of one moment only: an earlier one met rows that had moved */
	bool is_contended; /* others change rows of its shards */
	bool is_alone;     /* it loads into the committer's view, and no other batch decides or settles meanwhile */
	bool has_turn;     /* with these shards, until then: */
	struct shard_set turn;
	uint64_t turn_until_ns;
	bool has_answer;      /* the store has answered a try, or a part, of the same time; the caller may set it after begin */
	uint64_t deadline_ns; /* of the whole batch */
	struct backoff backoff;
	enum try_result result;
	struct changes changes;
	struct batch_trace trace;
	struct list dispatched; /* the view's rows that the changes write, from decide until settle */
};

struct committer {
	struct committer_options options;
	struct committer_counters counters;
	pthread_mutex_t lock; /* guards the view */
	struct view *view;
	struct commit_batch slots[COMMITS_IN_FLIGHT_MAX];
	uint32_t slot_count;                      /* that were made */
	uint64_t no_turns_until_ns;               /* somebody kept a turn for too long; guarded by `lock`, too */
	uint64_t contended_until_ns[SHARD_COUNT]; /* by then nobody else has changed rows of the shard for a while; guarded by `lock` */
};

/* When the time of a batch that begins now is over. */
uint64_t commit_batch_deadline_ns(const struct committer *committer);
/* Takes a batch that is free; there is one. No try is begun, and nothing asked again, after the deadline. The list stays the caller's and holds the jobs until it is over. */
struct commit_batch *commit_batch_begin(struct committer *committer, struct list *jobs, uint32_t job_count, uint64_t deadline_ns);
/* Loads and decides; jobs that have to wait go to `ret_waiting`. */
void commit_batch_decide(struct commit_batch *batch, struct list *ret_waiting);
/* Writes the decided changes, and asks the store until it knows whether they are stored. */
void commit_batch_commit(struct commit_batch *batch);
/* Brings the view up to date. */
void commit_batch_settle(struct commit_batch *batch);
/* Whether every job that is left has its outcome; if not, the batch is to be decided again after commit_batch_pause. */
must_check bool commit_batch_is_answered(struct commit_batch *batch);
/* Waits as the last try asked for. */
void commit_batch_pause(struct commit_batch *batch);
/* Nothing follows this batch for now: a turn that was kept is ended. */
void commit_batch_rest(struct commit_batch *batch);
/* Counts the result of the batch, and frees its slot for another. */
void commit_batch_end(struct commit_batch *batch);
/* Frees the batch; its jobs are served in another way. */
void commit_batch_cancel(struct commit_batch *batch);
