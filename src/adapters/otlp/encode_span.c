/* encode_span.c: lengths first, because each message in a message has its own before it; then one pass. */
#include "adapters/otlp/encode_span.h"

#include <assert.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define VARINT_MAX 10
#define HEAD_MAX (1 + VARINT_MAX)              /* a field's number, and its length or value */
#define FIXED_MAX (12 * HEAD_MAX + 16 + 8 + 8) /* of a span, without texts, attributes and links */
#define ATTRIBUTE_MAX (4 * HEAD_MAX)           /* without its texts */
#define LINK_LENGTH (2 + 16 + 2 + 8 + 1 + 4)

/* The encoding of a field's value: the low bits of its number's byte. */
enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { IN_SCOPE_SPANS = 2 };
enum { SPAN_TRACE_ID = 1, SPAN_SPAN_ID, SPAN_TRACE_STATE, SPAN_PARENT_ID, SPAN_NAME, SPAN_KIND, SPAN_START, SPAN_END, SPAN_ATTRIBUTES };
enum { SPAN_LINKS = 13, SPAN_DROPPED_LINKS = 14, SPAN_STATUS = 15, SPAN_FLAGS = 16 };
enum { PAIR_KEY = 1, PAIR_VALUE = 2 };
enum { VALUE_STRING = 1, VALUE_BOOL = 2, VALUE_INT = 3 };
enum { LINK_TRACE_ID = 1, LINK_SPAN_ID = 2, LINK_FLAGS = 6 };
enum { STATUS_CODE = 3, STATUS_CODE_ERROR = 2 };

static char *put_varint(char *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (char)(value | 0x80);
	*at++ = (char)value;
	return at;
}

static size_t varint_length(uint64_t value)
{
	size_t length = 1;
	for (; value >= 0x80; value >>= 7)
		length++;
	return length;
}

static char *put_number(char *at, uint32_t field, enum wire wire)
{
	return put_varint(at, field << 3 | (uint32_t)wire);
}

static char *put_bytes(char *at, uint32_t field, const void *bytes, size_t length)
{
	at = put_varint(put_number(at, field, WIRE_BYTES), length);
	memcpy(at, bytes, length);
	return at + length;
}

/* Little-endian, `size` bytes of it. */
static char *put_fixed(char *at, uint32_t field, uint64_t value, size_t size)
{
	at = put_number(at, field, size == sizeof(uint64_t) ? WIRE_FIXED64 : WIRE_FIXED32);
	for (size_t i = 0; i < size; i++)
		*at++ = (char)(value >> (8 * i));
	return at;
}

static char *put_uint(char *at, uint32_t field, uint64_t value)
{
	return put_varint(put_number(at, field, WIRE_VARINT), value);
}

/* NULL: it is none. */
static const char *text_of(const struct span *span, const struct span_attribute *attribute)
{
	if (attribute->kind == SPAN_WORD)
		return attribute->word;
	assert(attribute->kind != SPAN_TEXT || attribute->at < span->text_length);
	return attribute->kind == SPAN_TEXT ? span->text + attribute->at : NULL;
}

static const char *name_of(const struct span *span)
{
	return span->name != NULL ? span->name : span->text + span->name_at;
}

static char *put_attribute(char *at, const struct span *span, const struct span_attribute *attribute)
{
	char value[HEAD_MAX];
	const char *text = text_of(span, attribute);
	size_t key_length = strlen(attribute->key), text_length = text == NULL ? 0 : strlen(text), value_length;
	if (text != NULL)
		value_length = 1 + varint_length(text_length) + text_length;
	else if (attribute->kind == SPAN_INT)
		value_length = (size_t)(put_uint(value, VALUE_INT, (uint64_t)attribute->number) - value);
	else
		value_length = (size_t)(put_uint(value, VALUE_BOOL, attribute->truth) - value);
	size_t length = 1 + varint_length(key_length) + key_length + 1 + varint_length(value_length) + value_length;
	at = put_varint(put_number(at, SPAN_ATTRIBUTES, WIRE_BYTES), length);
	at = put_bytes(at, PAIR_KEY, attribute->key, key_length);
	at = put_varint(put_number(at, PAIR_VALUE, WIRE_BYTES), value_length);
	if (text != NULL)
		return put_bytes(at, VALUE_STRING, text, text_length);
	memcpy(at, value, value_length);
	return at + value_length;
}

