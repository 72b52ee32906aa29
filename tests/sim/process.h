/* process.h: one process of the service: its commit stage with its own view, its store that fails, its clock that is wrong. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/committer.h"
#include "base/list.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/store.h"

#define PROCESS_TRIES_MAX 8

struct world;

struct process {
	struct world *world;
	uint32_t number;
	struct store store;  /* what the commit stage sees */
	struct store *inner; /* the database */
	struct clock clock;
	struct random random;
	int64_t skew_ms;       /* of its clock against the world's */
	uint64_t decided_ms;   /* what its clock said when it was last asked: the time of its decision */
	bool clears_view;      /* its store drops the view when others have written */
	uint32_t seen_commits; /* of the world, at its last load */
	struct committer *committer;
	struct list queue;
	struct list batch; /* being served */
	uint32_t queued;
	bool is_running;
	uint32_t disturbances; /* failures and others' steps within this one */
	jmp_buf crash;         /* where a crash leads */
};

void process_start(struct process *process, struct world *world, uint32_t number);
/* Frees it with what waits in it. */
void process_stop(struct process *process);

uint64_t process_now_ms(const struct process *process);
/* Serves some of what waits, and answers it, unless it crashes. Nothing waits: nothing happens. */
void process_step(struct process *process);
/* Its memory is lost, and it starts again. Within a step of its own this does not return. */
void process_crash(struct process *process);
