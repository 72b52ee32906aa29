/* json_reader.c: the check descends with the text, at most JSON_DEPTH_MAX calls of each kind deep; the walk only looks for where values
 * end. */
#include "codec/json_reader.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/json_inside.h"

#define NAME_BUCKETS 256
#define NAMES_COMPARED_MAX 8 /* of one object: up to so many names comparing costs less than hashing */

struct check {
	const char *at;
	const char *end;
	const char *what; /* set on failure; `at` is where */
	uint32_t depth;
	uint32_t name_count;
	struct slice names[JSON_MEMBERS_MAX]; /* of the objects around `at`, still escaped */
	bool has_escapes[JSON_MEMBERS_MAX];   /* of the names */
	/* The members below serve only objects with more than NAMES_COMPARED_MAX members. */
	bool has_buckets;                  /* `newest` was cleared */
	uint64_t hashes[JSON_MEMBERS_MAX]; /* keyed, of the names without their escapes */
	uint8_t before[JSON_MEMBERS_MAX];  /* one above the index of the next older name in the same bucket; 0: none */
	uint8_t newest[NAME_BUCKETS];      /* of each bucket, one above the index; 0: the bucket is empty */
};

static_assert(JSON_MEMBERS_MAX < UINT8_MAX, "an index does not fit");

