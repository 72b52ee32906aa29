/* availability.h: the available seats of each section of an event, counted in the store: for events whose map is not in memory. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "ports/reader.h"

/* Writes the members that follow "section": total, available, price_from. */
void availability_write_counts(struct json_writer *writer, uint32_t total, uint32_t available, int64_t price_from);
/* Writes {data:[{section, total, available, price_from} …]}, the sections in the order of the layout; price_from is null when none is
 * available. arena: for what is counted. ERR_STORE_UNAVAILABLE, ERR_CORRUPT, ERR_NO_MEMORY. */
must_check enum error availability_write(struct reader *reader, const struct uuid *event_id, uint64_t now_ms, struct arena *arena,
                                         struct buffer *body);
