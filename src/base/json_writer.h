/* json_writer.h: writes JSON (RFC 8259) into a buffer, placing the commas itself.
 *
 * json_writer_object_begin(&w, "items") with a key inside an object, with NULL as the key inside an array or at the top.
 * Strings must be UTF-8; other bytes are written as U+FFFD. A failure shows in buffer->failed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "base/uuid.h"

struct json_writer {
	struct buffer *buffer; /* borrowed */
	bool needs_comma;
};

static inline struct json_writer json_writer_on(struct buffer *buffer)
{
	return (struct json_writer){.buffer = buffer};
}

void json_writer_object_begin(struct json_writer *writer, const char *key);
void json_writer_object_end(struct json_writer *writer);
void json_writer_array_begin(struct json_writer *writer, const char *key);
void json_writer_array_end(struct json_writer *writer);
void json_writer_string(struct json_writer *writer, const char *key, struct slice value);
void json_writer_uint(struct json_writer *writer, const char *key, uint64_t value);
void json_writer_int(struct json_writer *writer, const char *key, int64_t value);
/* Three decimals: for milliseconds and ratios in logs and reports. Infinity and NaN are written as null. */
void json_writer_double(struct json_writer *writer, const char *key, double value);
void json_writer_bool(struct json_writer *writer, const char *key, bool value);
void json_writer_null(struct json_writer *writer, const char *key);
/* Null when the value is empty. */
void json_writer_string_or_null(struct json_writer *writer, const char *key, struct slice value);
void json_writer_uuid(struct json_writer *writer, const char *key, const struct uuid *value);
/* RFC 3339 in UTC with milliseconds: "2026-01-02T03:04:05.678Z". */
void json_writer_time(struct json_writer *writer, const char *key, uint64_t unix_ms);
/* Text that already is JSON. */
void json_writer_raw(struct json_writer *writer, const char *key, struct slice json);
