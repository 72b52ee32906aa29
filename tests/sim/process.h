/* process.h: one process of the service: its commit stage with its own view, its store that fails, its clock that is wrong.
 *
 * It may have several batches in flight. A step brings one of them a part of its way, so that they come and go in any order. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/committer.h"
#include "app/commit_batch.h"
#include "base/list.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/store.h"

#define PROCESS_TRIES_MAX 8
#define PATIENCE_MS 3500 /* after which the commit stage begins no try */
#define PROCESS_BATCHES_MAX 4

struct world;

enum part {
	PART_DECIDE,
	PART_COMMIT,
	PART_SETTLE,
};

/* A batch in flight. */
struct batch {
	struct commit_batch *commit; /* NULL: there is none */
	struct list jobs;
	uint32_t number;   /* of all batches of the world */
	uint64_t began_ms; /* of the world */
	enum part next;
	bool is_at_work;       /* within that part */
	uint64_t decided_ms;   /* the last time read from the process's clock: the time of its decision */
	uint32_t disturbances; /* failures, others' steps and long waits on its way */
	uint32_t seen_commits; /* of the world, when it was last gone on with */
};

/* The database as the commit stage sees it, one for each batch in flight. */
struct process_store {
	struct store port;
	struct process *process;
	struct store *inner;
	bool has_transaction; /* between begin and end */
	bool wants_turn;      /* the next load takes it, with: */
	struct shard_set shards;
	bool has_late; /* the commit whose answer was lost is still on its way */
};

struct process {
	struct world *world;
	uint32_t number;
	struct process_store stores[PROCESS_BATCHES_MAX];
	bool is_loading_alone; /* no other batch of the process may do anything */
	struct clock clock;
	struct random random;
	int64_t skew_ms;       /* of its clock against the world's */
	bool clears_view;      /* its store drops the view when others have written */
	uint32_t seen_commits; /* of the world, at its last load */
	struct committer *committer;
	struct list queue;
	uint32_t queued;
	struct batch batches[PROCESS_BATCHES_MAX];
	uint32_t batches_max;  /* in flight at once, in this life */
	struct batch *current; /* that the step is about */
	struct list waiting;   /* jobs of it that have to wait for another, on their way back to the queue */
	bool is_running;
	jmp_buf crash; /* where a crash leads */
};

void process_start(struct process *process, struct world *world, uint32_t number);
/* Frees it with what waits in it. */
void process_stop(struct process *process);

/* Whether anything waits or is in flight. */
bool process_is_busy(const struct process *process);
/* Takes up some of what waits, or goes on with a batch in flight, and answers it when it is over, unless it crashes. */
void process_step(struct process *process);
/* The same with another batch, within a step of its own; there may be none. */
void process_step_beside(struct process *process);
/* Its memory is lost, and it starts again. Within a step of its own this does not return. */
void process_crash(struct process *process);
