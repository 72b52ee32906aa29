/* fuzz_json.c: any bytes as JSON, judged and read as jansson does, and as a body with fields.
 *
 * The two may differ where the reader is stricter (depth, members; jansson takes a zero byte for the end) or laxer (the size of numbers,
 * which is judged where they are used). */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "base/uuid.h"
#include "codec/json_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

struct item {
	struct slice name;
	int64_t price;
};

struct body {
	struct uuid id;
	struct slice name;
	int64_t count;
	bool is_open;
	uint64_t at_ms;
	uint32_t method;
	struct json_strings seats;
	struct json_objects items;
};

static const char *const methods[] = {"card", "cash", NULL};

static const struct json_field item_fields[] = {
	{.name = "name", .kind = JSON_FIELD_STRING, .is_required = true, .offset = offsetof(struct item, name), .maximum = 20},
	{.name = "price", .kind = JSON_FIELD_INTEGER, .offset = offsetof(struct item, price), .minimum = INT64_MIN, .maximum = INT64_MAX},
};

static const struct json_schema item_schema = {.fields = item_fields, .count = ARRAY_LENGTH(item_fields), .size = sizeof(struct item)};

static const struct json_field body_fields[] = {
	{.name = "id", .kind = JSON_FIELD_UUID, .is_required = true, .offset = offsetof(struct body, id)},
	{.name = "name", .kind = JSON_FIELD_STRING, .offset = offsetof(struct body, name), .minimum = 1, .maximum = 20},
	{.name = "count", .kind = JSON_FIELD_INTEGER, .offset = offsetof(struct body, count), .minimum = -5, .maximum = 5},
	{.name = "is_open", .kind = JSON_FIELD_BOOLEAN, .offset = offsetof(struct body, is_open)},
	{.name = "at", .kind = JSON_FIELD_TIME, .offset = offsetof(struct body, at_ms)},
	{.name = "method", .kind = JSON_FIELD_CHOICE, .offset = offsetof(struct body, method), .choices = methods},
	{.name = "seats",
         .kind = JSON_FIELD_STRINGS,
         .offset = offsetof(struct body, seats),
         .minimum = 1,
         .maximum = 63,
         .count_maximum = 100},
	{.name = "items",
         .kind = JSON_FIELD_OBJECTS,
         .offset = offsetof(struct body, items),
         .count_maximum = 1000,
         .objects = &item_schema},
};

static const struct json_schema body_schema = {.fields = body_fields, .count = ARRAY_LENGTH(body_fields), .size = sizeof(struct body)};

static struct slice text_of(const json_t *string)
{
	return (struct slice){.data = json_string_value(string), .length = json_string_length(string)};
}

static void expect_same(struct json_value value, const json_t *expected);

static void expect_same_members(struct json_value object, const json_t *expected)
{
	size_t count = 0;
	struct json_walk walk = json_walk(object);
	struct json_value name, member, found;
	for (; json_next_member(&walk, &name, &member); count++) {
		struct slice key = json_to_string(name, &arena);
		assert(key.data != NULL && json_string_equal(name, key));
		assert(json_member(object, key, &found) && found.text.data == member.text.data);
		const json_t *other = json_object_getn(expected, key.data, key.length);
		assert(other != NULL);
		expect_same(member, other);
	}
	assert(count == json_object_size(expected));
}

static void expect_same_items(struct json_value array, const json_t *expected)
{
	size_t count = 0;
	struct json_walk walk = json_walk(array);
	struct json_value item;
	for (; json_next_item(&walk, &item); count++)
		expect_same(item, json_array_get(expected, count));
	assert(count == json_array_size(expected));
}

static void expect_same(struct json_value value, const json_t *expected)
{
	int64_t integer;
	switch (json_kind(value)) {
	case JSON_KIND_OBJECT:
		assert(json_is_object(expected));
		expect_same_members(value, expected);
		break;
	case JSON_KIND_ARRAY:
		assert(json_is_array(expected));
		expect_same_items(value, expected);
		break;
	case JSON_KIND_STRING:
		assert(json_is_string(expected));
		assert(json_string_equal(value, text_of(expected)));
		assert(slice_equal(json_to_string(value, &arena), text_of(expected)));
		break;
	case JSON_KIND_NUMBER:
		assert(json_is_number(expected));
		assert(json_to_integer(value, &integer) == json_is_integer(expected));
		if (json_is_integer(expected))
			assert(integer == json_integer_value(expected));
		break;
	case JSON_KIND_BOOLEAN:
		assert(json_is_boolean(expected) && json_to_boolean(value) == json_is_true(expected));
		break;
	case JSON_KIND_NULL:
		assert(json_is_null(expected));
		break;
	}
}

static void compare_with_jansson(struct slice text)
{
	struct json_value value;
	struct json_problem problem;
	json_error_t error;
	bool is_good = json_check(text, &value, &problem);
	assert(is_good || problem.offset <= text.length);
	if (text.length > 0 && memchr(text.data, '\0', text.length) != NULL) {
		assert(!is_good);
		return;
	}
	json_t *expected = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (is_good && expected != NULL)
		expect_same(value, expected);
	else if (is_good)
		assert(json_error_code(&error) == json_error_numeric_overflow);
	else if (expected != NULL)
		assert(strcmp(problem.what, "the text is nested too deeply") == 0 ||
		       strcmp(problem.what, "there are too many members") == 0);
	json_decref(expected);
}

static void read_as_body(struct slice text)
{
	struct body body = {0};
	struct json_violations violations;
	json_violations_init(&violations, &arena);
	enum error error = json_read(text, &body_schema, &violations, &body);
	assert((error == ERR_JSON_INVALID) == (violations.detail.data != NULL));
	assert((error == ERR_VALIDATION) == (violations.count > 0));
	for (uint32_t i = 0; i < violations.count; i++) {
		assert(violations.items[i].detail.length > 0);
		assert(utf8_is_valid(violations.items[i].pointer));
	}
	if (error != OK)
		return;
	assert(body.count >= -5 && body.count <= 5 && body.method <= 1 && body.name.length <= 20);
	for (uint32_t i = 0; i < body.seats.count; i++)
		assert(utf8_is_printable(body.seats.items[i]) && body.seats.items[i].length <= 63);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {.data = (const char *)data, .length = size};
	arena_init(&arena, 4096, (size_t)64 << 20);
	compare_with_jansson(text);
	read_as_body(text);
	arena_release(&arena);
	return 0;
}
