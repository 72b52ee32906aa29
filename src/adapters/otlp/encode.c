/* encode.c: spans first, then the messages around them, which protobuf-c packs, when their length is known. */
#include "adapters/otlp/encode.h"

#include <assert.h>

#include "adapters/otlp/encode_span.h"
#include "otlp.pb-c.h"

#define SCHEMA_URL "https://opentelemetry.io/schemas/1.37.0" /* of the semantic conventions that the names of attributes are of */
#define SCOPE_NAME "tro"
#define WIRE_MESSAGE 2 /* a field with a length before it */

/* Numbers of the fields around the spans, of otlp.proto. */
enum { FIELD_RESOURCE_SPANS = 1, FIELD_SCOPE_SPANS = 2 };

static_assert((int)SPAN_INTERNAL == OTLP__SPAN__SPAN_KIND__SPAN_KIND_INTERNAL, "the numbers are OTLP's");
static_assert((int)SPAN_CONSUMER == OTLP__SPAN__SPAN_KIND__SPAN_KIND_CONSUMER, "the numbers are OTLP's");

/* Borrows: protobuf-c only reads what it packs. */
static char *text_of(const char *text)
{
	union {
		const char *borrowed;
		char *text;
	} pointer = {.borrowed = text};
	return pointer.text;
}

/* A key and its value, side by side. */
struct pair {
	Otlp__KeyValue key_value;
	Otlp__AnyValue value;
};

static void set_text(struct pair *pair, const char *key, const char *text)
{
	assert(key != NULL && text != NULL);
	otlp__key_value__init(&pair->key_value);
	otlp__any_value__init(&pair->value);
	pair->key_value.key = text_of(key);
	pair->key_value.value = &pair->value;
	pair->value.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	pair->value.string_value = text_of(text);
}

/* A field that is a message: its number and length, before the message itself. */
static void put_head(struct buffer *buffer, uint32_t field, uint64_t length)
{
	assert(field > 0 && field < 16); /* one byte with its wire type */
	buffer_append_byte(buffer, (char)(field << 3 | WIRE_MESSAGE));
	for (; length >= 0x80; length >>= 7)
		buffer_append_byte(buffer, (char)(length | 0x80));
	buffer_append_byte(buffer, (char)length);
}

static size_t head_size(uint64_t length)
{
	size_t size = 2;
	for (; length >= 0x80; length >>= 7)
		size++;
	return size;
}

static void put_message(struct buffer *buffer, const ProtobufCMessage *message, size_t size)
{
	char *room = buffer_reserve(buffer, size);
	if (room == NULL)
		return;
	size_t length = protobuf_c_message_pack(message, (uint8_t *)room);
	assert(length == size);
	buffer->length += length;
}

static bool set_source(Otlp__Resource *source, const struct otlp_resource *resource, struct arena *arena)
{
	struct pair *pairs = arena_allocate(arena, resource->count * sizeof *pairs);
	Otlp__KeyValue **list = arena_allocate(arena, resource->count * sizeof(Otlp__KeyValue *));
	if (pairs == NULL || list == NULL)
		return false;
	for (uint32_t i = 0; i < resource->count; i++) {
		set_text(&pairs[i], resource->attributes[i].key, resource->attributes[i].text);
		list[i] = &pairs[i].key_value;
	}
	source->n_attributes = resource->count;
	source->attributes = list;
	return true;
}

/* The request is one ResourceSpans with one ScopeSpans: their own fields come first, and the spans, which are packed already, behind
 * them. */
static enum error put_request(struct buffer *buffer, const struct otlp_resource *resource, struct slice spans, struct arena *arena)
{
	Otlp__ResourceSpans resource_spans = OTLP__RESOURCE_SPANS__INIT;
	Otlp__ScopeSpans scope_spans = OTLP__SCOPE_SPANS__INIT;
	Otlp__Resource source = OTLP__RESOURCE__INIT;
	Otlp__InstrumentationScope scope = OTLP__INSTRUMENTATION_SCOPE__INIT;
	arena_clear(arena);
	if (!set_source(&source, resource, arena))
		return ERR_NO_MEMORY;
	scope.name = text_of(SCOPE_NAME);
	scope.version = text_of(resource->version);
	scope_spans.scope = &scope;
	scope_spans.schema_url = resource_spans.schema_url = text_of(SCHEMA_URL);
	resource_spans.resource = &source;
	size_t of_resource = otlp__resource_spans__get_packed_size(&resource_spans);
	size_t of_scope = otlp__scope_spans__get_packed_size(&scope_spans), in_scope = of_scope + spans.length;
	put_head(buffer, FIELD_RESOURCE_SPANS, of_resource + head_size(in_scope) + in_scope);
	put_message(buffer, &resource_spans.base, of_resource);
	put_head(buffer, FIELD_SCOPE_SPANS, in_scope);
	put_message(buffer, &scope_spans.base, of_scope);
	buffer_append_slice(buffer, spans);
	return buffer->failed ? ERR_NO_MEMORY : OK;
}

enum error otlp_encode(const struct otlp_resource *resource, const struct span *const *spans, uint32_t count, uint64_t unix_ahead_ns,
                       struct otlp_room *room, struct buffer *buffer)
{
	assert(resource != NULL && spans != NULL && count > 0);
	buffer_clear(&room->spans);
	for (uint32_t i = 0; i < count; i++)
		otlp_put_span(&room->spans, spans[i], unix_ahead_ns);
	return room->spans.failed ? ERR_NO_MEMORY : put_request(buffer, resource, buffer_slice(&room->spans), &room->arena);
}

bool otlp_decode_response(struct slice body, uint64_t *ret_rejected)
{
	assert(ret_rejected != NULL);
	Otlp__ExportTraceServiceResponse *response =
		otlp__export_trace_service_response__unpack(NULL, body.length, (const uint8_t *)body.data);
	if (response == NULL)
		return false;
	int64_t rejected = response->partial_success == NULL ? 0 : response->partial_success->rejected_spans;
	otlp__export_trace_service_response__free_unpacked(response, NULL);
	*ret_rejected = rejected > 0 ? (uint64_t)rejected : 0;
	return true;
}
