/* response.c: finds the end of the head first, then reads it in one go; the body is counted, not looked at. */
#include "bench/response.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"

#define CHUNK_LINE_MAX 256

/* The head's framing of the body. */
struct framing {
	bool has_length;
	bool is_chunked;
	size_t length;
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool equal_ignoring_case(struct slice text, struct slice lower)
{
	return text.length == lower.length && strncasecmp(text.data, lower.data, text.length) == 0;
}

/* Takes a line off `rest`, without its CRLF. False: none there, or it holds a bare CR, LF or NUL. */
static bool take_line(struct slice *rest, struct slice *ret_line)
{
	const char *end = memmem(rest->data, rest->length, "\r\n", 2);
	if (end == NULL)
		return false;
	struct slice line = {.data = rest->data, .length = (size_t)(end - rest->data)};
	if (memchr(line.data, '\n', line.length) != NULL || memchr(line.data, '\r', line.length) != NULL ||
	    memchr(line.data, '\0', line.length) != NULL)
		return false;
	rest->data += line.length + 2;
	rest->length -= line.length + 2;
	*ret_line = line;
	return true;
}

/* "HTTP/1.1 201 Created"; the reason may be empty, the space before it may not. */
static bool read_status_line(struct slice line, struct response *response)
{
	if (line.length < 13 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ' || line.data[12] != ' ')
		return false;
	uint64_t status;
	if (!decimal_parse((struct slice){.data = line.data + 9, .length = 3}, 599, &status) || status < 200)
		return false;
	if (line.data[7] != '0' && line.data[7] != '1')
		return false;
	response->closes = line.data[7] == '0';
	response->status = (uint16_t)status;
	return true;
}

static bool read_header_value(struct slice name, struct slice value, struct response *response, struct framing *framing)
{
	uint64_t number;
	if (equal_ignoring_case(name, SLICE("content-length"))) {
		if (!decimal_parse(value, RESPONSE_BODY_MAX, &number) || (framing->has_length && framing->length != number))
			return false;
		framing->has_length = true;
		framing->length = number;
	} else if (equal_ignoring_case(name, SLICE("transfer-encoding"))) {
		if (framing->is_chunked || !equal_ignoring_case(value, SLICE("chunked")))
			return false;
		framing->is_chunked = true;
	} else if (equal_ignoring_case(name, SLICE("connection"))) {
		if (equal_ignoring_case(value, SLICE("close")))
			response->closes = true;
		else if (equal_ignoring_case(value, SLICE("keep-alive")))
			response->closes = false;
	} else if (equal_ignoring_case(name, SLICE("retry-after"))) {
		if (!decimal_parse(value, UINT32_MAX, &number))
			return false;
		response->has_retry_after = true;
		response->retry_after_s = (uint32_t)number;
	} else if (equal_ignoring_case(name, SLICE("idempotency-replayed"))) {
		response->is_replayed = equal_ignoring_case(value, SLICE("true"));
	}
	return true;
}

/* RFC 9110, section 5.6.2. */
static bool is_token_byte(char byte)
{
	char lower = (char)(byte | 0x20);
	return (lower >= 'a' && lower <= 'z') || byte == '-' || is_digit(byte) || (byte != '\0' && strchr("!#$%&'*+.^_`|~", byte) != NULL);
}

static bool is_token(struct slice name)
{
	for (size_t i = 0; i < name.length; i++) {
		if (!is_token_byte(name.data[i]))
			return false;
	}
	return name.length > 0;
}

static bool read_header(struct slice line, struct response *response, struct framing *framing)
{
	const char *colon = memchr(line.data, ':', line.length);
	if (colon == NULL)
		return false;
	struct slice name = {.data = line.data, .length = (size_t)(colon - line.data)};
	struct slice value = {.data = colon + 1, .length = line.length - name.length - 1};
	while (value.length > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
		value.data++;
		value.length--;
	}
	while (value.length > 0 && (value.data[value.length - 1] == ' ' || value.data[value.length - 1] == '\t'))
		value.length--;
	return is_token(name) && read_header_value(name, value, response, framing);
}

/* `head` ends with the empty line. */
static bool read_head(struct response_parser *parser, struct slice head)
{
	assert(head.length >= 4);

	struct response response = {0};
	struct framing framing = {0};
	struct slice line;
	if (!take_line(&head, &line) || !read_status_line(line, &response))
		return false;
	while (take_line(&head, &line) && line.length > 0) {
		if (!read_header(line, &response, &framing))
			return false;
	}
	if (head.length > 0)
		return false;
	bool has_no_body = response.status == 204 || response.status == 304;
	if (!has_no_body && framing.has_length == framing.is_chunked)
		return false; /* both, or neither: the end of the body would be a guess */
	parser->response = response;
	parser->phase = framing.is_chunked && !has_no_body ? BODY_CHUNK_SIZE : BODY_SIZED;
	parser->remaining = has_no_body ? 0 : framing.length;
	return true;
}

static enum response_state parse_head(struct response_parser *parser, const char *data, size_t length)
{
	/* The empty line may begin in the last three bytes that were looked at before. */
	size_t from = parser->position < 3 ? 0 : parser->position - 3;
	const char *end = memmem(data + from, length - from, "\r\n\r\n", 4);
	size_t head_length = end == NULL ? length : (size_t)(end - data) + 4;
	if (head_length > RESPONSE_HEAD_MAX)
		return RESPONSE_BROKEN;
	parser->position = head_length;
	if (end == NULL)
		return RESPONSE_INCOMPLETE;
	if (!read_head(parser, (struct slice){.data = data, .length = head_length}))
		return RESPONSE_BROKEN;
	parser->body_start = head_length;
	return RESPONSE_COMPLETE;
}

/* Moves what is there of the body's or the chunk's data to the end of the body. True: all of it came. */
static bool take_data(struct response_parser *parser, char *data, size_t length)
{
	size_t available = length - parser->position;
	size_t taken = available < parser->remaining ? available : parser->remaining;
	char *end = data + parser->body_start + parser->body_length;
	if (end != data + parser->position)
		memmove(end, data + parser->position, taken);
	parser->body_length += taken;
	parser->position += taken;
	parser->remaining -= taken;
	return parser->remaining == 0;
}

/* "1a" or "1a;extension"; zero is the last chunk. */
static bool read_chunk_size(struct slice line, size_t *ret_size)
{
	size_t size = 0;
	size_t i = 0;
	for (; i < line.length && line.data[i] != ';'; i++) {
		char lower = (char)(line.data[i] | 0x20);
		if (is_digit(line.data[i]))
			size = size * 16 + (size_t)(line.data[i] - '0');
		else if (lower >= 'a' && lower <= 'f')
			size = size * 16 + (size_t)(lower - 'a') + 10;
		else
			return false;
		if (size > RESPONSE_BODY_MAX)
			return false;
	}
	if (i == 0)
		return false;
	*ret_size = size;
	return true;
}

/* One line of the chunked framing: a size, the end of a chunk's data, or a trailer field, which is passed over. COMPLETE: go on. */
static enum response_state take_chunk_line(struct response_parser *parser, const char *data, size_t length, struct slice *ret_line)
{
	struct slice rest = {.data = data + parser->position, .length = length - parser->position};
	if (!take_line(&rest, ret_line)) {
		bool may_still_end = rest.length < CHUNK_LINE_MAX && memmem(rest.data, rest.length, "\r\n", 2) == NULL;
		return may_still_end ? RESPONSE_INCOMPLETE : RESPONSE_BROKEN;
	}
	parser->position = (size_t)(rest.data - data);
	return RESPONSE_COMPLETE;
}

static enum response_state parse_chunks(struct response_parser *parser, char *data, size_t length)
{
	for (;;) {
		if (parser->phase == BODY_CHUNK_DATA && !take_data(parser, data, length))
			return RESPONSE_INCOMPLETE;
		struct slice line;
		enum response_state state = take_chunk_line(parser, data, length, &line);
		if (state != RESPONSE_COMPLETE)
			return state;
		if (parser->phase == BODY_CHUNK_DATA) { /* the CRLF behind the data */
			if (line.length > 0)
				return RESPONSE_BROKEN;
			parser->phase = BODY_CHUNK_SIZE;
		} else if (parser->phase == BODY_CHUNK_SIZE) {
			if (!read_chunk_size(line, &parser->remaining) || parser->body_length + parser->remaining > RESPONSE_BODY_MAX)
				return RESPONSE_BROKEN;
			parser->phase = parser->remaining > 0 ? BODY_CHUNK_DATA : BODY_TRAILER;
		} else if (line.length == 0) {
			return RESPONSE_COMPLETE;
		}
	}
}

enum response_state response_parse(struct response_parser *parser, char *data, size_t length, struct response *ret_response)
{
	assert(parser != NULL && ret_response != NULL);
	assert(length >= parser->position);

	if (parser->body_start == 0) {
		enum response_state state = parse_head(parser, data, length);
		if (state != RESPONSE_COMPLETE)
			return state;
	}
	enum response_state state;
	if (parser->phase == BODY_SIZED)
		state = take_data(parser, data, length) ? RESPONSE_COMPLETE : RESPONSE_INCOMPLETE;
	else
		state = parse_chunks(parser, data, length);
	if (state != RESPONSE_COMPLETE)
		return state;
	*ret_response = parser->response;
	ret_response->body = (struct slice){.data = data + parser->body_start, .length = parser->body_length};
	ret_response->length = parser->position;
	*parser = (struct response_parser){0};
	return RESPONSE_COMPLETE;
}
