/* encode.h: spans as an ExportTraceServiceRequest. Private to the OTLP adapter. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "trace/span.h"

/* An attribute of the resource that made the spans, such as service.name. */
struct otlp_attribute {
	const char *key; /* borrowed, terminated */
	const char *text;
};

struct otlp_resource {
	const struct otlp_attribute *attributes;
	uint32_t count;
	const char *version; /* of this program */
};

/* For the work in between, kept from one message to the next. */
struct otlp_room {
	struct arena arena;
	struct buffer spans; /* as they are packed */
};

/* Appends the message. unix_ahead_ns: Unix time less the monotonic time of the spans. ERR_NO_MEMORY: the buffer then holds no message. */
must_check enum error otlp_encode(const struct otlp_resource *resource, const struct span *const *spans, uint32_t count,
                                  uint64_t unix_ahead_ns, struct otlp_room *room, struct buffer *buffer);
/* Reads the number of spans that the receiver has rejected. False: this is no ExportTraceServiceResponse. */
must_check bool otlp_decode_response(struct slice body, uint64_t *ret_rejected);
