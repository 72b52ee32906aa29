/* seating_stage.h: the commands that make large events: a thread with a store of its own, so that the commit lane waits for none of them.
 *
 * It writes their seats (seating.h), commits each command in a batch of its own, and sweeps away what processes that are gone have left. */
#pragma once

#include "app/committer_options.h"
#include "app/job.h"
#include "app/seating.h"
#include "base/attributes.h"
#include "base/error.h"

struct seating_stage;

struct seating_stage_options {
	struct committer_options committer; /* with one store, which has seatings */
	/* The job has its outcome, or is refused with `error`. On the stage's thread. */
	void (*served)(void *context, struct job *job);
	void (*refused)(void *context, struct job *job, enum error error);
	/* Whether the store is not to be called now. */
	bool (*is_store_down)(void *context);
	void *context;
};

/* Starts the thread. ERR_NO_MEMORY or ERR_SYSTEM. */
must_check enum error seating_stage_new(const struct seating_stage_options *options, struct seating_stage **ret_stage);
/* Hands over a job. ERR_OVERLOADED, ERR_SHUTTING_DOWN: the caller keeps it. Safe from any thread. */
must_check enum error seating_stage_submit(struct seating_stage *stage, struct job *job);
/* Safe from any thread. */
const struct seating_counters *seating_stage_counters(const struct seating_stage *stage);
/* Refuses what waits, breaks off what is being written, ends the thread. Takes NULL. */
void seating_stage_free(struct seating_stage *stage);
