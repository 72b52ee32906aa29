/* expirer.h: ends holds and unpaid orders whose deadline has come, and winds up the sales of cancelled events: ends their holds and
 * pending orders, and makes their payments due for refund. It submits commands to the commit stage, as clients do.
 *
 * No client waits for it: a lapsed hold blocks no one, marked or not. It has the events written and published within a second of the
 * deadline. A round lists the due holds and orders, and the open ones of a cancelled event, and one command for each; when all are
 * answered the next round begins, until nothing is due. Then it waits until the next deadline, or for half a second when that is sooner:
 * another process may make a hold meanwhile that is due before.
 *
 * A hold or order that cannot be ended, because its stored rows contradict each other (ERR_CORRUPT), is skipped for a second, and each
 * time for twice as long, up to five minutes; the others go on.
 *
 * Any number of expirers work on one store. The commit stage lets only one end a hold; the others' commands change nothing. Each takes a
 * random part of a backlog, so that they mostly work on different holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/trace_sampler.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/reader.h"

/* spacing_ms for its worker: holds and orders that come due meanwhile are ended together. */
#define EXPIRER_SPACING_MS 50

struct expirer;

struct expirer_options {
	struct reader *reader;               /* borrowed, for the expirer alone */
	struct clock *clock;                 /* borrowed */
	struct random *random;               /* borrowed */
	const struct trace_sampler *sampler; /* borrowed; which of its commands' traces are recorded. NULL: none */
	/* The expirer ends everybody's holds, so it begins only when this has been true once: the store has answered and its time is
	 * known. Borrowed; NULL: it is known. */
	const _Atomic bool *is_time_known;
	/* Hands a command over; it is done from any thread, at any time (service_submit). */
	void (*submit)(void *context, struct job *job);
	/* Called when all commands of a round are done: the next step is due. From any thread (worker_wake). */
	void (*wake)(void *context);
	/* One that was due has been ended, so long after its deadline; not called for those of a cancelled event. From any thread; NULL:
	 * nobody wants to know. */
	void (*ended)(void *context, uint64_t late_ms);
	void *context;
};

struct expirer_counters {
	_Atomic uint64_t ended;     /* holds and orders that it has ended because they had lapsed */
	_Atomic uint64_t lost_race; /* commands that another process has forestalled */
	_Atomic uint64_t failures;  /* commands that could not be served, and rounds that could not be begun */
};

/* ERR_NO_MEMORY. */
must_check enum error expirer_new(const struct expirer_options *options, struct expirer **ret_expirer);
/* Call it when no command of a round is under way. Takes NULL. */
void expirer_free(struct expirer *expirer);

/* Begins a round unless one is under way. The step of a worker (pipeline/worker.h); `context` is the expirer; answers the milliseconds to
 * the next step, or WORKER_UNTIL_WOKEN. One thread at a time. */
uint64_t expirer_step(void *context);

const struct expirer_counters *expirer_counters(const struct expirer *expirer);
