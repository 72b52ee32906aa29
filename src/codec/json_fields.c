/* json_fields.c: one reader for each kind of field; violations are written down where they are found, with the way to that place. */
#include "codec/json_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define STRINGS_MAX 128
#define POINTER_LENGTH_MAX 1024
#define SHOWN_NAME_MAX 128 /* bytes of an unknown name that its pointer shows */

struct reading {
	struct json_violations *violations;
	bool is_out_of_memory; /* told once, at the end */
};

/* The way to a value: a chain on the stack, from the value back to the body. */
struct place {
	const struct place *parent; /* NULL: the body */
	struct slice name;          /* of a member; data is NULL for an item */
	uint32_t index;             /* of an item */
};

void json_violations_init(struct json_violations *violations, struct arena *arena)
{
	assert(violations != NULL);
	assert(arena != NULL);

	violations->arena = arena;
	violations->detail = (struct slice){0};
	violations->count = 0;
	violations->is_full = false;
	violations->tell = NULL;
}

void json_violations_add(struct json_violations *violations, struct slice pointer, struct slice detail)
{
	assert(violations != NULL && violations->count <= JSON_VIOLATIONS_MAX);
	assert(detail.length > 0);

	if (violations->is_full)
		return;
	const struct json_violation violation = {.pointer = pointer, .detail = detail};
	if (violations->tell != NULL) {
		violations->count = 1;
		violations->is_full = !violations->tell(violations->context, &violation);
	} else {
		violations->items[violations->count++] = violation;
		violations->is_full = violations->count == JSON_VIOLATIONS_MAX;
	}
}

/* RFC 6901: ~ is written ~0 and / is written ~1. */
static void pointer_write(struct buffer *buffer, const struct place *place)
{
	if (place->parent == NULL)
		return;
	pointer_write(buffer, place->parent);
	buffer_append_byte(buffer, '/');
	if (place->name.data == NULL)
		buffer_append_uint(buffer, place->index);
	for (size_t i = 0; i < place->name.length; i++) {
		if (place->name.data[i] == '~')
			buffer_append_string(buffer, "~0");
		else if (place->name.data[i] == '/')
			buffer_append_string(buffer, "~1");
		else
			buffer_append_byte(buffer, place->name.data[i]);
	}
}

/* detail: its data is NULL when there was no memory to format it. */
static void add_violation(struct reading *reading, const struct place *place, struct slice detail)
{
	struct buffer pointer;
	buffer_init(&pointer, reading->violations->arena, POINTER_LENGTH_MAX);
	pointer_write(&pointer, place);
	if (detail.data == NULL || pointer.failed)
		reading->is_out_of_memory = true;
	else
		json_violations_add(reading->violations, buffer_slice(&pointer), detail);
}

/* False, with the violation written down, when the value is of another kind. */
static bool expect(struct reading *reading, const struct place *place, struct json_value value, enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_KIND_NULL] = "null",       [JSON_KIND_BOOLEAN] = "true or false", [JSON_KIND_NUMBER] = "a whole number",
		[JSON_KIND_STRING] = "a string", [JSON_KIND_ARRAY] = "an array",        [JSON_KIND_OBJECT] = "an object",
	};
	if (json_kind(value) == kind)
		return true;
	add_violation(reading, place, arena_format(reading->violations->arena, "must be %s", names[kind]));
	return false;
}

/* The content of a string; data is NULL when it is no string, which is written down, or memory is out. */
static struct slice take_string(struct reading *reading, const struct place *place, struct json_value value)
{
	if (!expect(reading, place, value, JSON_KIND_STRING))
		return (struct slice){0};
	struct slice text = json_to_string(value, reading->violations->arena);
	if (text.data == NULL)
		reading->is_out_of_memory = true;
	return text;
}

static void read_string(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                        void *target)
{
	struct slice text = take_string(reading, place, value);
	if (text.data == NULL)
		return;
	struct arena *arena = reading->violations->arena;
	size_t length = field->counts_characters ? utf8_character_count(text) : text.length;
	if ((int64_t)length < field->minimum || (int64_t)length > field->maximum) {
		add_violation(reading, place,
		              arena_format(arena, "must have from %" PRId64 " to %" PRId64 " %s", field->minimum, field->maximum,
		                           field->counts_characters ? "characters" : "bytes"));
		return;
	}
	if (field->takes_line_feeds ? !utf8_is_printable_lines(text) : !utf8_is_printable(text)) {
		add_violation(reading, place,
		              field->takes_line_feeds ? SLICE("must not have control characters other than line feeds")
		                                      : SLICE("must not have control characters"));
		return;
	}
	const char *wrong = field->check == NULL ? NULL : field->check(text);
	if (wrong != NULL)
		add_violation(reading, place, slice_of(wrong));
	*(struct slice *)target = text;
}