static bool fail(struct check *check, const char *what)
{
	check->what = what;
	return false;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

/* The next byte after blanks; 0, which no well-formed text has, at the end. */
static char peek(struct check *check)
{
	check->at = skip_blanks(check->at, check->end);
	return check->at == check->end ? '\0' : *check->at;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool check_escape(struct check *check)
{
	assert(*check->at == '\\');

	const char *kind = check->at + 1;
	if (kind == check->end)
		return fail(check, "the text ends inside a string");
	if (*kind != 'u') {
		if (*kind == '\0' || strchr("\"\\/bfnrt", *kind) == NULL)
			return fail(check, "there is no such escape");
		check->at += 2;
		return true;
	}
	uint32_t unit;
	if (!json_unit(kind + 1, check->end, &unit))
		return fail(check, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return fail(check, "U+0000 is not accepted");
	if (utf16_is_low(unit))
		return fail(check, "a surrogate stands alone");
	if (utf16_is_high(unit)) {
		const char *second = kind + 5;
		if (check->end - second < 6 || second[0] != '\\' || second[1] != 'u' || !json_unit(second + 2, check->end, &unit) ||
		    !utf16_is_low(unit))
			return fail(check, "a surrogate stands alone");
		check->at += 6;
	}
	check->at += 6;
	return true;
}

static bool check_string(struct check *check)
{
	if (peek(check) != '"')
		return fail(check, "a string is missing");
	check->at++;
	while (check->at < check->end) {
		unsigned char byte = (unsigned char)*check->at;
		if (byte == '"') {
			check->at++;
			return true;
		}
		if (byte == '\\') {
			if (!check_escape(check))
				return false;
		} else if (byte < 0x20) {
			return fail(check, "a control character must be escaped");
		} else if (byte < 0x80) {
			check->at++;
		} else {
			size_t length = utf8_character_length(check->at, (size_t)(check->end - check->at));
			if (length == 0)
				return fail(check, "the text is not UTF-8");
			check->at += length;
		}
	}
	return fail(check, "the text ends inside a string");
}

/* At least one digit. */
static bool check_digits(struct check *check)
{
	const char *start = check->at;
	while (check->at < check->end && is_digit(*check->at))
		check->at++;
	return check->at > start || fail(check, "a digit is missing");
}

static bool check_number(struct check *check)
{
	if (*check->at == '-')
		check->at++;
	if (check->at < check->end && *check->at == '0') {
		check->at++;
		if (check->at < check->end && is_digit(*check->at))
			return fail(check, "a number must not start with 0");
	} else if (!check_digits(check)) {
		return false;
	}
	if (check->at < check->end && *check->at == '.') {
		check->at++;
		if (!check_digits(check))
			return false;
	}
	if (check->at < check->end && (*check->at == 'e' || *check->at == 'E')) {
		check->at++;
		if (check->at < check->end && (*check->at == '+' || *check->at == '-'))
			check->at++;
		return check_digits(check);
	}
	return true;
}

static bool check_word(struct check *check, struct slice word)
{
	if ((size_t)(check->end - check->at) < word.length || memcmp(check->at, word.data, word.length) != 0)
		return fail(check, "a value is missing");
	check->at += word.length;
	return true;
}

/* The inside of a string's text. */
static struct slice unquoted(struct slice text)
{
	assert(text.length >= 2 && text.data[0] == '"');

	return (struct slice){.data = text.data + 1, .length = text.length - 2};
}

/* The object whose names start at `first` ends. Names leave their buckets in the reverse of the order in which they came. */
static void forget_names(struct check *check, uint32_t first)
{
	bool is_hashed = check->name_count - first > NAMES_COMPARED_MAX;
	for (uint32_t i = check->name_count; is_hashed && i > first; i--)
		check->newest[check->hashes[i - 1] % NAME_BUCKETS] = check->before[i - 1];
	check->name_count = first;
}

static void put_in_bucket(struct check *check, uint32_t index, uint64_t hash)
{
	uint8_t *newest = &check->newest[hash % NAME_BUCKETS];
	check->hashes[index] = hash;
	check->before[index] = *newest;
	*newest = (uint8_t)(index + 1);
}

/* The object has as many names as are compared one by one: from here on its names are hashed. */
static void begin_buckets(struct check *check, uint32_t first)
{
	if (!check->has_buckets)
		memset(check->newest, 0, sizeof check->newest);
	check->has_buckets = true;
	for (uint32_t i = first; i < check->name_count; i++)
		put_in_bucket(check, i, json_inside_hash(check->names[i]));
}

static bool is_compared_equal(const struct check *check, uint32_t first, struct slice name, bool has_escapes)
{
	for (uint32_t i = first; i < check->name_count; i++) {
		bool may_be_spelt_otherwise = has_escapes || check->has_escapes[i];
		if (may_be_spelt_otherwise ? json_insides_equal(check->names[i], name) : slice_equal(check->names[i], name))
			return true;
	}
	return false;
}

/* A bucket lists its names newest first; those below `first` belong to the objects around. */
static bool is_in_bucket(const struct check *check, uint32_t first, struct slice name, uint64_t hash)
{
	for (uint32_t i = check->newest[hash % NAME_BUCKETS]; i > first; i = check->before[i - 1]) {
		if (check->hashes[i - 1] == hash && json_insides_equal(check->names[i - 1], name))
			return true;
	}
	return false;
}

/* Adds the name to those of the object whose names start at `first`. False when it is there already. */
static bool add_name(struct check *check, uint32_t first, struct slice name)
{
	uint32_t count = check->name_count - first;
	bool has_escapes = json_inside_has_escapes(name);
	if (count < NAMES_COMPARED_MAX) {
		if (is_compared_equal(check, first, name, has_escapes))
			return false;
	} else {
		if (count == NAMES_COMPARED_MAX)
			begin_buckets(check, first);
		uint64_t hash = json_inside_hash(name);
		if (is_in_bucket(check, first, name, hash))
			return false;
		put_in_bucket(check, check->name_count, hash);
	}
	check->has_escapes[check->name_count] = has_escapes;
	check->names[check->name_count++] = name;
	return true;
}

static bool check_name(struct check *check, uint32_t first)
{
	const char *start = skip_blanks(check->at, check->end);
	if (!check_string(check))
		return false;
	struct slice name = {.data = start + 1, .length = (size_t)(check->at - start) - 2};
	const char *what = check->name_count == JSON_MEMBERS_MAX ? "there are too many members" : NULL;
	if (what == NULL && !add_name(check, first, name))
		what = "a name is repeated";
	if (what == NULL)
		return true;
	check->at = start;
	return fail(check, what);
}

static bool check_value(struct check *check);

static bool check_members(struct check *check)
{
	uint32_t first = check->name_count; /* the names before it belong to the objects around */
	check->at++;
	if (peek(check) == '}') {
		check->at++;
		return true;
	}
	for (;;) {
		if (!check_name(check, first))
			return false;
		if (peek(check) != ':')
			return fail(check, "a colon is missing");
		check->at++;
		if (!check_value(check))
			return false;
		char next = peek(check);
		if (next != ',' && next != '}')
			return fail(check, "a comma or a closing brace is missing");
		check->at++;
		if (next == '}') {
			forget_names(check, first);
			return true;
		}
	}
}

static bool check_items(struct check *check)
{
	check->at++;
	if (peek(check) == ']') {
		check->at++;
		return true;
	}
	for (;;) {
		if (!check_value(check))
			return false;
		char next = peek(check);
		if (next != ',' && next != ']')
			return fail(check, "a comma or a closing bracket is missing");
		check->at++;
		if (next == ']')
			return true;
	}
}

static bool check_value(struct check *check)
{
	char first = peek(check);
	switch (first) {
	case '"':
		return check_string(check);
	case 't':
		return check_word(check, SLICE("true"));
	case 'f':
		return check_word(check, SLICE("false"));
	case 'n':
		return check_word(check, SLICE("null"));
	case '{':
	case '[': {
		if (check->depth == JSON_DEPTH_MAX)
			return fail(check, "the text is nested too deeply");
		check->depth++;
		bool is_good = first == '{' ? check_members(check) : check_items(check);
		check->depth--;
		return is_good;
	}
	default:
		if (first == '-' || is_digit(first))
			return check_number(check);
		return fail(check, "a value is missing");
	}
}

bool json_check(struct slice text, struct json_value *ret_value, struct json_problem *ret_problem)
{
	assert(text.data != NULL || text.length == 0);
	assert(ret_value != NULL && ret_problem != NULL);

	struct check check;
	check.at = text.data == NULL ? "" : text.data;
	check.end = check.at + text.length;
	check.depth = 0;
	check.has_buckets = false;
	check.name_count = 0; /* the names themselves stay as they are: clearing them would cost more than a small body */

	const char *start = skip_blanks(check.at, check.end);
	bool is_good = check_value(&check);
	const char *end = check.at;
	if (is_good && skip_blanks(check.at, check.end) != check.end) {
		check.at = skip_blanks(check.at, check.end);
		is_good = fail(&check, "there is more after the value");
	}
	if (!is_good) {
		*ret_problem = (struct json_problem){.what = check.what, .offset = text.length - (size_t)(check.end - check.at)};
		return false;
	}
	*ret_value = (struct json_value){.text = {.data = start, .length = (size_t)(end - start)}};
	return true;
}

enum json_kind json_kind(struct json_value value)
{
	assert(value.text.length > 0);

	switch (value.text.data[0]) {
	case '"':
		return JSON_KIND_STRING;
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case 't':
	case 'f':
		return JSON_KIND_BOOLEAN;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return JSON_KIND_NUMBER;
	}
}

/* Past the closing quote. */
static const char *skip_string(const char *at)
{
	for (at++; *at != '"'; at++) {
		if (*at == '\\')
			at++;
	}
	return at + 1;
}

/* Past the value that starts at `at`, in checked text. */
static const char *skip_value(const char *at, const char *end)
{
	if (*at == '"')
		return skip_string(at);
	if (*at != '{' && *at != '[') {
		while (at < end && *at != ',' && *at != ']' && *at != '}' && *at != ' ' && *at != '\n' && *at != '\r' && *at != '\t')
			at++;
		return at;
	}
	uint32_t depth = 0;
	do {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at++;
	} while (depth > 0);
	return at;
}

struct json_walk json_walk(struct json_value value)
{
	assert(json_kind(value) == JSON_KIND_OBJECT || json_kind(value) == JSON_KIND_ARRAY);

	const char *first = value.text.data;
	const char *last = value.text.data + value.text.length - 1;
	return (struct json_walk){.at = skip_blanks(first + 1, last), .end = last};
}

/* Takes the value at `walk->at` and what separates it from the next. */
static struct json_value take_value(struct json_walk *walk)
{
	const char *start = walk->at;
	const char *end = skip_value(start, walk->end);
	walk->at = skip_blanks(end, walk->end);
	if (walk->at < walk->end && (*walk->at == ',' || *walk->at == ':'))
		walk->at = skip_blanks(walk->at + 1, walk->end);
	return (struct json_value){.text = {.data = start, .length = (size_t)(end - start)}};
}

bool json_next_item(struct json_walk *walk, struct json_value *ret_item)
{
	assert(walk != NULL && walk->at <= walk->end);
	assert(ret_item != NULL);

	if (walk->at == walk->end)
		return false;
	*ret_item = take_value(walk);
	return true;
}

bool json_next_member(struct json_walk *walk, struct json_value *ret_name, struct json_value *ret_value)
{
	assert(walk != NULL && walk->at <= walk->end);
	assert(ret_name != NULL && ret_value != NULL);

	if (walk->at == walk->end)
		return false;
	*ret_name = take_value(walk);
	*ret_value = take_value(walk);
	assert(json_kind(*ret_name) == JSON_KIND_STRING);
	return true;
}

bool json_member(struct json_value object, struct slice name, struct json_value *ret_value)
{
	assert(json_kind(object) == JSON_KIND_OBJECT);

	struct json_walk walk = json_walk(object);
	struct json_value member, value;
	while (json_next_member(&walk, &member, &value)) {
		if (json_string_equal(member, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

struct slice json_to_string(struct json_value string, struct arena *arena)
{
	assert(json_kind(string) == JSON_KIND_STRING);
	assert(arena != NULL);

	struct slice inside = unquoted(string.text);
	if (!json_inside_has_escapes(inside))
		return inside;
	char *content = arena_allocate(arena, inside.length); /* an escape is never shorter than what it stands for */
	if (content == NULL)
		return (struct slice){0};
	size_t length = 0;
	while (inside.length > 0) {
		char bytes[4];
		size_t count = json_inside_take(&inside, bytes);
		memcpy(content + length, bytes, count);
		length += count;
	}
	return (struct slice){.data = content, .length = length};
}

bool json_string_equal(struct json_value string, struct slice text)
{
	assert(json_kind(string) == JSON_KIND_STRING);

	struct slice inside = unquoted(string.text);
	if (!json_inside_has_escapes(inside))
		return slice_equal(inside, text);
	while (inside.length > 0) {
		char bytes[4];
		size_t count = json_inside_take(&inside, bytes);
		if (text.length < count || memcmp(text.data, bytes, count) != 0)
			return false;
		text = (struct slice){.data = text.data + count, .length = text.length - count};
	}
	return text.length == 0;
}

bool json_to_boolean(struct json_value boolean)
{
	assert(json_kind(boolean) == JSON_KIND_BOOLEAN);

	return boolean.text.data[0] == 't';
}

bool json_to_integer(struct json_value number, int64_t *ret_integer)
{
	assert(json_kind(number) == JSON_KIND_NUMBER);
	assert(ret_integer != NULL);

	const char *at = number.text.data;
	const char *end = at + number.text.length;
	bool is_negative = *at == '-';
	int64_t integer = 0;
	for (at += is_negative; at < end; at++) {
		/* Counted below zero, where int64 has room for one more. */
		if (!is_digit(*at) || __builtin_mul_overflow(integer, 10, &integer) || __builtin_sub_overflow(integer, *at - '0', &integer))
			return false;
	}
	if (!is_negative && __builtin_sub_overflow(0, integer, &integer))
		return false;
	*ret_integer = integer;
	return true;
}
