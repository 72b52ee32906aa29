/* admission_stage.h: the first stage of a job: whether it may go on (ports/admission.h).
 *
 * An admission in this process is asked where the caller is. One outside has a lane of its own, whose batches are its round trips; a job
 * that the lane has no room for, or has kept too long, is judged by the local one, and so is every job while the outside one does not
 * serve: admission never refuses because it is itself in trouble. */
#pragma once

#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/admission.h"
#include "pipeline/dependency.h"
#include "ports/clock.h"

/* A job that has waited longer for its round trip is judged here: the lane's own thread is late then, because one round trip takes less,
 * and after one that failed the outside admission does not serve. */
#define ADMISSION_LATE_MS 100

struct admission_stage;

struct admission_stage_options {
	struct admission *admission;   /* borrowed; NULL: every job goes on */
	struct dependency *dependency; /* borrowed: guards an admission outside this process */
	struct clock *clock;           /* borrowed */
	uint32_t queue_capacity;
	uint32_t batch_max;
	/* The job's verdict is in job->admission; it is the owner's again. From the caller's thread or the lane's. */
	void (*judged)(void *context, struct job *job);
	void *context;
};

/* ERR_NO_MEMORY, ERR_THREAD. */
must_check enum error admission_stage_new(const struct admission_stage_options *options, struct admission_stage **ret_stage);
/* Judges what still waits; nothing is submitted any more, but jobs under way may finish. Takes NULL. */
void admission_stage_stop(struct admission_stage *stage);
/* Sends the last finishes. Takes NULL. */
void admission_stage_free(struct admission_stage *stage);

/* Takes the job until `judged`, which may come before this returns. Safe from any thread; never waits. */
void admission_stage_submit(struct admission_stage *stage, struct job *job);
struct admission_stage_counters {
	_Atomic uint64_t shared; /* jobs judged for all processes together */
	_Atomic uint64_t alone;  /* judged by this process's counts alone; a request without limits is in neither */
};

/* For a metric; safe from any thread. */
const struct admission_stage_counters *admission_stage_counters(const struct admission_stage *stage);

struct lane;
/* The stage's lane, until admission_stage_stop; NULL: it has none, because the admission is in this process. */
struct lane *admission_stage_lane(const struct admission_stage *stage);

/* The job, which was let go on with a key, has its answer: its key is remembered, or free again. Safe from any thread; never waits. */
void admission_stage_finish(struct admission_stage *stage, const struct job *job, enum admission_end end);
