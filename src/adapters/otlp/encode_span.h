/* encode_span.h: a span as the field `spans` of ScopeSpans. Private to the OTLP adapter.
 *
 * Spans are nearly all of what is sent, several for each request: so they are written here, in one pass, and not by protobuf-c, which takes
 * four times the instructions. Field numbers are those of otlp.proto; the tests read what comes out with what is generated from it. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "trace/span.h"

/* Appends the span with its number and length. unix_ahead_ns: Unix time less the monotonic time. Without room the buffer has `failed`. */
void otlp_put_span(struct buffer *buffer, const struct span *span, uint64_t unix_ahead_ns);
