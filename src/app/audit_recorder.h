/* audit_recorder.h: event loops hand over records for the audit, and a worker writes them. A flood of refused requests costs a bounded
 * queue and a bounded number of records.
 *
 * Each second makes at most AUDIT_RECORDS_PER_SECOND records. A repeat is counted in the record of the same act that still waits;
 * records that find no place are counted, refusals and actions apart, and each count becomes a record as well. The newest
 * AUDIT_REFUSED_KEPT refusals are kept; actions are never deleted. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/audit.h"
#include "ports/clock.h"
#include "ports/random.h"

#define AUDIT_RECORDS_PER_SECOND 20
#define AUDIT_WAITING_MAX 64         /* records */
#define AUDIT_REFUSED_WAITING_MAX 48 /* of them; the rest is for what operators do */
#define AUDIT_REFUSED_KEPT 100000
#define AUDIT_PAUSE_MS 1000
#define AUDIT_TEXT_MAX 160 /* bytes of a text; longer ones are cut */

/* A record with its texts. */
struct audit_note {
	struct audit_record record;
	char texts[5][AUDIT_TEXT_MAX + 1]; /* actor, action, target, address, result */
};

struct audit_recorder_options {
	struct audit *audit; /* borrowed, like the others; the worker's alone */
	struct clock *clock;
	struct random *random;
	void (*wake)(void *context); /* there is something to write; called on any thread */
	void *context;
};

struct audit_recorder {
	struct audit_recorder_options options;
	pthread_mutex_t lock; /* guards waiting and what was left out */
	struct audit_note waiting[AUDIT_WAITING_MAX];
	uint32_t waiting_count;
	uint64_t refusals_left_out, actions_left_out;
	/* The worker's: the records being written, tried again until the store takes them; and the number of refusals written since the
	 * last pruning. */
	struct audit_note writing[AUDIT_RECORDS_PER_SECOND];
	uint32_t writing_count;
	uint32_t unpruned;
};

/* ERR_NO_MEMORY. */
must_check enum error audit_recorder_new(const struct audit_recorder_options *options, struct audit_recorder **ret_recorder);
/* Takes NULL. */
void audit_recorder_free(struct audit_recorder *recorder);

/* Notes it; the id and the time are set here, texts are copied. Safe from any thread; never waits for the store. */
void audit_recorder_note(struct audit_recorder *recorder, const struct audit_record *record);
/* Writes what waits; the context is the recorder: the worker's step (pipeline/worker.h), AUDIT_PAUSE_MS apart. */
uint64_t audit_recorder_step(void *context);
/* When nobody notes any more: writes all that waits, if the store takes it at once. */
void audit_recorder_finish(struct audit_recorder *recorder);
