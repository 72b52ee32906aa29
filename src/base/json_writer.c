/* json_writer.c: JSON text, the clean stretches of a string copied whole. */
#include "base/json_writer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/hex.h"
#include "base/time.h"
#include "base/utf8.h"

/* Bytes that a string takes as they are: all of ASCII but the quote, the backslash and the control characters. */
static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* True when each of the eight bytes is plain: the high bit of a byte that is not comes out set. */
static bool are_plain(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;
	memcpy(&word, text, sizeof word);
	uint64_t quote = word ^ ones * '"';
	uint64_t backslash = word ^ ones * '\\';
	/* x - 1 borrows into the high bit of a byte that is zero, x - 0x20 of one below 0x20; bytes past 0x7f have it already. */
	uint64_t suspects = (quote - ones) | (backslash - ones) | (word - ones * 0x20) | word;
	return (suspects & ones * 0x80) == 0;
}

/* Bytes at the front that can be copied as they are, whole characters only. */
static size_t clean_length(struct slice text)
{
	size_t i = 0;
	while (i < text.length) {
		if (text.length - i >= 8 && are_plain(text.data + i)) {
			i += 8;
		} else if (is_plain((unsigned char)text.data[i])) {
			i++;
		} else {
			size_t length = utf8_character_length(text.data + i, text.length - i);
			if (length < 2) /* to be escaped, or no character at all */
				break;
			i += length;
		}
	}
	return i;
}

static void append_escaped(struct buffer *buffer, unsigned char byte)
{
	static const char short_forms[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};

	if (byte >= 0x80) {
		buffer_append(buffer, "\xef\xbf\xbd", 3); /* U+FFFD for a byte that is not UTF-8 */
		return;
	}
	if (short_forms[byte] != 0) {
		const char escape[2] = {'\\', short_forms[byte]};
		buffer_append(buffer, escape, sizeof escape);
		return;
	}
	char escape[6] = "\\u00";
	hex_encode(&byte, 1, &escape[4]);
	buffer_append(buffer, escape, sizeof escape);
}

static void append_string(struct buffer *buffer, struct slice text)
{
	buffer_append_byte(buffer, '"');
	while (text.length > 0) {
		size_t clean = clean_length(text);
		buffer_append(buffer, text.data, clean);
		if (clean == text.length)
			break;
		append_escaped(buffer, (unsigned char)text.data[clean]);
		text = (struct slice){.data = text.data + clean + 1, .length = text.length - clean - 1};
	}
	buffer_append_byte(buffer, '"');
}

/* The comma and the key that come before a value. */
static void before_value(struct json_writer *writer, const char *key)
{
	assert(writer != NULL);
	assert(writer->buffer != NULL);

	if (writer->needs_comma)
		buffer_append_byte(writer->buffer, ',');
	writer->needs_comma = true;
	if (key == NULL)
		return;
	append_string(writer->buffer, slice_of(key));
	buffer_append_byte(writer->buffer, ':');
}

static void begin(struct json_writer *writer, const char *key, char bracket)
{
	before_value(writer, key);
	buffer_append_byte(writer->buffer, bracket);
	writer->needs_comma = false;
}

static void end(struct json_writer *writer, char bracket)
{
	buffer_append_byte(writer->buffer, bracket);
	writer->needs_comma = true;
}

void json_writer_object_begin(struct json_writer *writer, const char *key)
{
	begin(writer, key, '{');
}

void json_writer_object_end(struct json_writer *writer)
{
	end(writer, '}');
}

void json_writer_array_begin(struct json_writer *writer, const char *key)
{
	begin(writer, key, '[');
}

void json_writer_array_end(struct json_writer *writer)
{
	end(writer, ']');
}

void json_writer_string(struct json_writer *writer, const char *key, struct slice value)
{
	assert(value.data != NULL || value.length == 0);

	before_value(writer, key);
	append_string(writer->buffer, value);
}

void json_writer_uint(struct json_writer *writer, const char *key, uint64_t value)
{
	before_value(writer, key);
	buffer_append_uint(writer->buffer, value);
}

void json_writer_int(struct json_writer *writer, const char *key, int64_t value)
{
	before_value(writer, key);
	buffer_append_int(writer->buffer, value);
}

void json_writer_double(struct json_writer *writer, const char *key, double value)
{
	before_value(writer, key);
	if (isfinite(value))
		buffer_append_format(writer->buffer, "%.3f", value);
	else
		buffer_append_string(writer->buffer, "null");
}

void json_writer_bool(struct json_writer *writer, const char *key, bool value)
{
	before_value(writer, key);
	buffer_append_string(writer->buffer, value ? "true" : "false");
}

void json_writer_null(struct json_writer *writer, const char *key)
{
	before_value(writer, key);
	buffer_append_string(writer->buffer, "null");
}

void json_writer_string_or_null(struct json_writer *writer, const char *key, struct slice value)
{
	if (slice_is_empty(value))
		json_writer_null(writer, key);
	else
		json_writer_string(writer, key, value);
}

void json_writer_uuid(struct json_writer *writer, const char *key, const struct uuid *value)
{
	assert(value != NULL);

	before_value(writer, key);
	char text[1 + UUID_TEXT_LENGTH + 1] = "\"";
	uuid_format(value, text + 1);
	text[1 + UUID_TEXT_LENGTH] = '"'; /* over the zero */
	buffer_append(writer->buffer, text, sizeof text);
}

void json_writer_time(struct json_writer *writer, const char *key, uint64_t unix_ms)
{
	before_value(writer, key);
	char text[1 + TIME_TEXT_LENGTH + 1] = "\"";
	time_format(unix_ms, text + 1);
	text[1 + TIME_TEXT_LENGTH] = '"'; /* over the zero */
	buffer_append(writer->buffer, text, sizeof text);
}

void json_writer_raw(struct json_writer *writer, const char *key, struct slice json)
{
	before_value(writer, key);
	buffer_append_slice(writer->buffer, json);
}
