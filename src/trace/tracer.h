/* tracer.h: takes finished spans from any thread and hands them to an exporter, on a thread of its own.
 *
 * Spans wait in a queue of fixed size. Callers never wait for the exporter: when the queue is full the span is dropped and counted.
 * Spans go out in batches, in the order in which they came. A batch that the receiver asks for again is tried a few times, further and
 * further apart, and then dropped; meanwhile others wait behind it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "trace/span.h"
#include "trace/span_exporter.h"

#define TRACER_DELAY_MS 500   /* spans wait so long for others at most, while the exporter is idle */
#define TRACER_TRIES_MAX 5    /* of one batch */
#define TRACER_FINISH_MS 1500 /* the time limit of tracer_free */

struct tracer;

struct tracer_options {
	struct span_exporter *exporter; /* the tracer's from now on, also when tracer_new fails */
	uint32_t capacity;              /* spans that may wait */
	uint32_t batch_max;             /* spans that are sent at once */
	uint64_t (*now_ns)(void);       /* the monotonic clock */
	/* The exporter does not serve, or serves again (problem NULL). On the tracer's thread. May be NULL. */
	void (*told)(void *context, const char *problem);
	void *context;
};

/* Safe to read from any thread. */
struct tracer_counters {
	_Atomic uint64_t recorded;       /* spans that were brought */
	_Atomic uint64_t exported;       /* that the receiver has taken */
	_Atomic uint64_t dropped_full;   /* because the queue was full */
	_Atomic uint64_t dropped_failed; /* because they could not be sent */
	_Atomic uint64_t rejected;       /* by the receiver */
	_Atomic uint64_t retries;        /* batches that were sent again */
	_Atomic uint32_t waiting;
};

/* The fates of spans. */
enum tracer_outcome {
	TRACER_EXPORTED,
	TRACER_REJECTED,
	TRACER_DROPPED_FULL,
	TRACER_DROPPED_FAILED,
};
static inline uint64_t tracer_spans(const struct tracer_counters *counters, enum tracer_outcome outcome)
{
	const _Atomic uint64_t *const counts[] = {&counters->exported, &counters->rejected, &counters->dropped_full,
	                                          &counters->dropped_failed};
	return *counts[outcome];
}

/* ERR_NO_MEMORY. No thread yet. */
must_check enum error tracer_new(const struct tracer_options *options, struct tracer **ret_tracer);
/* Starts the thread. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error tracer_start(struct tracer *tracer);
/* Sends the waiting spans, for TRACER_FINISH_MS at most, and drops the rest. No thread records any more. Takes NULL. */
void tracer_free(struct tracer *tracer);

/* Copies the span; its links are the tracer's from now on. Safe from any thread; never waits for the exporter. */
void tracer_record(struct tracer *tracer, const struct span *span);
/* The same for several, all or as many of the first as there is room for. */
void tracer_record_all(struct tracer *tracer, const struct span *spans, uint32_t count);
const struct tracer_counters *tracer_counters(const struct tracer *tracer);

/* Sends the next batch, when there is one and its time has come; the milliseconds to the next. The step of the thread, and of tests. */
uint64_t tracer_step(void *context);
