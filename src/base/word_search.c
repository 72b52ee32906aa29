/* word_search.c: characters are compared with their case folded; an expression lists both cases of each letter instead. */
#include "base/word_search.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

struct range {
	uint32_t first;
	uint32_t last;
};

/* Characters that end a word: blanks, punctuation and signs of ASCII, Latin-1, and the blocks of general and CJK punctuation. */
static const struct range separators[] = {
	{0x01, 0x2f}, {0x3a, 0x40}, {0x5b, 0x60}, {0x7b, 0x7f}, {0xa0, 0xa9},     {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},
	{0xbb, 0xbb}, {0xbf, 0xbf}, {0xd7, 0xd7}, {0xf7, 0xf7}, {0x2000, 0x206f}, {0x3000, 0x3003}, {0x3008, 0x3011}, {0x3014, 0x301f},
};

/* Capital letters, each with the small one that is `to_small` further; of pairs each other character is a capital. */
static const struct letters {
	struct range capitals;
	int32_t to_small;
	bool are_pairs;
} letters[] = {
	{{'A', 'Z'}, 32, false},     {{0xc0, 0xd6}, 32, false},   {{0xd8, 0xde}, 32, false},   {{0x100, 0x12e}, 1, true},
	{{0x132, 0x136}, 1, true},   {{0x139, 0x147}, 1, true},   {{0x14a, 0x176}, 1, true},   {{0x178, 0x178}, 0xff - 0x178, false},
	{{0x179, 0x17d}, 1, true},   {{0x386, 0x386}, 38, false}, {{0x388, 0x38a}, 37, false}, {{0x38c, 0x38c}, 64, false},
	{{0x38e, 0x38f}, 63, false}, {{0x391, 0x3a1}, 32, false}, {{0x3a3, 0x3ab}, 32, false}, {{0x400, 0x40f}, 80, false},
	{{0x410, 0x42f}, 32, false}, {{0x460, 0x480}, 1, true},   {{0x48a, 0x4be}, 1, true},   {{0x4d0, 0x52e}, 1, true},
	{{0x1e00, 0x1e94}, 1, true}, {{0x1ea0, 0x1efe}, 1, true},
};

static bool is_separator(uint32_t character)
{
	for (size_t i = 0; i < ARRAY_LENGTH(separators); i++)
		if (character >= separators[i].first && character <= separators[i].last)
			return true;
	return false;
}

static bool is_capital(const struct letters *some, uint32_t character)
{
	return character >= some->capitals.first && character <= some->capitals.last &&
	       (!some->are_pairs || (character - some->capitals.first) % 2 == 0);
}

static uint32_t small_of(uint32_t character)
{
	for (size_t i = 0; i < ARRAY_LENGTH(letters); i++)
		if (is_capital(&letters[i], character))
			return (uint32_t)((int32_t)character + letters[i].to_small);
	return character;
}

/* The capital of a small letter; the character itself when it has none. */
static uint32_t capital_of(uint32_t small)
{
	for (size_t i = 0; i < ARRAY_LENGTH(letters); i++) {
		uint32_t capital = (uint32_t)((int32_t)small - letters[i].to_small);
		if (is_capital(&letters[i], capital))
			return capital;
	}
	return small;
}

/* Takes one character off the front; a byte that is none is above all characters. */
static uint32_t take(struct slice *text)
{
	assert(text->length > 0);
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t length = utf8_character_length(text->data, text->length);
	const uint8_t *bytes = (const uint8_t *)text->data;
	uint32_t character = length == 0 ? UINT32_MAX : bytes[0] & masks[length];
	for (size_t i = 1; i < length; i++)
		character = character << 6 | (bytes[i] & 0x3f);
	size_t taken = length == 0 ? 1 : length;
	*text = (struct slice){.data = text->data + taken, .length = text->length - taken};
	return character;
}

/* Blanks of ASCII, and control characters, which nobody looks for. */
static bool is_blank(char byte)
{
	return byte > 0 && byte <= ' ';
}

bool word_search_next(struct slice *rest, struct slice *ret_word)
{
	assert(rest != NULL && ret_word != NULL);
	while (rest->length > 0 && is_blank(rest->data[0]))
		*rest = (struct slice){.data = rest->data + 1, .length = rest->length - 1};
	size_t length = 0;
	while (length < rest->length && !is_blank(rest->data[length]))
		length++;
	if (length == 0)
		return false;
	*ret_word = (struct slice){.data = rest->data, .length = length};
	*rest = (struct slice){.data = rest->data + length, .length = rest->length - length};
	return true;
}

bool word_search_is_possible(struct slice words)
{
	return words.length == 0 || (memchr(words.data, '\0', words.length) == NULL && utf8_is_valid(words));
}

static bool begins_with(struct slice text, struct slice word)
{
	while (word.length > 0) {
		if (text.length == 0 || small_of(take(&text)) != small_of(take(&word)))
			return false;
	}
	return true;
}

static bool has_word(struct slice text, struct slice word)
{
	struct slice first = word;
	bool is_anywhere = is_separator(take(&first));
	for (bool is_start = true; text.length > 0; is_start = is_separator(take(&text))) {
		if ((is_start || is_anywhere) && begins_with(text, word))
			return true;
	}
	return false;
}

bool word_search_matches(struct slice words, struct slice text)
{
	struct slice word;
	if (!word_search_is_possible(words))
		return false;
	while (word_search_next(&words, &word))
		if (!has_word(text, word))
			return false;
	return true;
}

static void append_character(struct buffer *pattern, uint32_t character)
{
	char bytes[4];
	buffer_append(pattern, bytes, utf8_encode(character, bytes));
}

/* ASCII by number, for some of it means something in brackets. */
static void append_bound(struct buffer *pattern, uint32_t character)
{
	if (character < 0x80)
		buffer_append_format(pattern, "\\x%02X", character);
	else
		append_character(pattern, character);
}

static void append_start(struct buffer *pattern)
{
	buffer_append_string(pattern, "(^|[");
	for (size_t i = 0; i < ARRAY_LENGTH(separators); i++) {
		append_bound(pattern, separators[i].first);
		if (separators[i].last == separators[i].first)
			continue;
		buffer_append_byte(pattern, '-');
		append_bound(pattern, separators[i].last);
	}
	buffer_append_string(pattern, "])");
}

void word_search_pattern(struct slice word, struct buffer *pattern)
{
	assert(word.length > 0 && word_search_is_possible(word));
	assert(pattern != NULL);
	struct slice first = word;
	if (!is_separator(take(&first)))
		append_start(pattern);
	while (word.length > 0) {
		uint32_t character = take(&word), small = small_of(character), capital = capital_of(small);
		if (small != capital) {
			buffer_append_byte(pattern, '[');
			append_character(pattern, small);
			append_character(pattern, capital);
			buffer_append_byte(pattern, ']');
			continue;
		}
		if (character < 0x80 && is_separator(character) && character != 0x7f)
			buffer_append_byte(pattern, '\\');
		append_character(pattern, character);
	}
}
