/* sale_json.c: reads, checks and writes what is told of an event. */
#include "codec/sale_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/limits.h"
#include "domain/money.h"

struct section_body {
	struct slice name;
	int64_t price;
	int64_t rows;
	int64_t seats_per_row;
};

/* Leaves room for "-1000000-1000000" behind the name. */
#define SECTION_NAME_MAX (SEAT_LABEL_LENGTH_MAX - 16)

static const struct json_field section_fields[] = {
	{.name = "name",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct section_body, name),
         .minimum = 1,
         .maximum = SECTION_NAME_MAX},
	{.name = "price",
         .kind = JSON_FIELD_INTEGER,
         .is_required = true,
         .offset = offsetof(struct section_body, price),
         .minimum = 0,
         .maximum = PRICE_MAX},
	{.name = "rows",
         .kind = JSON_FIELD_INTEGER,
         .is_required = true,
         .offset = offsetof(struct section_body, rows),
         .minimum = 1,
         .maximum = SEATS_PER_EVENT_MAX},
	{.name = "seats_per_row",
         .kind = JSON_FIELD_INTEGER,
         .is_required = true,
         .offset = offsetof(struct section_body, seats_per_row),
         .minimum = 1,
         .maximum = SEATS_PER_EVENT_MAX},
};
static const struct json_schema section_schema = {
	.fields = section_fields, .count = ARRAY_LENGTH(section_fields), .size = sizeof(struct section_body)};

static const struct json_field seat_fields[] = {
	{.name = "seat",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct layout_seat, seat),
         .minimum = 1,
         .maximum = SEAT_LABEL_LENGTH_MAX},
	{.name = "price",
         .kind = JSON_FIELD_INTEGER,
         .is_required = true,
         .offset = offsetof(struct layout_seat, price),
         .minimum = 0,
         .maximum = PRICE_MAX},
	{.name = "section", .kind = JSON_FIELD_STRING, .offset = offsetof(struct layout_seat, section), .maximum = SEAT_LABEL_LENGTH_MAX},
	{.name = "row", .kind = JSON_FIELD_STRING, .offset = offsetof(struct layout_seat, row), .maximum = SEAT_LABEL_LENGTH_MAX},
};
static const struct json_schema seat_schema = {
	.fields = seat_fields, .count = ARRAY_LENGTH(seat_fields), .size = sizeof(struct layout_seat)};

const struct json_field sale_body_fields[SALE_IMPORT_FIELD_COUNT] = {
	{.name = "name",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .counts_characters = true,
         .offset = offsetof(struct sale_body, name),
         .minimum = 1,
         .maximum = SALE_TEXT_MAX},
	{.name = "venue",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .counts_characters = true,
         .offset = offsetof(struct sale_body, venue),
         .minimum = 1,
         .maximum = SALE_TEXT_MAX},
	{.name = "description",
         .kind = JSON_FIELD_STRING,
         .counts_characters = true,
         .takes_line_feeds = true,
         .offset = offsetof(struct sale_body, description),
         .maximum = SALE_DESCRIPTION_MAX},
	{.name = "starts_at", .kind = JSON_FIELD_TIME, .is_required = true, .offset = offsetof(struct sale_body, starts_at_ms)},
	{.name = "on_sale_from", .kind = JSON_FIELD_TIME, .offset = offsetof(struct sale_body, on_sale_from_ms)},
	{.name = "on_sale_until", .kind = JSON_FIELD_TIME, .offset = offsetof(struct sale_body, on_sale_until_ms)},
	{.name = "currency",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct sale_body, currency),
         .maximum = SALE_TEXT_MAX}, /* words say what it must be */
	{.name = "sections",
         .kind = JSON_FIELD_OBJECTS,
         .offset = offsetof(struct sale_body, sections),
         .count_minimum = 1,
         .count_maximum = SECTIONS_PER_EVENT_MAX,
         .objects = &section_schema},
	{.name = "seats",
         .kind = JSON_FIELD_OBJECTS,
         .offset = offsetof(struct sale_body, seats),
         .count_minimum = 1,
         .count_maximum = SEATS_PER_EVENT_MAX,
         .objects = &seat_schema},
	{.name = "backdated", .kind = JSON_FIELD_BOOLEAN, .offset = offsetof(struct sale_body, backdated)},
	{.name = "event_id", .kind = JSON_FIELD_UUID, .offset = offsetof(struct sale_body, event_id)},
};
static const struct json_schema sale_body_schema = {
	.fields = sale_body_fields, .count = SALE_BODY_FIELD_COUNT, .size = sizeof(struct sale_body)};