static char *put_link(char *at, const struct span_link *link)
{
	at = put_varint(put_number(at, SPAN_LINKS, WIRE_BYTES), LINK_LENGTH);
	const char *begin = at;
	at = put_bytes(at, LINK_TRACE_ID, link->trace_id, sizeof link->trace_id);
	at = put_bytes(at, LINK_SPAN_ID, link->span_id, sizeof link->span_id);
	at = put_fixed(at, LINK_FLAGS, link->flags, sizeof(uint32_t));
	assert(at - begin == LINK_LENGTH);
	return at;
}

static bool is_set(const uint8_t id[static 8])
{
	static const uint8_t zero[8] = {0};
	return memcmp(id, zero, sizeof zero) != 0;
}

static char *put_times(char *at, const struct span *span, uint64_t unix_ahead_ns)
{
	uint64_t ended_ns = span->ended_ns + unix_ahead_ns;
	uint64_t began_ns = span->began_unix_ms > 0 ? span->began_unix_ms * NS_PER_MS : span->started_ns + unix_ahead_ns;
	if (began_ns > ended_ns) /* by clocks that differ */
		began_ns = ended_ns;
	at = put_fixed(at, SPAN_START, began_ns, sizeof began_ns);
	return put_fixed(at, SPAN_END, ended_ns, sizeof ended_ns);
}

static char *put_links(char *at, const struct span *span)
{
	for (uint32_t i = 0; i < span->link_count; i++)
		at = put_link(at, &span->links[i]);
	if (is_set(span->link.span_id))
		at = put_link(at, &span->link);
	return span->links_dropped == 0 ? at : put_uint(at, SPAN_DROPPED_LINKS, span->links_dropped);
}

static char *put_fields(char *at, const struct span *span, uint64_t unix_ahead_ns)
{
	const struct trace_context *context = &span->context;
	at = put_bytes(at, SPAN_TRACE_ID, context->trace_id, sizeof context->trace_id);
	at = put_bytes(at, SPAN_SPAN_ID, context->span_id, sizeof context->span_id);
	if (span->trace_state != NULL)
		at = put_bytes(at, SPAN_TRACE_STATE, span->trace_state, strlen(span->trace_state));
	if (is_set(context->parent_id))
		at = put_bytes(at, SPAN_PARENT_ID, context->parent_id, sizeof context->parent_id);
	const char *name = name_of(span);
	at = put_bytes(at, SPAN_NAME, name, strlen(name));
	at = put_uint(at, SPAN_KIND, span->kind);
	at = put_times(at, span, unix_ahead_ns);
	for (uint32_t i = 0; i < span->attribute_count; i++)
		at = put_attribute(at, span, &span->attributes[i]);
	at = put_links(at, span);
	if (span->is_error) {
		at = put_varint(put_number(at, SPAN_STATUS, WIRE_BYTES), 2);
		at = put_uint(at, STATUS_CODE, STATUS_CODE_ERROR);
	}
	return put_fixed(at, SPAN_FLAGS, context->flags, sizeof(uint32_t));
}

/* No span is longer. */
static size_t length_limit(const struct span *span)
{
	size_t limit = FIXED_MAX + SPAN_TEXT_MAX + strlen(name_of(span)) + (span->trace_state == NULL ? 0 : strlen(span->trace_state));
	for (uint32_t i = 0; i < span->attribute_count; i++) {
		const struct span_attribute *attribute = &span->attributes[i];
		limit += ATTRIBUTE_MAX + strlen(attribute->key) + (attribute->kind == SPAN_WORD ? strlen(attribute->word) : 0);
	}
	/* An attribute may be a part of another's text. */
	limit += (size_t)span->attribute_count * (span->text_length > 0 ? SPAN_TEXT_MAX : 0);
	return limit + ((size_t)span->link_count + 1) * (LINK_LENGTH + HEAD_MAX);
}

void otlp_put_span(struct buffer *buffer, const struct span *span, uint64_t unix_ahead_ns)
{
	assert(buffer != NULL && span != NULL);
	assert(span->attribute_count <= SPAN_ATTRIBUTES_MAX && span->text_length <= SPAN_TEXT_MAX);
	size_t limit = length_limit(span);
	char *room = buffer_reserve(buffer, HEAD_MAX + limit);
	if (room == NULL)
		return;
	char *body = room + HEAD_MAX; /* its length is not known yet */
	size_t length = (size_t)(put_fields(body, span, unix_ahead_ns) - body);
	assert(length <= limit);
	char *at = put_varint(put_number(room, IN_SCOPE_SPANS, WIRE_BYTES), length);
	memmove(at, body, length);
	buffer->length += (size_t)(at - room) + length;
}