static void read_integer(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                         void *target)
{
	int64_t integer;
	if (!expect(reading, place, value, JSON_KIND_NUMBER))
		return;
	if (!json_to_integer(value, &integer) || integer < field->minimum || integer > field->maximum) {
		add_violation(reading, place,
		              arena_format(reading->violations->arena, "must be a whole number from %" PRId64 " to %" PRId64,
		                           field->minimum, field->maximum));
		return;
	}
	*(int64_t *)target = integer;
}

static void read_boolean(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                         void *target)
{
	(void)field;
	if (expect(reading, place, value, JSON_KIND_BOOLEAN))
		*(bool *)target = json_to_boolean(value);
}

static void read_uuid(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                      void *target)
{
	(void)field;
	struct slice text = take_string(reading, place, value);
	if (text.data != NULL && !uuid_parse(text, target))
		add_violation(reading, place, SLICE("must be a UUID"));
}

static void read_time(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                      void *target)
{
	(void)field;
	struct slice text = take_string(reading, place, value);
	if (text.data != NULL && !time_parse(text, target))
		add_violation(reading, place, SLICE("must be a time as in RFC 3339, such as 2026-01-02T03:04:05Z"));
}

static void read_choice(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                        void *target)
{
	struct slice text = take_string(reading, place, value);
	if (text.data == NULL)
		return;
	for (uint32_t i = 0; field->choices[i] != NULL; i++) {
		if (slice_equal_string(text, field->choices[i])) {
			*(uint32_t *)target = i;
			return;
		}
	}
	struct buffer detail;
	buffer_init(&detail, reading->violations->arena, POINTER_LENGTH_MAX);
	buffer_append_string(&detail, "must be one of");
	for (uint32_t i = 0; field->choices[i] != NULL; i++)
		buffer_append_format(&detail, "%s %s", i == 0 ? "" : ",", field->choices[i]);
	add_violation(reading, place, detail.failed ? (struct slice){0} : buffer_slice(&detail));
}

/* An array's length when it is in the field's range; otherwise the violation is written down. */
static bool count_items(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                        uint32_t *ret_count)
{
	if (!expect(reading, place, value, JSON_KIND_ARRAY))
		return false;
	uint32_t count = 0;
	struct json_walk walk = json_walk(value);
	struct json_value item;
	while (count <= field->count_maximum && json_next_item(&walk, &item))
		count++;
	if (count < field->count_minimum || count > field->count_maximum) {
		add_violation(reading, place,
		              arena_format(reading->violations->arena, "must have from %" PRIu32 " to %" PRIu32 " items",
		                           field->count_minimum, field->count_maximum));
		return false;
	}
	*ret_count = count;
	return true;
}

static void read_strings(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                         void *target)
{
	assert(field->count_maximum <= STRINGS_MAX);

	struct json_strings strings;
	if (!count_items(reading, field, place, value, &strings.count))
		return;
	strings.items = arena_allocate_array(reading->violations->arena, strings.count, sizeof *strings.items);
	if (strings.items == NULL) {
		reading->is_out_of_memory = true;
		return;
	}
	struct json_walk walk = json_walk(value);
	struct json_value item;
	for (uint32_t i = 0; json_next_item(&walk, &item); i++) {
		const struct place item_place = {.parent = place, .index = i};
		read_string(reading, field, &item_place, item, &strings.items[i]);
		for (uint32_t j = 0; j < i && strings.items[i].length > 0; j++) {
			if (slice_equal(strings.items[i], strings.items[j])) {
				add_violation(reading, &item_place, arena_format(reading->violations->arena, "repeats item %" PRIu32, j));
				break;
			}
		}
	}
	*(struct json_strings *)target = strings;
}

static void read_object(struct reading *reading, const struct json_schema *schema, const struct place *place, struct json_value value,
                        void *structure);

