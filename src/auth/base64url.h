/* base64url.h: RFC 4648, section 5, without padding, as JSON Web Tokens have it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"

/* Bytes that `length` characters stand for. */
static inline size_t base64url_decoded_length(size_t length)
{
	return length / 4 * 3 + length % 4 * 3 / 4;
}

/* Writes base64url_decoded_length(text.length) bytes. False when a character is not of the alphabet (padding and blanks included), the
 * length is impossible, or bits are set that stand for nothing: each byte string has exactly one spelling. bytes are undefined then. */
must_check bool base64url_decode(struct slice text, uint8_t *bytes);
void base64url_append(struct buffer *buffer, const void *data, size_t length);
