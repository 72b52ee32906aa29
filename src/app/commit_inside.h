/* commit_inside.h: the structures that the files of the commit stage share: a batch in flight, and the committer whose view it decides on.
 * Private to app and the simulator. */
#pragma once

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/batch_trace.h"
#include "app/committer_options.h"
#include "app/job.h"
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
	TRY_CORRUPT, /* stored data of one of the jobs is wrong */
	TRY_LATE,    /* the batch's time is over, which says nothing about the store */
	TRY_FULL,    /* there is no memory */
};

struct commit_batch {
	struct committer *committer;
	struct store *store;
	struct view *overlay; /* loads here when other slots are beside it; NULL: in the committer's view */
	_Atomic bool is_taken;
	struct arena arena;    /* of the batch; cleared when a try begins */
	struct buffer scratch; /* an event's data while it is written */
	struct list *jobs;     /* borrowed */
	uint32_t count;
	uint32_t tries;    /* that came to nothing */
	bool is_exact;     /* the try decides on rows of one moment only: an earlier one met rows that had moved */
	bool is_contended; /* others change rows of its shards */
	bool is_alone;     /* it loads into the committer's view, while no other batch decides or settles */
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
	uint64_t no_turns_until_ns;               /* another process kept a turn for too long; guarded by `lock`, too */
	uint64_t contended_until_ns[SHARD_COUNT]; /* other processes may change the rows until then; guarded by `lock` */
	uint8_t contended_last;                   /* the shard whose time there is the latest */
};

static inline struct job *commit_batch_job(struct list_node *node)
{
	assert(node != NULL);
	return container_of(node, struct job, node);
}
