/* chunked.h: takes the chunked transfer coding off a body (RFC 9112, section 7.1), strictly and as it arrives. Pure.
 *
 * Lines end with CR LF; sizes are hexadecimal digits alone; extensions and trailer fields are passed over, within a maximum. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "http/head.h"

enum http_chunked_state {
	CHUNKED_SIZE,
	CHUNKED_SIZE_LINE_FEED,
	CHUNKED_EXTENSION,
	CHUNKED_DATA,
	CHUNKED_DATA_RETURN,
	CHUNKED_DATA_LINE_FEED,
	CHUNKED_TRAILER, /* at the beginning of a line behind the last chunk */
	CHUNKED_TRAILER_FIELD,
	CHUNKED_TRAILER_FIELD_LINE_FEED,
	CHUNKED_LAST_LINE_FEED,
	CHUNKED_DONE,
};

/* Starts zeroed. */
struct http_chunked {
	enum http_chunked_state state;
	uint64_t remaining; /* bytes of the chunk still to come */
	uint32_t digits;    /* of the size being read */
	uint32_t overhead;  /* bytes of extensions and trailer fields so far */
};

/* Decodes the bytes that have arrived and appends them to the body. *ret_consumed: bytes of the input that belong to this body: all of it
 * unless the state is CHUNKED_DONE after. ERR_BODY_TOO_LARGE when the body's maximum is passed, ERR_BAD_REQUEST for a broken coding. */
must_check struct http_refusal http_chunked_decode(struct http_chunked *chunked, struct slice input, struct buffer *body,
                                                   size_t *ret_consumed);