static const struct json_schema sale_import_schema = {
	.fields = sale_body_fields, .count = SALE_IMPORT_FIELD_COUNT, .size = sizeof(struct sale_body)};

enum error sale_body_layout(const struct sale_body *body, struct arena *arena, struct layout *ret_layout)
{
	assert(body != NULL && ret_layout != NULL);
	struct layout layout = {0};
	if (body->sections.count > 0) {
		const struct section_body *from = body->sections.items;
		struct layout_section *to = arena_allocate_array(arena, body->sections.count, sizeof *to);
		if (to == NULL)
			return ERR_NO_MEMORY;
		for (uint32_t i = 0; i < body->sections.count; i++)
			to[i] = (struct layout_section){.name = from[i].name,
			                                .price = from[i].price,
			                                .rows = (uint32_t)from[i].rows,
			                                .seats_per_row = (uint32_t)from[i].seats_per_row};
		layout.sections = to;
		layout.section_count = body->sections.count;
	} else {
		layout.seats = body->seats.items;
		layout.seat_count = body->seats.count;
	}
	*ret_layout = layout;
	return OK;
}

/* A name and where it stands in its list, so that a repeat can be pointed at. */
struct named {
	struct slice name;
	uint32_t index;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = slice_compare(left->name, right->name);
	return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static enum error check_distinct(struct named *names, uint32_t count, const char *list, const char *field,
                                 struct json_violations *violations)
{
	qsort(names, count, sizeof *names, compare_named);
	for (uint32_t i = 1; i < count; i++) {
		if (!slice_equal(names[i].name, names[i - 1].name))
			continue;
		struct slice pointer = arena_format(violations->arena, "/%s/%u/%s", list, names[i].index, field);
		if (pointer.data == NULL)
			return ERR_NO_MEMORY;
		json_violations_add(violations, pointer, SLICE("repeats an earlier one"));
	}
	return OK;
}

static enum error check_names(const struct layout *layout, struct json_violations *violations)
{
	bool has_sections = layout->section_count > 0;
	uint32_t count = has_sections ? layout->section_count : layout->seat_count;
	struct named *names = arena_allocate_array(violations->arena, count, sizeof *names);
	if (names == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
		names[i] = (struct named){.name = has_sections ? layout->sections[i].name : layout->seats[i].seat, .index = i};
	/* Sections of distinct names have distinct seats: the row and the number hold no dash. */
	return has_sections ? check_distinct(names, count, "sections", "name", violations)
	                    : check_distinct(names, count, "seats", "seat", violations);
}

/* A time that could not be read is 0, and has been told. */
static void check_times(const struct sale_body *body, uint64_t now_ms, struct json_violations *violations)
{
	bool has_start = body->starts_at_ms != 0 || violations->count == 0;
	if (has_start && body->starts_at_ms <= now_ms && !body->backdated)
		json_violations_add(violations, SLICE("/starts_at"), SLICE("must not be in the past, unless backdated is true"));
	if (body->on_sale_until_ms != 0 && body->on_sale_until_ms <= body->on_sale_from_ms)
		json_violations_add(violations, SLICE("/on_sale_until"), SLICE("must be after on_sale_from"));
	else if (has_start && body->on_sale_until_ms > body->starts_at_ms)
		json_violations_add(violations, SLICE("/on_sale_until"), SLICE("must not be after starts_at"));
}

/* The rules that concern more than one field, which the table cannot state. */
static void check_fields(const struct sale_body *body, uint64_t now_ms, struct json_violations *violations, struct currency *ret_currency)
{
	check_times(body, now_ms, violations);
	if (body->currency.data != NULL && !currency_parse(body->currency, ret_currency))
		json_violations_add(violations, SLICE("/currency"), SLICE("must be a three-letter ISO 4217 code such as EUR"));
}

static enum error read_layout(const struct sale_body *body, struct json_violations *violations, struct layout *ret_layout)
{
	if ((body->sections.count > 0) == (body->seats.count > 0)) {
		json_violations_add(violations, body->seats.count > 0 ? SLICE("/seats") : SLICE("/sections"),
		                    SLICE("either sections or seats is required, not both"));
		return ERR_VALIDATION;
	}
	enum error error = sale_body_layout(body, violations->arena, ret_layout);
	if (error == OK)
		error = check_names(ret_layout, violations);
	if (error == OK && layout_count(ret_layout) > SEATS_PER_EVENT_MAX)
		json_violations_add(violations, SLICE("/sections"), SLICE("more than 1000000 seats in all"));
	return error;
}

static enum error read_body(struct slice text, const struct json_schema *schema, uint64_t now_ms, struct json_violations *violations,
                            struct sale_create *ret_create)
{
	assert(violations != NULL && ret_create != NULL);
	struct sale_body body = {0};
	struct sale_create create = {0};
	enum error error = json_read(text, schema, violations, &body);
	if (error != OK && error != ERR_VALIDATION)
		return error;
	check_fields(&body, now_ms, violations, &create.currency);
	if (error == OK)
		error = read_layout(&body, violations, &create.layout);
	if (error != OK)
		return error;
	if (violations->count > 0)
		return ERR_VALIDATION;
	create.event_id = body.event_id;
	create.details = (struct sale_details){
		.name = body.name, .venue = body.venue, .description = body.description, .starts_at_ms = body.starts_at_ms};
	create.on_sale_from_ms = body.on_sale_from_ms;
	create.on_sale_until_ms = body.on_sale_until_ms;
	*ret_create = create;
	return OK;
}

enum error sale_body_read(struct slice text, uint64_t now_ms, struct json_violations *violations, struct sale_create *ret_create)
{
	return read_body(text, &sale_body_schema, now_ms, violations, ret_create);
}

enum error sale_import_read(struct slice text, uint64_t now_ms, struct json_violations *violations, struct sale_create *ret_create)
{
	return read_body(text, &sale_import_schema, now_ms, violations, ret_create);
}

static void write_time_or_null(struct json_writer *writer, const char *key, uint64_t unix_ms)
{
	if (unix_ms == 0)
		json_writer_null(writer, key);
	else
		json_writer_time(writer, key, unix_ms);
}

void sale_summary_write(struct json_writer *writer, const struct sale_summary *summary)
{
	assert(writer != NULL && summary != NULL);
	json_writer_uuid(writer, "event_id", &summary->event_id);
	json_writer_string(writer, "name", summary->details.name);
	json_writer_string(writer, "venue", summary->details.venue);
	json_writer_string(writer, "description", summary->details.description);
	json_writer_time(writer, "starts_at", summary->details.starts_at_ms);
	write_time_or_null(writer, "on_sale_from", summary->on_sale_from_ms);
	write_time_or_null(writer, "on_sale_until", summary->on_sale_until_ms);
	json_writer_string(writer, "currency", slice_of(summary->currency.code));
	json_writer_string(writer, "status", slice_of(sale_status_name(summary->status)));
	json_writer_uint(writer, "seat_count", summary->seat_count);
	json_writer_time(writer, "created_at", summary->created_at_ms);
}

void sale_layout_write(struct json_writer *writer, const struct layout *layout)
{
	assert(writer != NULL && layout != NULL);
	json_writer_array_begin(writer, layout->section_count > 0 ? "sections" : "seats");
	for (uint32_t i = 0; i < layout->section_count; i++) {
		const struct layout_section *section = &layout->sections[i];
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "name", section->name);
		json_writer_int(writer, "price", section->price);
		json_writer_uint(writer, "rows", section->rows);
		json_writer_uint(writer, "seats_per_row", section->seats_per_row);
		json_writer_object_end(writer);
	}
	for (uint32_t i = 0; i < layout->seat_count; i++) {
		const struct layout_seat *seat = &layout->seats[i];
		json_writer_object_begin(writer, NULL);
		json_writer_string(writer, "seat", seat->seat);
		json_writer_int(writer, "price", seat->price);
		if (seat->section.length > 0)
			json_writer_string(writer, "section", seat->section);
		if (seat->row.length > 0)
			json_writer_string(writer, "row", seat->row);
		json_writer_object_end(writer);
	}
	json_writer_array_end(writer);
}
