/* trace_state.h: the tracestate field (W3C Trace Context, section 3.3): data that other tracing systems send beside a traceparent. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

#define TRACE_STATE_LENGTH_MAX 512 /* of what is handed on */
#define TRACE_STATE_FIELDS_MAX 8   /* of one request */

/* Reads fields, one behind the other, as one list of key=value, and writes it without blanks and empty members. Of a list that is longer
 * than TRACE_STATE_LENGTH_MAX whole members are left out: those of more than 128 bytes first, then from the end. Answers the length; 0:
 * there is none, or a key or value is malformed, a key is there twice, or there are more than 32 members, and then the list counts as a
 * whole for nothing. */
size_t trace_state_read(const struct slice *fields, size_t count, char text[static TRACE_STATE_LENGTH_MAX]);
