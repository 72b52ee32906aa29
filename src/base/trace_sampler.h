/* trace_sampler.h: which traces are recorded, by the rules that OTEL_TRACES_SAMPLER names.
 *
 * By a ratio the trace id alone decides, in the way of other implementations: all who know the id and the ratio come to the same answer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/trace_context.h"

/* Zero: none. */
struct trace_sampler {
	bool is_parent_based; /* a trace that somebody has begun is recorded when they say so */
	uint64_t threshold;   /* of 2^63: traces with a smaller number are recorded */
};

/* name: always_on, always_off, traceidratio, or one of these behind "parentbased_"; ratio: 0 to 1, of traceidratio. False: there is no such
 * sampler; *ret_sampler untouched. */
must_check bool trace_sampler_parse(struct slice name, double ratio, struct trace_sampler *ret_sampler);
/* The flags of a span of `own` trace that is in a span of `parent`; NULL: the trace begins here. */
uint8_t trace_sampler_flags(const struct trace_sampler *sampler, const struct trace_context *parent, const struct trace_context *own);
