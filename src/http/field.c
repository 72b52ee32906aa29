/* field.c: see field.h. */
#include "http/field.h"

#include <assert.h>

/* The 128 characters of ASCII as a bitmap of those that tokens may hold: digits, letters and !#$%&'*+-.^_`|~ */
static const unsigned token_bitmap[4] = {0x00000000, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

bool field_is_token_character(char character)
{
	unsigned code = (unsigned char)character;
	return code < 128 && (token_bitmap[code / 32] >> (code % 32) & 1) != 0;
}

bool field_is_token(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (!field_is_token_character(text.data[i]))
			return false;
	}
	return text.length > 0;
}

static char to_lower(char character)
{
	return character >= 'A' && character <= 'Z' ? (char)(character | 0x20) : character;
}

bool field_equal(struct slice a, struct slice b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++) {
		if (to_lower(a.data[i]) != to_lower(b.data[i]))
			return false;
	}
	return true;
}

struct slice field_cut(struct slice *rest, char separator)
{
	assert(rest != NULL);

	struct slice piece = {.data = rest->data};
	const char *end = rest->length == 0 ? rest->data : rest->data + rest->length;
	if (slice_cut(rest, separator, &piece) && rest->data == NULL)
		rest->data = end;
	return piece;
}

bool field_list_next(struct slice *list, struct slice *ret_member)
{
	assert(list != NULL);
	assert(ret_member != NULL);

	while (list->length > 0) {
		struct slice member = slice_trim(field_cut(list, ','));
		if (member.length > 0) {
			*ret_member = member;
			return true;
		}
	}
	return false;
}

bool field_list_last(struct slice *list, struct slice *ret_member)
{
	assert(list != NULL);
	assert(ret_member != NULL);

	while (list->length > 0) {
		const char *comma = memrchr(list->data, ',', list->length);
		size_t start = comma == NULL ? 0 : (size_t)(comma - list->data) + 1;
		struct slice member = slice_trim((struct slice){.data = list->data + start, .length = list->length - start});
		list->length = comma == NULL ? 0 : start - 1;
		if (member.length > 0) {
			*ret_member = member;
			return true;
		}
	}
	return false;
}

bool field_list_has(struct slice list, struct slice token)
{
	struct slice member;
	while (field_list_next(&list, &member)) {
		if (field_equal(member, token))
			return true;
	}
	return false;
}
