/* head.c: http_head_scan finds lines and refuses what no line may hold; http_head_parse reads the lines. */
#include "http/head.h"

#include <assert.h>

#include "http/field.h"

#define METHOD_LENGTH_MAX 32
#define VERSION_LENGTH 8 /* HTTP/1.1 */

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f) /* char may be signed: bytes past 0x7f are below 0 then */
			return false;
	}
	return true;
}

/* Judges a request line by as much of it as has arrived, so that garbage is answered and not waited for. The leftmost violation decides:
 * a line whose beginning is refused gets the same error, in whatever pieces it arrives. */
static struct http_refusal check_begun_line(struct slice line, const struct http_head_limits *limits)
{
	if (line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--; /* the line may end here */
	if (line.length == 0)
		return HTTP_ACCEPTED;
	struct slice method = field_cut(&line, ' ');
	if (!field_is_token(method) || method.length > METHOD_LENGTH_MAX)
		return http_refuse(ERR_BAD_REQUEST, "The request line does not begin with a method.");
	struct slice target = field_cut(&line, ' ');
	bool is_too_long = target.length > limits->target_max;
	if (!is_printable((struct slice){.data = target.data, .length = is_too_long ? limits->target_max : target.length}))
		return http_refuse(ERR_BAD_REQUEST, "The request line has no acceptable target.");
	if (is_too_long)
		return http_refuse(ERR_URI_TOO_LONG, NULL);
	if (line.length > VERSION_LENGTH)
		return http_refuse(ERR_BAD_REQUEST, "The version is neither HTTP/1.1 nor HTTP/1.0.");
	return HTTP_ACCEPTED;
}

/* method SP target SP HTTP/1.x */
static struct slice split_request_line(struct slice line, struct slice *ret_method, struct slice *ret_target)
{
	*ret_method = field_cut(&line, ' ');
	*ret_target = field_cut(&line, ' ');
	return line;
}

static struct http_refusal check_request_line(struct slice line, const struct http_head_limits *limits)
{
	struct slice method, target;
	struct http_refusal refusal = check_begun_line(line, limits);
	if (refusal.error != OK)
		return refusal;
	struct slice version = split_request_line(line, &method, &target);
	if (target.length == 0)
		return http_refuse(ERR_BAD_REQUEST, "The request line has no acceptable target.");
	if (!slice_equal(version, SLICE("HTTP/1.1")) && !slice_equal(version, SLICE("HTTP/1.0")))
		return http_refuse(ERR_BAD_REQUEST, "The version is neither HTTP/1.1 nor HTTP/1.0.");
	return HTTP_ACCEPTED;
}

/* Called with scan->position behind a line feed. */
static struct http_refusal end_line(struct http_head_scan *scan, struct slice input, const struct http_head_limits *limits, size_t *ret_end)
{
	size_t line_feed = scan->position - 1;
	if (line_feed == scan->line || input.data[line_feed - 1] != '\r')
		return http_refuse(ERR_BAD_REQUEST, "A line does not end with CR LF.");
	struct slice line = {.data = input.data + scan->line, .length = line_feed - 1 - scan->line};
	scan->line = scan->position;
	if (scan->has_request_line) {
		if (line.length == 0)
			*ret_end = scan->position;
		return HTTP_ACCEPTED;
	}
	if (line.length == 0) {
		scan->start = scan->position;
		return HTTP_ACCEPTED;
	}
	struct http_refusal refusal = check_request_line(line, limits);
	scan->has_request_line = refusal.error == OK;
	return refusal;
}

struct http_refusal http_head_scan(struct http_head_scan *scan, struct slice input, const struct http_head_limits *limits, size_t *ret_end)
{
	assert(scan->position <= input.length);
	assert(scan->start <= scan->line && scan->line <= scan->position);

