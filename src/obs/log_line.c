/* log_line.c: see log_line.h. Both forms write field by field, and take back a field that does not fit. */
#include "obs/log_line.h"

#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/time.h"

#define MESSAGE_MAX 256 /* bytes; even when each is escaped the line has room for it */

static struct slice cut(struct slice text, size_t maximum)
{
	return (struct slice){.data = text.data, .length = text.length < maximum ? text.length : maximum};
}

static void write_json_field(struct json_writer *writer, const struct log_field *field)
{
	switch (field->kind) {
	case LOG_FIELD_STRING:
		json_writer_string(writer, field->name, cut(field->string, LOG_STRING_MAX));
		break;
	case LOG_FIELD_UINT:
		json_writer_uint(writer, field->name, field->uint_value);
		break;
	case LOG_FIELD_INT:
		json_writer_int(writer, field->name, field->int_value);
		break;
	case LOG_FIELD_DOUBLE:
		json_writer_double(writer, field->name, field->double_value);
		break;
	case LOG_FIELD_BOOL:
		json_writer_bool(writer, field->name, field->bool_value);
		break;
	case LOG_FIELD_UUID:
		json_writer_uuid(writer, field->name, field->uuid);
		break;
	}
}

size_t log_line_as_json(const struct log_line *line, char *text)
{
	static const char cut_end[] = ",\"truncated\":true}\n";
	const size_t room = LOG_LINE_MAX - sizeof cut_end;
	struct buffer buffer = {.data = text, .capacity = room, .maximum = room};
	struct json_writer writer = json_writer_on(&buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_time(&writer, "time", line->time_ms);
	json_writer_string(&writer, "level", slice_of(line->level_name));
	json_writer_string(&writer, "message", cut(slice_of(line->message), MESSAGE_MAX));
	assert(!buffer.failed);

	bool is_cut = false;
	for (uint32_t i = 0; i < line->count; i++) {
		size_t length = buffer.length;
		write_json_field(&writer, &line->fields[i]);
		if (buffer.failed) { /* as if it had not been tried: the next one needs its comma in either case */
			buffer.failed = false;
			buffer.length = length;
			is_cut = true;
		}
	}
	const char *end = is_cut ? cut_end : "}\n";
	memcpy(text + buffer.length, end, strlen(end));
	return buffer.length + strlen(end);
}

/* Whether a reader sees where the value ends, and no terminal takes it for a command. */
static bool is_plain(struct slice value)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char byte = (unsigned char)value.data[i];
		if (byte <= ' ' || byte == '"' || byte == '=' || byte >= 0x7f)
			return false;
	}
	return value.length > 0;
}

/* Quoted, with controls as \xNN: also those that are beyond ASCII. */
static void write_quoted(struct buffer *buffer, struct slice value)
{
	buffer_append_byte(buffer, '"');
	for (size_t i = 0; i < value.length; i++) {
		unsigned char byte = (unsigned char)value.data[i];
		bool is_second_control = byte == 0xc2 && i + 1 < value.length && (unsigned char)value.data[i + 1] < 0xa0;
		if (is_second_control)
			byte = (unsigned char)value.data[++i];
		if (byte == '"' || byte == '\\')
			buffer_append_format(buffer, "\\%c", byte);
		else if (byte == '\n')
			buffer_append_string(buffer, "\\n");
		else if (byte < ' ' || byte == 0x7f || is_second_control)
			buffer_append_format(buffer, "\\x%02x", byte);
		else
			buffer_append_byte(buffer, value.data[i]);
	}
	buffer_append_byte(buffer, '"');
}

static void write_text_value(struct buffer *buffer, const struct log_field *field)
{
	struct slice string = cut(field->string, field->kind == LOG_FIELD_STRING ? LOG_STRING_MAX : 0);
	char id[UUID_TEXT_LENGTH + 1];
	switch (field->kind) {
	case LOG_FIELD_STRING:
		if (is_plain(string))
			buffer_append_slice(buffer, string);
		else
			write_quoted(buffer, string);
		break;
	case LOG_FIELD_UINT:
		buffer_append_format(buffer, "%llu", (unsigned long long)field->uint_value);
		break;
	case LOG_FIELD_INT:
		buffer_append_int(buffer, field->int_value);
		break;
	case LOG_FIELD_DOUBLE:
		buffer_append_format(buffer, "%.3f", field->double_value);
		break;
	case LOG_FIELD_BOOL:
		buffer_append_string(buffer, field->bool_value ? "true" : "false");
		break;
	case LOG_FIELD_UUID:
		uuid_format(field->uuid, id);
		buffer_append_string(buffer, id);
		break;
	}
}

#define COLOUR_FAINT "\x1b[2m"
#define COLOUR_END "\x1b[0m"

size_t log_line_as_text(const struct log_line *line, bool is_in_colour, char *text)
{
	static const char *const colours[] = {
		[LOG_DEBUG] = "\x1b[36m", [LOG_INFO] = "\x1b[32m", [LOG_WARN] = "\x1b[33m", [LOG_ERROR] = "\x1b[1;31m"};
	static const char cut_end[] = " …\n";
	const size_t room = LOG_LINE_MAX - sizeof cut_end;
	struct buffer buffer = {.data = text, .capacity = room, .maximum = room};
	const char *faint = is_in_colour ? COLOUR_FAINT : "";
	const char *end = is_in_colour ? COLOUR_END : "";
	char time[TIME_TEXT_LENGTH + 1];
	time_format(line->time_ms, time);
	struct slice message = cut(slice_of(line->message), MESSAGE_MAX);
	assert(line->level < ARRAY_LENGTH(colours));
	buffer_append_format(&buffer, "%s%s%s %s%-5s%s %.*s", faint, time, end, is_in_colour ? colours[line->level] : "", line->level_name,
	                     end, (int)message.length, message.data);
	assert(!buffer.failed);

	bool is_cut = false;
	for (uint32_t i = 0; i < line->count; i++) {
		size_t length = buffer.length;
		buffer_append_format(&buffer, "%s%s%s=%s", i == 0 ? "  " : " ", faint, line->fields[i].name, end);
		write_text_value(&buffer, &line->fields[i]);
		if (buffer.failed) {
			buffer.failed = false;
			buffer.length = length;
			is_cut = true;
		}
	}
	const char *line_end = is_cut ? cut_end : "\n";
	memcpy(text + buffer.length, line_end, strlen(line_end));
	return buffer.length + strlen(line_end);
}
