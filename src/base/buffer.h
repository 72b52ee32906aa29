/* buffer.h: bytes that are being written, on the heap or in an arena, up to a maximum.
 *
 * A write that does not fit sets `failed` and leaves the buffer as it was; the writer goes on and the owner asks once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"

struct buffer {
	char *data;
	size_t length;
	size_t capacity;
	size_t maximum;
	struct arena *arena; /* borrowed; NULL: the heap, and buffer_release frees it */
	bool failed;
};

/* maximum: bytes it may ever hold. */
void buffer_init(struct buffer *buffer, struct arena *arena, size_t maximum);
/* Takes NULL. */
void buffer_release(struct buffer *buffer);
/* Empties it, keeps the storage, forgets a failure. */
void buffer_clear(struct buffer *buffer);

/* Room for `length` more bytes (at least one), for a writer in place, who then adds what it wrote to buffer->length. NULL, and `failed`,
 * when it does not fit. */
must_check char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_append_slice(struct buffer *buffer, struct slice text);
void buffer_append_string(struct buffer *buffer, const char *text);
void buffer_append_format(struct buffer *buffer, const char *format, ...) format_printf(2, 3);
void buffer_append_uint(struct buffer *buffer, uint64_t value);
void buffer_append_int(struct buffer *buffer, int64_t value);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return (struct slice){.data = buffer->data, .length = buffer->length};
}
