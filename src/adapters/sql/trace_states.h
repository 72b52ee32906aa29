/* trace_states.h: the column outbox.trace_states: a line with the tracestate of each event of an entry. Private to the SQL adapters. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "ports/reader.h"
#include "state/changes.h"

/* Clears the buffer and writes the lines of the partition's published events, in their order; the line of an event without a tracestate is
 * empty. Leaves the buffer empty when no event has one: the column is NULL then. */
void trace_states_write(struct buffer *buffer, const struct changes *changes, uint8_t partition);

/* Gives each record the tracestate of its line, copied into the arena. A record has none when its line is missing, empty or malformed, or
 * when there is no memory: an event is published without one rather than not at all. */
void trace_states_read(struct slice lines, struct arena *arena, struct event_record *records, uint32_t count);
