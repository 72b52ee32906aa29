/* event_file.c: a window on the file, from the first byte that is still needed to the last that was read. */
#include "codec/event_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_reader.h"

#define PIECE 65536 /* bytes that are asked for at once */

enum shape {
	SHAPE_UNKNOWN,
	SHAPE_LINES,
	SHAPE_OBJECTS, /* one, or several one behind the other */
	SHAPE_ARRAY,
};

struct event_file {
	struct event_file_source source;
	size_t text_max;
	char *data;
	size_t capacity;
	size_t start;            /* the bytes before it are consumed */
	size_t length;           /* bytes in `data` */
	struct file_place place; /* of `start` */
	enum shape shape;
	bool has_items; /* of the array: a comma or its end comes next */
	bool is_read;   /* the source has come to its end */
	bool is_unreadable;
	bool is_out_of_memory;
	bool is_over;
};

enum error event_file_new(const struct event_file_source *source, size_t text_max, struct event_file **ret_file)
{
	assert(source != NULL && source->read != NULL);
	assert(text_max > 0 && ret_file != NULL);
	struct event_file *file = calloc(1, sizeof *file);
	if (file == NULL)
		return ERR_NO_MEMORY;
	file->source = *source;
	file->text_max = text_max;
	file->place = (struct file_place){.line = 1, .column = 1};
	*ret_file = file;
	return OK;
}

