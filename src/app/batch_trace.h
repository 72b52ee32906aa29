/* batch_trace.h: the steps of a commit batch and their times, for its trace.
 *
 * A batch serves commands of many traces. So it has a trace of its own, in which its loads, decisions and commits are spans, and which
 * the commands and the batch name as links. It is recorded if the trace of one of the commands is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/trace_context.h"
#include "ports/clock.h"
#include "ports/random.h"

#define BATCH_STEPS_MAX 24 /* of further ones only the count is kept */

enum batch_step_kind {
	BATCH_LOAD,    /* rows are asked for */
	BATCH_DECIDE,  /* the rules */
	BATCH_COMMIT,  /* a transaction */
	BATCH_RESOLVE, /* whether a lost one happened */
	BATCH_STEP_KIND_COUNT,
};

struct batch_step {
	enum batch_step_kind kind;
	bool is_failure; /* the store did not do it */
	uint64_t began_ns, ended_ns;
};

struct batch_trace {
	struct trace_context context; /* flags without TRACE_SAMPLED: not recorded, and nothing else counts */
	uint64_t began_ns, ended_ns;  /* all times by the monotonic clock */
	uint32_t commands;
	uint32_t events, rows; /* that were written */
	uint32_t tries;        /* that came to nothing */
	bool is_failure;       /* its commands have all the same error */
	uint32_t step_count;   /* BATCH_STEPS_MAX of them at most are in: */
	struct batch_step steps[BATCH_STEPS_MAX];
};

/* The jobs, and the batch, are told its trace if the trace of one of them is recorded. */
void batch_trace_begin(struct batch_trace *trace, struct list *jobs, struct clock *clock, struct random *random);
/* The time now for batch_trace_step; 0, and no look at the clock, when nothing is recorded. */
uint64_t batch_trace_now(const struct batch_trace *trace, struct clock *clock);
/* A step that began then ends now. */
void batch_trace_step(struct batch_trace *trace, enum batch_step_kind kind, uint64_t began_ns, bool is_failure, struct clock *clock);
