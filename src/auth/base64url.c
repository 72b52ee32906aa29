/* base64url.c: six bits a character. */
#include "auth/base64url.h"

#include <assert.h>

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits of a character; -1 for one that is not of the alphabet. */
static int bits_of(char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	return character == '-' ? 62 : character == '_' ? 63 : -1;
}

bool base64url_decode(struct slice text, uint8_t *bytes)
{
	assert(text.data != NULL || text.length == 0);
	assert(bytes != NULL);

	uint32_t pending = 0; /* bits read and not written yet, at the low end */
	uint32_t pending_count = 0;
	for (size_t i = 0; i < text.length; i++) {
		int bits = bits_of(text.data[i]);
		if (bits < 0)
			return false;
		pending = pending << 6 | (uint32_t)bits;
		pending_count += 6;
		if (pending_count >= 8) {
			pending_count -= 8;
			*bytes++ = (uint8_t)(pending >> pending_count);
			pending &= (UINT32_C(1) << pending_count) - 1;
		}
	}
	return text.length % 4 != 1 && pending == 0;
}

void base64url_append(struct buffer *buffer, const void *data, size_t length)
{
	assert(buffer != NULL);
	assert(data != NULL || length == 0);

	const uint8_t *bytes = data;
	uint32_t pending = 0;
	uint32_t pending_count = 0;
	for (size_t i = 0; i < length; i++) {
		pending = pending << 8 | bytes[i];
		pending_count += 8;
		while (pending_count >= 6) {
			pending_count -= 6;
			buffer_append_byte(buffer, alphabet[pending >> pending_count & 63]);
		}
	}
	if (pending_count > 0)
		buffer_append_byte(buffer, alphabet[pending << (6 - pending_count) & 63]);
}
