/* json_locate.c: walks down the text, one part of the pointer after the other. */
#include "codec/json_locate.h"

#include <assert.h>

/* Whether the name, spelt as it is in a pointer, is that of the member. */
static bool is_name(struct json_value name, struct slice part)
{
	char bytes[1024]; /* longer names are shown cut, and cannot be found */
	size_t length = 0;
	for (size_t i = 0; i < part.length && length < sizeof bytes; i++) {
		bool is_escape = part.data[i] == '~' && i + 1 < part.length;
		char byte = part.data[i];
		if (is_escape)
			byte = part.data[++i] == '1' ? '/' : '~';
		bytes[length++] = byte;
	}
	return json_string_equal(name, (struct slice){.data = bytes, .length = length});
}

static bool find_member(struct json_value object, struct slice part, struct json_value *ret_value)
{
	struct json_walk walk = json_walk(object);
	struct json_value name, value;
	while (json_next_member(&walk, &name, &value)) {
		if (is_name(name, part)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool find_item(struct json_value array, struct slice part, struct json_value *ret_value)
{
	uint64_t index = 0;
	for (size_t i = 0; i < part.length; i++) {
		if (part.data[i] < '0' || part.data[i] > '9' || index > UINT32_MAX)
			return false;
		index = index * 10 + (uint64_t)(part.data[i] - '0');
	}
	struct json_walk walk = json_walk(array);
	struct json_value item;
	while (json_next_item(&walk, &item)) {
		if (index-- == 0) {
			*ret_value = item;
			return true;
		}
	}
	return false;
}

struct json_value json_locate(struct json_value body, struct slice pointer)
{
	assert(pointer.length == 0 || pointer.data[0] == '/');
	if (pointer.length == 0)
		return body;
	struct json_value value = body;
	struct slice rest = {.data = pointer.data + 1, .length = pointer.length - 1}, part;
	bool is_there = true;
	while (is_there && slice_cut(&rest, '/', &part)) {
		enum json_kind kind = json_kind(value);
		if (kind == JSON_KIND_OBJECT)
			is_there = find_member(value, part, &value);
		else
			is_there = kind == JSON_KIND_ARRAY && find_item(value, part, &value);
	}
	return value;
}
