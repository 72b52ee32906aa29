/* seat_csv.c: one row after the other; its fields are taken apart, checked for being text, and written as JSON. */
#include "codec/seat_csv.h"

#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "codec/json_reader.h"
#include "domain/limits.h"

#define PRICE_LENGTH_MAX 32 /* a longer one is no number that anybody means */
#define JSON_MAX ((size_t)512 * 1024 * 1024)

static const char *const names[SEAT_CSV_FIELDS] = {"seat", "section", "row", "price"};

struct reading {
	const char *at;
	const char *end;
	struct file_place place; /* of `at` */
	struct arena *arena;
	bool (*tell)(void *context, const struct file_fault *fault);
	void *context;
	bool has_fault;
	bool is_enough; /* nobody wants to hear more */
	bool is_out_of_memory;
};

static void fault_at(struct reading *reading, struct file_place place, const char *what)
{
	const struct file_fault fault = {.what = what, .place = place};
	if (!reading->is_enough)
		reading->is_enough = !reading->tell(reading->context, &fault);
	reading->has_fault = true;
}

static void advance(struct reading *reading, size_t count)
{
	assert(count <= (size_t)(reading->end - reading->at));
	for (size_t i = 0; i < count; i++) {
		reading->place.column++;
		if (reading->at[i] == '\n')
			reading->place = (struct file_place){.line = reading->place.line + 1, .column = 1};
	}
	reading->at += count;
}

/* LF, CR LF, or the end of the text. */
static bool is_line_end(const struct reading *reading)
{
	if (reading->at == reading->end || *reading->at == '\n')
		return true;
	return *reading->at == '\r' && reading->at + 1 < reading->end && reading->at[1] == '\n';
}

static void skip_line_end(struct reading *reading)
{
	assert(is_line_end(reading));
	if (reading->at < reading->end)
		advance(reading, *reading->at == '\r' ? 2 : 1);
}

static void skip_line(struct reading *reading)
{
	while (!is_line_end(reading))
		advance(reading, 1);
}

/* Behind the opening quote; "" is one quote. False: the fault is told. */
static bool read_quoted(struct reading *reading, struct slice *ret_field)
{
	struct file_place place = reading->place;
	advance(reading, 1);
	const char *start = reading->at;
	uint32_t quotes = 0;
	for (;;) {
		if (reading->at == reading->end) {
			fault_at(reading, place, "the text ends inside a quoted field");
			return false;
		}
		bool is_quote = *reading->at == '"';
		if (is_quote && (reading->end - reading->at == 1 || reading->at[1] != '"'))
			break;
		quotes += is_quote;
		advance(reading, is_quote ? 2 : 1);
	}
	struct slice field = {.data = start, .length = (size_t)(reading->at - start)};
	advance(reading, 1);
	if (!is_line_end(reading) && *reading->at != ',') {
		fault_at(reading, reading->place, "a comma or the end of the line must follow the closing quote");
		return false;
	}
	*ret_field = field;
	if (quotes == 0)
		return true;
	char *content = arena_allocate(reading->arena, field.length);
	if (content == NULL) {
		reading->is_out_of_memory = true;
		return false;
	}
	size_t length = 0;
	for (size_t i = 0; i < field.length; i++) {
		content[length++] = field.data[i];
		i += field.data[i] == '"';
	}
	*ret_field = (struct slice){.data = content, .length = length};
	return true;
}

static bool read_unquoted(struct reading *reading, struct slice *ret_field)
{
	const char *start = reading->at;
	while (!is_line_end(reading) && *reading->at != ',') {
		if (*reading->at == '"') {
			fault_at(reading, reading->place, "a field with a quote must be quoted");
			return false;
		}
		advance(reading, 1);
	}
	*ret_field = (struct slice){.data = start, .length = (size_t)(reading->at - start)};
	return true;
}

static bool is_text(struct reading *reading, struct file_place place, struct slice field)
{
	bool is_good = utf8_is_valid(field) && (field.length == 0 || memchr(field.data, '\0', field.length) == NULL);
	if (!is_good)
		fault_at(reading, place, utf8_is_valid(field) ? "U+0000 is not accepted" : "the text is not UTF-8");
	return is_good;
}

/* One line. False: it is wrong, which is told, with `wrong_count` when it has too many fields or too few, and `at` is in it or at its end. */
static bool read_row(struct reading *reading, const char *wrong_count, struct slice fields[static SEAT_CSV_FIELDS],
                     struct seat_csv_row *ret_row)
{
	struct file_place start = reading->place;
	uint32_t count = 0;
	for (;; count++) {
		struct slice field;
		struct file_place place = reading->place;
		bool is_quoted = reading->at < reading->end && *reading->at == '"';
		if (!(is_quoted ? read_quoted(reading, &field) : read_unquoted(reading, &field)) || !is_text(reading, place, field))
			return false;
		if (count < SEAT_CSV_FIELDS) {
			fields[count] = field;
			ret_row->fields[count] = place;
		}
		if (is_line_end(reading))
			break;
		advance(reading, 1);
	}
	if (count + 1 != SEAT_CSV_FIELDS)
		fault_at(reading, start, wrong_count);
	return count + 1 == SEAT_CSV_FIELDS;
}

