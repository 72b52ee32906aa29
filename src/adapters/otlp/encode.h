/* encode.h: spans as an ExportTraceServiceRequest. Private to the OTLP adapter. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "trace/span.h"

/* Who made the spans: service.name and the like. */
struct otlp_attribute {
	const char *key; /* borrowed, terminated */
	const char *text;
};

struct otlp_resource {
	const struct otlp_attribute *attributes;
	uint32_t count;
	const char *version; /* of this program */
};

/* Appends the message. unix_ahead_ns: what the clock of the world shows less the monotonic clock of the spans. arena: for the work in between,
 * cleared. ERR_NO_MEMORY: the buffer has `failed`, or is as it was. */
must_check enum error otlp_encode(const struct otlp_resource *resource, const struct span *const *spans, uint32_t count,
                                  uint64_t unix_ahead_ns, struct arena *arena, struct buffer *buffer);
/* How many spans the receiver says it has rejected. False: this is no ExportTraceServiceResponse. */
must_check bool otlp_decode_response(struct slice body, uint64_t *ret_rejected);
