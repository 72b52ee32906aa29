/* trace_state.c: see trace_state.h. */
#include "base/trace_state.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MEMBERS_MAX 32
#define KEY_MAX 256
#define TENANT_MAX 241 /* of "tenant@system" */
#define SYSTEM_MAX 14
#define VALUE_MAX 256
#define LONG_MEMBER 128 /* more than that goes first */

struct members {
	struct slice of[MEMBERS_MAX];
	size_t key_lengths[MEMBERS_MAX];
	size_t count;
};

static bool is_letter(char character)
{
	return character >= 'a' && character <= 'z';
}

static bool is_of_key(char character)
{
	return is_letter(character) || (character >= '0' && character <= '9') || character == '_' || character == '-' || character == '*' ||
	       character == '/';
}

static bool is_key_part(struct slice part, size_t max, bool may_begin_with_digit)
{
	if (part.length == 0 || part.length > max)
		return false;
	bool begins_with_digit = part.data[0] >= '0' && part.data[0] <= '9';
	if (!is_letter(part.data[0]) && !(may_begin_with_digit && begins_with_digit))
		return false;
	for (size_t i = 0; i < part.length; i++)
		if (!is_of_key(part.data[i]))
			return false;
	return true;
}

/* A key of level 1 that begins with a digit has a system behind it; level 2 asks for none. */
static bool is_key(struct slice key)
{
	const char *at = key.length == 0 ? NULL : memchr(key.data, '@', key.length);
	if (at == NULL)
		return is_key_part(key, KEY_MAX, true);
	size_t length = (size_t)(at - key.data);
	struct slice tenant = {.data = key.data, .length = length}, system = {.data = at + 1, .length = key.length - length - 1};
	return is_key_part(tenant, TENANT_MAX, true) && is_key_part(system, SYSTEM_MAX, false);
}

static bool is_value(struct slice value)
{
	for (size_t i = 0; i < value.length; i++)
		if (value.data[i] < ' ' || value.data[i] > '~' || value.data[i] == ',' || value.data[i] == '=')
			return false;
	return value.length > 0 && value.length <= VALUE_MAX && value.data[value.length - 1] != ' ';
}

static bool has_key(const struct members *members, struct slice key)
{
	for (size_t i = 0; i < members->count; i++)
		if (slice_equal((struct slice){.data = members->of[i].data, .length = members->key_lengths[i]}, key))
			return true;
	return false;
}

static bool add_member(struct members *members, struct slice member)
{
	assert(members->count <= MEMBERS_MAX);
	const char *equals = memchr(member.data, '=', member.length);
	if (equals == NULL || members->count == MEMBERS_MAX)
		return false;
	struct slice key = {.data = member.data, .length = (size_t)(equals - member.data)};
	struct slice value = {.data = equals + 1, .length = member.length - key.length - 1};
	if (!is_key(key) || !is_value(value) || has_key(members, key))
		return false;
	members->key_lengths[members->count] = key.length;
	members->of[members->count++] = member;
	return true;
}

static bool add_field(struct members *members, struct slice field)
{
	struct slice member;
	while (slice_cut(&field, ',', &member)) {
		member = slice_trim(member);
		if (!slice_is_empty(member) && !add_member(members, member))
			return false;
	}
	return true;
}

static size_t length_of(const struct members *members)
{
	size_t length = members->count == 0 ? 0 : members->count - 1;
	for (size_t i = 0; i < members->count; i++)
		length += members->of[i].length;
	return length;
}

/* Those from `at` on come one forward. */
static void leave_out(struct members *members, size_t at)
{
	assert(at < members->count);
	members->count--;
	for (size_t i = at; i < members->count; i++)
		members->of[i] = members->of[i + 1];
}

static void shorten(struct members *members)
{
	for (size_t i = members->count; i-- > 0 && length_of(members) > TRACE_STATE_LENGTH_MAX;)
		if (members->of[i].length > LONG_MEMBER)
			leave_out(members, i);
	while (length_of(members) > TRACE_STATE_LENGTH_MAX)
		leave_out(members, members->count - 1);
}

size_t trace_state_read(const struct slice *fields, size_t count, char text[static TRACE_STATE_LENGTH_MAX])
{
	assert(fields != NULL || count == 0);
	struct members members; /* large, and its count says what of it counts */
	members.count = 0;
	for (size_t i = 0; i < count; i++)
		if (!add_field(&members, fields[i]))
			return 0;
	shorten(&members);
	size_t length = 0;
	for (size_t i = 0; i < members.count; i++) {
		if (i > 0)
			text[length++] = ',';
		memcpy(text + length, members.of[i].data, members.of[i].length);
		length += members.of[i].length;
	}
	assert(length == length_of(&members) && length <= TRACE_STATE_LENGTH_MAX);
	return length;
}