/* Without the right one no line behind it is worth a word. */
static void read_header(struct reading *reading)
{
	static const char wrong[] = "the first line must be seat,section,row,price, with commas between the names";
	struct slice fields[SEAT_CSV_FIELDS];
	struct seat_csv_row row;
	struct file_place start = reading->place;
	bool is_right = read_row(reading, wrong, fields, &row);
	skip_line(reading);
	skip_line_end(reading);
	for (uint32_t i = 0; is_right && i < SEAT_CSV_FIELDS; i++) {
		is_right = slice_equal_string(fields[i], names[i]);
		if (!is_right)
			fault_at(reading, start, wrong);
	}
	reading->is_enough = !is_right;
}

/* A price that is no JSON number is written as a string; the rules of an event refuse it and say what they expect. */
static void write_price(struct json_writer *writer, struct slice price)
{
	struct json_value value;
	struct json_problem problem;
	bool is_number = price.length <= PRICE_LENGTH_MAX && json_check(price, &value, &problem) && json_kind(value) == JSON_KIND_NUMBER;
	if (is_number)
		json_writer_raw(writer, "price", value.text);
	else
		json_writer_string(writer, "price", price);
}

static void write_seat(struct json_writer *writer, const struct slice fields[static SEAT_CSV_FIELDS])
{
	json_writer_object_begin(writer, NULL);
	for (uint32_t i = 0; i < SEAT_CSV_FIELDS - 1; i++)
		if (i == 0 || fields[i].length > 0)
			json_writer_string(writer, names[i], fields[i]);
	write_price(writer, fields[SEAT_CSV_FIELDS - 1]);
	json_writer_object_end(writer);
}

/* At most as many as there are lines: room for all rows at once. */
static struct seat_csv_row *make_rows(struct reading *reading, uint32_t *ret_count)
{
	size_t lines = 1;
	for (const char *at = reading->at; at < reading->end; at++)
		lines += *at == '\n';
	*ret_count = lines < SEATS_PER_EVENT_MAX ? (uint32_t)lines : SEATS_PER_EVENT_MAX;
	return arena_allocate(reading->arena, *ret_count * sizeof(struct seat_csv_row));
}

static enum error read_seats(struct reading *reading, struct seat_csv *seats)
{
	uint32_t count_max;
	struct slice fields[SEAT_CSV_FIELDS];
	struct buffer json;
	buffer_init(&json, reading->arena, JSON_MAX);
	struct json_writer writer = json_writer_on(&json);
	struct seat_csv_row *rows = make_rows(reading, &count_max), row;
	if (rows == NULL)
		return ERR_NO_MEMORY;
	json_writer_array_begin(&writer, NULL);
	while (reading->at < reading->end && !reading->is_enough && !reading->is_out_of_memory) {
		if (!is_line_end(reading) && read_row(reading, "a line must have four fields: seat,section,row,price", fields, &row)) {
			if (seats->count == count_max)
				return ERR_LIMIT;
			rows[seats->count++] = row;
			write_seat(&writer, fields);
		}
		skip_line(reading);
		skip_line_end(reading);
	}
	json_writer_array_end(&writer);
	seats->rows = rows;
	seats->json = buffer_slice(&json);
	return json.failed ? ERR_NO_MEMORY : OK;
}

enum error seat_csv_read(struct slice text, struct arena *arena, bool (*tell)(void *context, const struct file_fault *fault), void *context,
                         struct seat_csv *ret_seats)
{
	assert(arena != NULL && tell != NULL && ret_seats != NULL);
	static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};
	struct reading reading = {.at = text.length == 0 ? "" : text.data,
	                          .place = {.line = 1, .column = 1},
	                          .arena = arena,
	                          .tell = tell,
	                          .context = context};
	reading.end = reading.at + text.length;
	if (text.length >= sizeof byte_order_mark && memcmp(text.data, byte_order_mark, sizeof byte_order_mark) == 0)
		reading.at += sizeof byte_order_mark;
	struct seat_csv seats = {0};
	read_header(&reading);
	enum error error = read_seats(&reading, &seats);
	if (error == OK && reading.is_out_of_memory)
		error = ERR_NO_MEMORY;
	if (error == OK && reading.has_fault)
		error = ERR_VALIDATION;
	if (error == OK)
		*ret_seats = seats;
	return error;
}

bool seat_csv_locate(const struct seat_csv *seats, struct slice pointer, struct file_place *ret_place)
{
	assert(seats != NULL && ret_place != NULL);
	static const struct slice prefix = {.data = "/seats/", .length = 7};
	if (pointer.length <= prefix.length || memcmp(pointer.data, prefix.data, prefix.length) != 0)
		return false;
	uint64_t index = 0;
	size_t at = prefix.length;
	for (; at < pointer.length && pointer.data[at] != '/'; at++) {
		if (pointer.data[at] < '0' || pointer.data[at] > '9' || index > UINT32_MAX)
			return false;
		index = index * 10 + (uint64_t)(pointer.data[at] - '0');
	}
	if (index >= seats->count)
		return false;
	*ret_place = seats->rows[index].fields[0];
	struct slice field = {.data = pointer.data + at, .length = pointer.length - at};
	for (uint32_t i = 0; i < SEAT_CSV_FIELDS && field.length > 1; i++)
		if (slice_equal_string((struct slice){.data = field.data + 1, .length = field.length - 1}, names[i]))
			*ret_place = seats->rows[index].fields[i];
	return true;
}
