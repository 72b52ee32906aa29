/* trace_context.h: the place of a piece of work in a distributed trace (W3C Trace Context).
 *
 * Commands and events carry it, so that a message from the broker can be followed back to the request that caused it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

#define TRACEPARENT_LENGTH 55 /* 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 */
#define TRACE_ID_TEXT_LENGTH 32

enum trace_flag {
	TRACE_SAMPLED = 0x01,
	TRACE_RANDOM_ID = 0x02, /* the trace id was drawn at random (level 2) */
};

struct trace_context {
	uint8_t trace_id[16];
	uint8_t span_id[8];   /* of the caller that handed the work over */
	uint8_t parent_id[8]; /* of the span around it; all zero: it is the root, or that is not known. Is not stored or sent */
	uint8_t flags;        /* enum trace_flag; reserved bits are zero */
};

/* Reads a traceparent field: lower-case hexadecimal, ids not all zero, version ff refused, and of a version newer than 00 what 00 defines.
 * False: start a trace of your own; *ret_context untouched. */
must_check bool trace_context_parse(struct slice text, struct trace_context *ret_context);
/* Writes version 00, terminated. */
void trace_context_format(const struct trace_context *context, char text[static TRACEPARENT_LENGTH + 1]);
/* Writes the trace id alone in hexadecimal, terminated. */
void trace_id_format(const struct trace_context *context, char text[static TRACE_ID_TEXT_LENGTH + 1]);

/* A trace that begins here. random: 24 bytes of good randomness. */
struct trace_context trace_context_root(const uint64_t random[static 3], uint8_t flags);
/* The same trace and flags with a span of its own, whose parent is that of `parent`. */
struct trace_context trace_context_child(const struct trace_context *parent, uint64_t random);
/* A child whose id is computed from its parent's and the number: every process that asks gets the same. */
struct trace_context trace_context_numbered_child(const struct trace_context *parent, uint64_t number);

static inline bool trace_is_sampled(const struct trace_context *context)
{
	return (context->flags & TRACE_SAMPLED) != 0;
}
