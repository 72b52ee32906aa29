/* utf8.c: the table of well-formed byte sequences of RFC 3629, section 4. */
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_character_length(const char *text, size_t available)
{
	assert(text != NULL || available == 0);

	const unsigned char *byte = (const unsigned char *)text;
	if (available == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	if (byte[0] < 0xe0)
		return available >= 2 && is_continuation(byte[1]) ? 2 : 0;
	if (byte[0] < 0xf0) {
		if (available < 3 || !is_continuation(byte[1]) || !is_continuation(byte[2]))
			return 0;
		bool is_overlong = byte[0] == 0xe0 && byte[1] < 0xa0;
		bool is_surrogate = byte[0] == 0xed && byte[1] > 0x9f;
		return is_overlong || is_surrogate ? 0 : 3;
	}
	if (available < 4 || !is_continuation(byte[1]) || !is_continuation(byte[2]) || !is_continuation(byte[3]))
		return 0;
	bool is_overlong = byte[0] == 0xf0 && byte[1] < 0x90;
	bool is_past_the_last = byte[0] == 0xf4 && byte[1] > 0x8f;
	return is_overlong || is_past_the_last ? 0 : 4;
}

bool utf8_is_valid(struct slice text)
{
	for (size_t i = 0; i < text.length;) {
		size_t length = utf8_character_length(text.data + i, text.length - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

static bool is_printable(struct slice text, bool takes_line_feeds)
{
	for (size_t i = 0; i < text.length;) {
		unsigned char first = (unsigned char)text.data[i];
		size_t length = utf8_character_length(text.data + i, text.length - i);
		bool is_allowed = first == '\n' && takes_line_feeds;
		if (length == 0 || (first < 0x20 && !is_allowed) || first == 0x7f)
			return false;
		if (first == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0) /* U+0080 to U+009F */
			return false;
		i += length;
	}
	return true;
}

bool utf8_is_printable(struct slice text)
{
	return is_printable(text, false);
}

bool utf8_is_printable_lines(struct slice text)
{
	return is_printable(text, true);
}

size_t utf8_character_count(struct slice text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.length; i++)
		count += !is_continuation((unsigned char)text.data[i]);
	assert(count <= text.length);
	return count;
}

void utf8_mask_controls(char *text)
{
	assert(text != NULL);
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

size_t utf8_encode(uint32_t character, char bytes[static 4])
{
	assert(character <= 0x10ffff);
	assert(character < 0xd800 || character > 0xdfff);

	if (character < 0x80) {
		bytes[0] = (char)character;
		return 1;
	}
	size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--) {
		bytes[i] = (char)(0x80 | (character & 0x3f));
		character >>= 6;
	}
	static const unsigned char leads[5] = {[2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
	bytes[0] = (char)(leads[length] | character);
	return length;
}