static void read_objects(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                         void *target)
{
	struct json_objects objects;
	if (!count_items(reading, field, place, value, &objects.count))
		return;
	objects.items = arena_allocate_array(reading->violations->arena, objects.count, field->objects->size);
	if (objects.items == NULL) {
		reading->is_out_of_memory = true;
		return;
	}
	char *structure = objects.items;
	struct json_walk walk = json_walk(value);
	struct json_value item;
	/* A list may be long: once no more violations are told, there is nothing to be found in the rest of it. */
	for (uint32_t i = 0; !reading->violations->is_full && json_next_item(&walk, &item); i++) {
		const struct place item_place = {.parent = place, .index = i};
		read_object(reading, field->objects, &item_place, item, structure);
		structure += field->objects->size;
	}
	*(struct json_objects *)target = objects;
}

typedef void field_reader(struct reading *reading, const struct json_field *field, const struct place *place, struct json_value value,
                          void *target);

static field_reader *const readers[] = {
	[JSON_FIELD_STRING] = read_string,   [JSON_FIELD_INTEGER] = read_integer, [JSON_FIELD_BOOLEAN] = read_boolean,
	[JSON_FIELD_UUID] = read_uuid,       [JSON_FIELD_TIME] = read_time,       [JSON_FIELD_CHOICE] = read_choice,
	[JSON_FIELD_STRINGS] = read_strings, [JSON_FIELD_OBJECTS] = read_objects,
};

static void add_unknown(struct reading *reading, const struct place *object, struct json_value name)
{
	struct slice text = json_to_string(name, reading->violations->arena);
	if (text.data == NULL) {
		reading->is_out_of_memory = true;
		return;
	}
	size_t shown = 0;
	while (shown < text.length && shown < SHOWN_NAME_MAX)
		shown += utf8_character_length(text.data + shown, text.length - shown);
	const struct place place = {.parent = object, .name = {.data = text.data, .length = shown}};
	add_violation(reading, &place, SLICE("unknown field"));
}

static void read_object(struct reading *reading, const struct json_schema *schema, const struct place *place, struct json_value value,
                        void *structure)
{
	assert(schema->count <= JSON_FIELDS_MAX);

	if (!expect(reading, place, value, JSON_KIND_OBJECT))
		return;
	uint32_t seen = 0; /* bit i: field i was there */
	struct json_walk walk = json_walk(value);
	struct json_value name, member;
	while (json_next_member(&walk, &name, &member)) {
		uint32_t i = 0;
		while (i < schema->count && !json_string_equal(name, slice_of(schema->fields[i].name)))
			i++;
		if (i == schema->count) {
			if (!schema->takes_unknown)
				add_unknown(reading, place, name);
			continue;
		}
		const struct json_field *field = &schema->fields[i];
		if (json_kind(member) == JSON_KIND_NULL && !field->is_required)
			continue;
		seen |= UINT32_C(1) << i;
		const struct place member_place = {.parent = place, .name = slice_of(field->name)};
		readers[field->kind](reading, field, &member_place, member, (char *)structure + field->offset);
	}
	for (uint32_t i = 0; i < schema->count; i++) {
		if (schema->fields[i].is_required && (seen & UINT32_C(1) << i) == 0) {
			const struct place member_place = {.parent = place, .name = slice_of(schema->fields[i].name)};
			add_violation(reading, &member_place, SLICE("is required"));
		}
	}
}

/* "a comma is missing at line 2, column 17"; lines and columns from 1, columns in bytes. */
static struct slice problem_format(struct arena *arena, struct slice text, const struct json_problem *problem)
{
	uint32_t line = 1;
	size_t line_start = 0;
	for (size_t i = 0; i < problem->offset; i++) {
		if (text.data[i] == '\n') {
			line++;
			line_start = i + 1;
		}
	}
	return arena_format(arena, "%s at line %" PRIu32 ", column %zu", problem->what, line, problem->offset - line_start + 1);
}

enum error json_read(struct slice text, const struct json_schema *schema, struct json_violations *violations, void *target)
{
	assert(schema != NULL && target != NULL);
	assert(violations != NULL && violations->arena != NULL);

	struct json_value body;
	struct json_problem problem;
	if (!json_check(text, &body, &problem)) {
		violations->detail = problem_format(violations->arena, text, &problem);
		return violations->detail.data == NULL ? ERR_NO_MEMORY : ERR_JSON_INVALID;
	}
	struct reading reading = {.violations = violations};
	const struct place place = {0};
	read_object(&reading, schema, &place, body, target);
	if (reading.is_out_of_memory)
		return ERR_NO_MEMORY;
	return violations->count > 0 ? ERR_VALIDATION : OK;
}