	size_t end = 0;
	size_t stop = input.length < limits->head_max ? input.length : limits->head_max;
	struct http_refusal refusal = HTTP_ACCEPTED;
	while (scan->position < stop && end == 0 && refusal.error == OK) {
		unsigned char byte = (unsigned char)input.data[scan->position];
		bool follows_return = scan->position > scan->line && input.data[scan->position - 1] == '\r';
		scan->position++;
		if (byte == '\n')
			refusal = end_line(scan, input, limits, &end);
		else if (follows_return)
			refusal = http_refuse(ERR_BAD_REQUEST, "A carriage return stands alone.");
		else if ((byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f)
			refusal = http_refuse(ERR_BAD_REQUEST, "The head holds a control character.");
	}
	if (!scan->has_request_line) {
		struct slice line = {.data = input.data + scan->line, .length = scan->position - scan->line};
		struct http_refusal earlier = check_begun_line(line, limits);
		refusal = earlier.error == OK ? refusal : earlier;
	}
	if (refusal.error == OK && end == 0 && stop < input.length)
		return http_refuse(ERR_HEADERS_TOO_LARGE, NULL);
	if (refusal.error == OK)
		*ret_end = end;
	return refusal;
}

/* Fields that a request may have once: of two, a proxy in front might believe the other one. */
enum single_field {
	FIELD_HOST,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_CONTENT_TYPE,
	FIELD_AUTHORIZATION,
	FIELD_IDEMPOTENCY_KEY,
	FIELD_SIGNATURE,
	SINGLE_FIELD_COUNT,
};

static const struct {
	struct slice name;
	const char *detail;
} single_fields[SINGLE_FIELD_COUNT] = {
	[FIELD_HOST] = {{"host", 4}, "Host is given more than once."},
	[FIELD_CONTENT_LENGTH] = {{"content-length", 14}, "Content-Length is given more than once."},
	[FIELD_TRANSFER_ENCODING] = {{"transfer-encoding", 17}, "Transfer-Encoding is given more than once."},
	[FIELD_CONTENT_TYPE] = {{"content-type", 12}, "Content-Type is given more than once."},
	[FIELD_AUTHORIZATION] = {{"authorization", 13}, "Authorization is given more than once."},
	[FIELD_IDEMPOTENCY_KEY] = {{"idempotency-key", 15}, "Idempotency-Key is given more than once."},
	[FIELD_SIGNATURE] = {{"tro-signature", 13}, "TRO-Signature is given more than once."},
};

/* The fields that concern the framing of the request. */
struct field_summary {
	struct slice singles[SINGLE_FIELD_COUNT]; /* data NULL: not given */
	bool closes;
	bool keeps_alive;
	bool expects_continue;
};

static struct http_refusal note_field(struct field_summary *summary, const struct http_header *header)
{
	for (size_t i = 0; i < SINGLE_FIELD_COUNT; i++) {
		if (!field_equal(header->name, single_fields[i].name))
			continue;
		if (summary->singles[i].data != NULL)
			return http_refuse(ERR_BAD_REQUEST, single_fields[i].detail);
		summary->singles[i] = header->value;
		return HTTP_ACCEPTED;
	}
	if (field_equal(header->name, SLICE("connection"))) {
		summary->closes |= field_list_has(header->value, SLICE("close"));
		summary->keeps_alive |= field_list_has(header->value, SLICE("keep-alive"));
	} else if (field_equal(header->name, SLICE("expect"))) {
		summary->expects_continue |= field_equal(header->value, SLICE("100-continue"));
	}
	return HTTP_ACCEPTED;
}

/* name ":" OWS value OWS */
static struct http_refusal parse_field(struct slice line, struct http_header *ret_header)
{
	if (line.data[0] == ' ' || line.data[0] == '\t')
		return http_refuse(ERR_BAD_REQUEST, "A header field is folded over several lines.");
	const char *colon = memchr(line.data, ':', line.length);
	if (colon == NULL)
		return http_refuse(ERR_BAD_REQUEST, "A header field has no colon.");
	struct slice name = {.data = line.data, .length = (size_t)(colon - line.data)};
	if (!field_is_token(name))
		return http_refuse(ERR_BAD_REQUEST, "The name of a header field holds something else than a token.");
	struct slice value = {.data = colon + 1, .length = line.length - name.length - 1};
	*ret_header = (struct http_header){.name = name, .value = slice_trim(value)};
	return HTTP_ACCEPTED;
}

static bool host_is_acceptable(struct slice host)
{
	for (size_t i = 0; i < host.length; i++) {
		char character = host.data[i];
		bool is_letter = (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
		bool is_digit = character >= '0' && character <= '9';
		if (!is_letter && !is_digit && strchr("-._~%:[]", character) == NULL)
			return false;
	}
	return true;
}

static bool parse_content_length(struct slice text, uint64_t *ret_length)
{
	uint64_t length = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(length, 10, &length) || __builtin_add_overflow(length, (uint64_t)(text.data[i] - '0'), &length))
			return false;
	}
	if (text.length == 0)
		return false;
	*ret_length = length;
	return true;
}

static struct http_refusal read_framing(const struct field_summary *summary, struct http_head *head)
{
	struct slice content_length = summary->singles[FIELD_CONTENT_LENGTH];
	struct slice transfer_encoding = summary->singles[FIELD_TRANSFER_ENCODING];
	if (content_length.data != NULL && transfer_encoding.data != NULL)
		return http_refuse(ERR_BAD_REQUEST, "Both Content-Length and Transfer-Encoding are given.");
	if (content_length.data != NULL) {
		if (!parse_content_length(content_length, &head->content_length))
			return http_refuse(ERR_BAD_REQUEST, "Content-Length is not a number of bytes.");
		head->framing = HTTP_BODY_LENGTH;
	}
	if (transfer_encoding.data != NULL) {
		if (head->is_version_1_0 || !field_equal(transfer_encoding, SLICE("chunked")))
			return http_refuse(ERR_BAD_REQUEST, "The only transfer coding here is chunked, in HTTP/1.1.");
		head->framing = HTTP_BODY_CHUNKED;
	}
	return HTTP_ACCEPTED;
}

static struct http_refusal read_summary(const struct field_summary *summary, struct http_head *head)
{
	struct slice host = summary->singles[FIELD_HOST];
	if (host.data == NULL && !head->is_version_1_0)
		return http_refuse(ERR_BAD_REQUEST, "Host is missing.");
	if (!host_is_acceptable(host))
		return http_refuse(ERR_BAD_REQUEST, "Host is not a host.");
	head->is_persistent = !summary->closes && (!head->is_version_1_0 || summary->keeps_alive);
	head->expects_continue = summary->expects_continue && !head->is_version_1_0;
	return read_framing(summary, head);
}

void http_head_request_line(const struct http_head_scan *scan, struct slice input, struct slice *ret_method, struct slice *ret_target)
{
	assert(scan->has_request_line && scan->start < input.length);

	struct slice rest = {.data = input.data + scan->start, .length = input.length - scan->start};
	(void)split_request_line(rest, ret_method, ret_target);
}

/* The next line, without its CR LF. http_head_scan has seen to it that there is one. */
static struct slice take_line(struct slice *rest)
{
	const char *end = memchr(rest->data, '\n', rest->length);
	assert(end > rest->data && end[-1] == '\r');
	struct slice line = {.data = rest->data, .length = (size_t)(end - rest->data) - 1};
	rest->data += line.length + 2;
	rest->length -= line.length + 2;
	return line;
}

struct http_refusal http_head_parse(struct slice input, struct http_header headers[static HTTP_HEADERS_MAX], struct http_head *ret_head)
{
	assert(input.length >= 4 && memcmp(input.data + input.length - 4, "\r\n\r\n", 4) == 0);

	struct field_summary summary = {0};
	struct http_head head = {.framing = HTTP_BODY_NONE, .headers = headers};
	struct http_refusal refusal = HTTP_ACCEPTED;
	struct slice version = split_request_line(take_line(&input), &head.method, &head.target); /* which http_head_scan has checked */
	head.is_version_1_0 = slice_equal(version, SLICE("HTTP/1.0"));
	struct slice line = {0};
	while (refusal.error == OK && (line = take_line(&input)).length > 0) {
		if (head.header_count == HTTP_HEADERS_MAX)
			return http_refuse(ERR_HEADERS_TOO_LARGE, "A request may have 100 header fields.");
		struct http_header *header = &headers[head.header_count++];
		refusal = parse_field(line, header);
		if (refusal.error == OK)
			refusal = note_field(&summary, header);
	}
	if (refusal.error == OK)
		refusal = read_summary(&summary, &head);
	if (refusal.error == OK)
		*ret_head = head;
	return refusal;
}