void event_file_free(struct event_file *file)
{
	if (file == NULL)
		return;
	free(file->data);
	free(file);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Makes room for another piece by dropping the consumed bytes first. */
static bool make_room(struct event_file *file)
{
	if (file->start > 0) {
		memmove(file->data, file->data + file->start, file->length - file->start);
		file->length -= file->start;
		file->start = 0;
	}
	if (file->capacity - file->length >= PIECE)
		return true;
	size_t capacity = file->capacity == 0 ? 2 * (size_t)PIECE : 2 * file->capacity;
	char *data = realloc(file->data, capacity);
	if (data == NULL)
		return false;
	file->data = data;
	file->capacity = capacity;
	return true;
}

/* Reads on until the byte `at`, counted from `start`, is there. False: the file ends before it. */
static bool has_byte(struct event_file *file, size_t at)
{
	while (file->length - file->start <= at && !file->is_read) {
		size_t read = 0;
		if (!make_room(file))
			file->is_out_of_memory = true;
		else if (!file->source.read(file->source.context, file->data + file->length, file->capacity - file->length, &read))
			file->is_unreadable = true;
		assert(read <= file->capacity - file->length);
		file->length += read;
		file->is_read = read == 0;
	}
	return file->length - file->start > at;
}

static char byte_at(const struct event_file *file, size_t at)
{
	assert(file->length - file->start > at);
	return file->data[file->start + at];
}

static void take(struct event_file *file, size_t count)
{
	assert(count <= file->length - file->start);
	for (size_t i = 0; i < count; i++) {
		file->place.column++;
		if (file->data[file->start + i] == '\n')
			file->place = (struct file_place){.line = file->place.line + 1, .column = 1};
	}
	file->start += count;
}

/* False: the file ends before anything else. */
static bool skip_blanks(struct event_file *file)
{
	while (has_byte(file, 0)) {
		if (!is_blank(byte_at(file, 0)))
			return true;
		take(file, 1);
	}
	return false;
}

static void skip_byte_order_mark(struct event_file *file)
{
	if (has_byte(file, 2) && memcmp(file->data + file->start, "\xef\xbb\xbf", 3) == 0)
		file->start += 3;
}

/* The length of the line from `from` on, without its line feed; at most one more than the longest text. */
static size_t line_length(struct event_file *file, size_t from)
{
	size_t length = 0;
	while (length <= file->text_max && has_byte(file, from + length) && byte_at(file, from + length) != '\n')
		length++;
	return length;
}

/* By the line on which the first event begins: it is the whole event, or it is wrong, but does not look as if the event went on, and the
 * next line that is not empty begins another. */
static bool has_lines(struct event_file *file)
{
	struct json_value value;
	struct json_problem problem;
	size_t length = line_length(file, 0);
	assert(length > 0);
	if (json_check((struct slice){.data = file->data + file->start, .length = length}, &value, &problem))
		return true;
	size_t last = length - 1;
	while (last > 0 && is_blank(byte_at(file, last)))
		last--;
	if (strchr("{[,:", byte_at(file, last)) != NULL)
		return false;
	while (length <= file->text_max && has_byte(file, length) && is_blank(byte_at(file, length)))
		length++;
	return has_byte(file, length) && byte_at(file, length) == '{';
}

static void find_shape(struct event_file *file)
{
	skip_byte_order_mark(file);
	file->shape = SHAPE_LINES;
	if (!skip_blanks(file))
		return;
	if (byte_at(file, 0) == '[') {
		file->shape = SHAPE_ARRAY;
		take(file, 1);
	} else if (byte_at(file, 0) == '{' && !has_lines(file)) {
		file->shape = SHAPE_OBJECTS;
	}
}

/* The length of the value that begins at `start`: to the bracket that closes its first, or to what cannot be of a number or word. At most
 * one more than the longest text. */
static size_t value_length(struct event_file *file)
{
	size_t length = 0;
	uint64_t depth = 0;
	bool is_string = false;
	for (; length <= file->text_max && has_byte(file, length); length++) {
		char byte = byte_at(file, length);
		if (is_string) {
			if (byte == '\\')
				length++;
			else if (byte == '"')
				is_string = false;
		} else if (byte == '"') {
			is_string = true;
		} else if (byte == '{' || byte == '[') {
			depth++;
		} else if (byte == '}' || byte == ']') {
			if (depth <= 1)
				return length + depth;
			depth--;
		} else if (depth == 0 && (is_blank(byte) || byte == ',')) {
			return length;
		}
	}
	size_t available = file->length - file->start;
	return length < available ? length : available;
}

static enum event_file_result tell(struct event_file *file, const char *what, bool is_over, struct file_fault *ret_fault)
{
	*ret_fault = (struct file_fault){.what = what, .place = file->place};
	file->is_over = is_over;
	return EVENT_FILE_FAULT;
}

static enum event_file_result end(struct event_file *file)
{
	file->is_over = true;
	if (file->is_out_of_memory)
		return EVENT_FILE_NO_MEMORY;
	return file->is_unreadable ? EVENT_FILE_UNREADABLE : EVENT_FILE_END;
}

/* Hands out the next `length` bytes. The window stays as it is until the next call. */
static enum event_file_result give(struct event_file *file, size_t length, struct event_text *ret_event)
{
	assert(length > 0 && length <= file->text_max);
	struct slice text = {.data = file->data + file->start, .length = length};
	struct file_place place = file->place;
	take(file, length);
	while (is_blank(text.data[text.length - 1]))
		text.length--;
	*ret_event = (struct event_text){.text = text, .place = place};
	return EVENT_FILE_EVENT;
}

static enum event_file_result next_line(struct event_file *file, struct event_text *ret_event, struct file_fault *ret_fault)
{
	if (!skip_blanks(file))
		return end(file);
	size_t length = line_length(file, 0);
	if (length <= file->text_max)
		return file->is_unreadable || file->is_out_of_memory ? end(file) : give(file, length, ret_event);
	enum event_file_result result = tell(file, "the event is too long", false, ret_fault);
	while (has_byte(file, 0) && byte_at(file, 0) != '\n')
		take(file, 1);
	return result;
}

static enum event_file_result next_value(struct event_file *file, struct event_text *ret_event, struct file_fault *ret_fault)
{
	size_t length = value_length(file);
	if (file->is_unreadable || file->is_out_of_memory)
		return end(file);
	if (length > file->text_max)
		return tell(file, "the event is too long", true, ret_fault);
	if (length == 0)
		return tell(file, "a value is missing", true, ret_fault);
	return give(file, length, ret_event);
}

/* Skips the separator before the next item of an array. False: no item follows, and ret_result says why. */
static bool skip_to_item(struct event_file *file, struct file_fault *ret_fault, enum event_file_result *ret_result)
{
	static const char open[] = "the text ends inside the array";
	if (!skip_blanks(file)) {
		*ret_result = file->is_unreadable || file->is_out_of_memory ? end(file) : tell(file, open, true, ret_fault);
		return false;
	}
	char byte = byte_at(file, 0);
	if (byte == ']') {
		take(file, 1);
		*ret_result = skip_blanks(file) ? tell(file, "there is more behind the array", true, ret_fault) : end(file);
		return false;
	}
	if (!file->has_items) {
		file->has_items = true;
		return true;
	}
	if (byte != ',') {
		*ret_result = tell(file, "a comma or a closing bracket is missing", true, ret_fault);
		return false;
	}
	take(file, 1);
	bool is_there = skip_blanks(file);
	if (!is_there)
		*ret_result = file->is_unreadable || file->is_out_of_memory ? end(file) : tell(file, open, true, ret_fault);
	return is_there;
}

enum event_file_result event_file_next(struct event_file *file, struct event_text *ret_event, struct file_fault *ret_fault)
{
	assert(file != NULL && ret_event != NULL && ret_fault != NULL);
	if (file->is_over)
		return EVENT_FILE_END;
	if (file->shape == SHAPE_UNKNOWN)
		find_shape(file);
	enum event_file_result result;
	switch (file->shape) {
	case SHAPE_ARRAY:
		return skip_to_item(file, ret_fault, &result) ? next_value(file, ret_event, ret_fault) : result;
	case SHAPE_OBJECTS:
		return skip_blanks(file) ? next_value(file, ret_event, ret_fault) : end(file);
	default:
		return next_line(file, ret_event, ret_fault);
	}
}

struct file_place event_text_place(const struct event_text *event, size_t offset)
{
	assert(event != NULL && offset <= event->text.length);
	struct file_place place = event->place;
	for (size_t i = 0; i < offset; i++) {
		place.column++;
		if (event->text.data[i] == '\n')
			place = (struct file_place){.line = place.line + 1, .column = 1};
	}
	return place;
}
