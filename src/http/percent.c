/* percent.c: see percent.h. */
#include "http/percent.h"

#include <assert.h>
#include <stdbool.h>

#include "base/hex.h"
#include "http/field.h"

/* The character that "XX" stands for, or -1 when it is none or may not be written like this. */
static int decode_pair(const char *digits, enum percent_part part)
{
	int high = hex_value(digits[0]);
	int low = hex_value(digits[1]);
	if (high < 0 || low < 0)
		return -1;
	int code = high << 4 | low;
	bool is_control = code < 0x20 || code == 0x7f;
	bool is_separator = part == PERCENT_PATH && (code == '/' || code == '\\');
	return is_control || is_separator ? -1 : code;
}

static bool is_plain(struct slice text, enum percent_part part)
{
	return text.length == 0 ||
	       (memchr(text.data, '%', text.length) == NULL && (part == PERCENT_PATH || memchr(text.data, '+', text.length) == NULL));
}

enum error percent_decode(struct arena *arena, struct slice text, enum percent_part part, struct slice *ret_text)
{
	assert(text.data != NULL);
	assert(ret_text != NULL);

	if (is_plain(text, part)) {
		*ret_text = text;
		return OK;
	}
	char *decoded = arena_allocate(arena, text.length);
	if (decoded == NULL)
		return ERR_NO_MEMORY;
	size_t length = 0;
	for (size_t i = 0; i < text.length; i++) {
		int code = (unsigned char)text.data[i];
		if (code == '%') {
			code = text.length - i > 2 ? decode_pair(text.data + i + 1, part) : -1;
			if (code < 0)
				return ERR_BAD_REQUEST;
			i += 2;
		} else if (code == '+' && part == PERCENT_QUERY) {
			code = ' ';
		}
		decoded[length++] = (char)code;
	}
	*ret_text = (struct slice){.data = decoded, .length = length};
	return OK;
}
