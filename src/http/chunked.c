/* chunked.c: a state machine over single bytes, except for the data of a chunk, which is copied whole. */
#include "http/chunked.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hex.h"
#include "http/field.h"

#define SIZE_DIGITS_MAX 15 /* 60 bits: adding another digit cannot overflow */
#define OVERHEAD_MAX 16384

/* The line of a size has ended: data follows, or the trailer after the last chunk. */
static void begin_chunk(struct http_chunked *chunked)
{
	chunked->digits = 0;
	chunked->state = chunked->remaining > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
}

static bool take_size(struct http_chunked *chunked, char byte)
{
	int value = hex_value(byte);
	if (value >= 0) {
		chunked->remaining = chunked->remaining << 4 | (unsigned)value;
		return ++chunked->digits <= SIZE_DIGITS_MAX;
	}
	if (byte == '\r')
		chunked->state = CHUNKED_SIZE_LINE_FEED;
	else if (byte == ';')
		chunked->state = CHUNKED_EXTENSION;
	else
		return false;
	return chunked->digits > 0;
}

/* Any visible text, up to the end of the line. */
static bool take_ignored(struct http_chunked *chunked, char byte, enum http_chunked_state at_return)
{
	if (byte == '\r') {
		chunked->state = at_return;
		return true;
	}
	unsigned char code = (unsigned char)byte;
	bool is_text = byte == '\t' || (code >= ' ' && code != 0x7f);
	return is_text && ++chunked->overhead <= OVERHEAD_MAX;
}

static bool take(struct http_chunked *chunked, char byte)
{
	switch (chunked->state) {
	case CHUNKED_SIZE:
		return take_size(chunked, byte);
	case CHUNKED_EXTENSION:
		return take_ignored(chunked, byte, CHUNKED_SIZE_LINE_FEED);
	case CHUNKED_SIZE_LINE_FEED:
		begin_chunk(chunked);
		return byte == '\n';
	case CHUNKED_DATA_RETURN:
		chunked->state = CHUNKED_DATA_LINE_FEED;
		return byte == '\r';
	case CHUNKED_DATA_LINE_FEED:
		chunked->state = CHUNKED_SIZE;
		return byte == '\n';
	case CHUNKED_TRAILER:
		if (byte == ' ' || byte == '\t')
			return false; /* a folded line (RFC 9112, section 5.2) */
		chunked->state = CHUNKED_TRAILER_FIELD;
		return take_ignored(chunked, byte, CHUNKED_LAST_LINE_FEED);
	case CHUNKED_TRAILER_FIELD:
		return take_ignored(chunked, byte, CHUNKED_TRAILER_FIELD_LINE_FEED);
	case CHUNKED_TRAILER_FIELD_LINE_FEED:
		chunked->state = CHUNKED_TRAILER;
		return byte == '\n';
	case CHUNKED_LAST_LINE_FEED:
		chunked->state = CHUNKED_DONE;
		return byte == '\n';
	case CHUNKED_DATA:
	case CHUNKED_DONE:
		break; /* data is copied, and nothing is taken behind the end */
	}
	abort();
}

/* Copies what there is of the chunk's data; answers how much that was. */
static size_t copy_data(struct http_chunked *chunked, struct slice input, struct buffer *body)
{
	size_t length = input.length < chunked->remaining ? input.length : (size_t)chunked->remaining;
	buffer_append(body, input.data, length);
	chunked->remaining -= length;
	if (chunked->remaining == 0)
		chunked->state = CHUNKED_DATA_RETURN;
	return length;
}

struct http_refusal http_chunked_decode(struct http_chunked *chunked, struct slice input, struct buffer *body, size_t *ret_consumed)
{
	assert(chunked != NULL && body != NULL);
	assert(body->length <= body->maximum);

	size_t position = 0;
	while (position < input.length && chunked->state != CHUNKED_DONE) {
		if (chunked->state == CHUNKED_DATA) {
			struct slice rest = {.data = input.data + position, .length = input.length - position};
			if (chunked->remaining > body->maximum - body->length)
				return http_refuse(ERR_BODY_TOO_LARGE, NULL);
			position += copy_data(chunked, rest, body);
		} else if (!take(chunked, input.data[position++])) {
			return http_refuse(ERR_BAD_REQUEST, "The chunked coding of the body is broken.");
		}
	}
	if (body->failed)
		return http_refuse(ERR_NO_MEMORY, NULL);
	*ret_consumed = position;
	return HTTP_ACCEPTED;
}
