/* encode.c: the messages are put together in an arena, then packed in one go. */
#include "adapters/otlp/encode.h"

#include <assert.h>
#include <string.h>

#include "otlp.pb-c.h"

#define SCHEMA_URL "https://opentelemetry.io/schemas/1.37.0" /* of the semantic conventions that the names of attributes are of */
#define SCOPE_NAME "tro"
#define NS_PER_MS UINT64_C(1000000)

static_assert((int)SPAN_INTERNAL == OTLP__SPAN__SPAN_KIND__SPAN_KIND_INTERNAL, "the numbers are OTLP's");
static_assert((int)SPAN_CONSUMER == OTLP__SPAN__SPAN_KIND__SPAN_KIND_CONSUMER, "the numbers are OTLP's");

/* Borrows: protobuf-c only reads what it packs. */
static ProtobufCBinaryData bytes_of(const uint8_t *bytes, size_t length)
{
	union {
		const uint8_t *borrowed;
		uint8_t *data;
	} pointer = {.borrowed = bytes};
	return (ProtobufCBinaryData){.len = length, .data = pointer.data};
}

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

static void set_pair(struct pair *pair, const struct span *span, const struct span_attribute *attribute)
{
	set_text(pair, attribute->key, "");
	switch (attribute->kind) {
	case SPAN_WORD:
		pair->value.string_value = text_of(attribute->word);
		break;
	case SPAN_TEXT:
		assert(attribute->at < span->text_length);
		pair->value.string_value = text_of(span->text + attribute->at);
		break;
	case SPAN_INT:
		pair->value.value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		pair->value.int_value = attribute->number;
		break;
	case SPAN_BOOL:
		pair->value.value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		pair->value.bool_value = attribute->truth;
		break;
	}
}

static bool set_attributes(Otlp__Span *message, const struct span *span, struct arena *arena)
{
	assert(span->attribute_count <= SPAN_ATTRIBUTES_MAX);
	struct pair *pairs = arena_allocate(arena, span->attribute_count * sizeof *pairs);
	Otlp__KeyValue **list = arena_allocate(arena, span->attribute_count * sizeof(Otlp__KeyValue *));
	if (pairs == NULL || list == NULL)
		return false;
	for (uint32_t i = 0; i < span->attribute_count; i++) {
		set_pair(&pairs[i], span, &span->attributes[i]);
		list[i] = &pairs[i].key_value;
	}
	message->n_attributes = span->attribute_count;
	message->attributes = list;
	return true;
}

static bool is_set(const uint8_t id[static 8])
{
	static const uint8_t zero[8] = {0};
	return memcmp(id, zero, sizeof zero) != 0;
}

static bool set_links(Otlp__Span *message, const struct span *span, struct arena *arena)
{
	bool has_one = is_set(span->link.span_id);
	uint32_t count = span->link_count + (has_one ? 1 : 0);
	message->dropped_links_count = span->links_dropped;
	if (count == 0)
		return true;
	Otlp__Link *links = arena_allocate(arena, count * sizeof *links);
	Otlp__Link **list = arena_allocate(arena, count * sizeof(Otlp__Link *));
	if (links == NULL || list == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct span_link *link = i < span->link_count ? &span->links[i] : &span->link;
		otlp__link__init(&links[i]);
		links[i].trace_id = bytes_of(link->trace_id, sizeof link->trace_id);
		links[i].span_id = bytes_of(link->span_id, sizeof link->span_id);
		links[i].flags = link->flags;
		list[i] = &links[i];
	}
	message->n_links = count;
	message->links = list;
	return true;
}

static void set_times(Otlp__Span *message, const struct span *span, uint64_t unix_ahead_ns)
{
	message->end_time_unix_nano = span->ended_ns + unix_ahead_ns;
	message->start_time_unix_nano = span->began_unix_ms > 0 ? span->began_unix_ms * NS_PER_MS : span->started_ns + unix_ahead_ns;
	if (message->start_time_unix_nano > message->end_time_unix_nano) /* by clocks that differ */
		message->start_time_unix_nano = message->end_time_unix_nano;
}

static Otlp__Span *span_message(const struct span *span, uint64_t unix_ahead_ns, struct arena *arena)
{
	Otlp__Span *message = arena_allocate(arena, sizeof *message);
	if (message == NULL)
		return NULL;
	otlp__span__init(message);
	message->trace_id = bytes_of(span->context.trace_id, sizeof span->context.trace_id);
	message->span_id = bytes_of(span->context.span_id, sizeof span->context.span_id);
	if (is_set(span->context.parent_id))
		message->parent_span_id = bytes_of(span->context.parent_id, sizeof span->context.parent_id);
	if (span->trace_state != NULL)
		message->trace_state = span->trace_state;
	message->flags = span->context.flags;
	message->name = text_of(span->name != NULL ? span->name : span->text + span->name_at);
	message->kind = (Otlp__Span__SpanKind)span->kind;
	set_times(message, span, unix_ahead_ns);
	if (span->is_error) {
		message->status = arena_allocate(arena, sizeof *message->status);
		if (message->status == NULL)
			return NULL;
		otlp__status__init(message->status);
		message->status->code = OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
	}
	return set_attributes(message, span, arena) && set_links(message, span, arena) ? message : NULL;
}

static bool pack(const Otlp__ExportTraceServiceRequest *request, struct buffer *buffer)
{
	size_t size = otlp__export_trace_service_request__get_packed_size(request);
	char *room = buffer_reserve(buffer, size);
	if (room == NULL)
		return false;
	size_t length = otlp__export_trace_service_request__pack(request, (uint8_t *)room);
	assert(length == size);
	buffer->length += length;
	return true;
}

enum error otlp_encode(const struct otlp_resource *resource, const struct span *const *spans, uint32_t count, uint64_t unix_ahead_ns,
                       struct arena *arena, struct buffer *buffer)
{
	assert(resource != NULL && spans != NULL && count > 0);
	Otlp__ExportTraceServiceRequest request = OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
	Otlp__ResourceSpans resource_spans = OTLP__RESOURCE_SPANS__INIT;
	Otlp__ScopeSpans scope_spans = OTLP__SCOPE_SPANS__INIT;
	Otlp__Resource source = OTLP__RESOURCE__INIT;
	Otlp__InstrumentationScope scope = OTLP__INSTRUMENTATION_SCOPE__INIT;
	arena_clear(arena);
	Otlp__Span **messages = arena_allocate(arena, count * sizeof(Otlp__Span *));
	struct pair *pairs = arena_allocate(arena, resource->count * sizeof *pairs);
	Otlp__KeyValue **list = arena_allocate(arena, resource->count * sizeof(Otlp__KeyValue *));
	if (messages == NULL || pairs == NULL || list == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < resource->count; i++) {
		set_text(&pairs[i], resource->attributes[i].key, resource->attributes[i].text);
		list[i] = &pairs[i].key_value;
	}
	for (uint32_t i = 0; i < count; i++) {
		messages[i] = span_message(spans[i], unix_ahead_ns, arena);
		if (messages[i] == NULL)
			return ERR_NO_MEMORY;
	}
	source.n_attributes = resource->count;
	source.attributes = list;
	scope.name = text_of(SCOPE_NAME);
	scope.version = text_of(resource->version);
	scope_spans.scope = &scope;
	scope_spans.n_spans = count;
	scope_spans.spans = messages;
	scope_spans.schema_url = text_of(SCHEMA_URL);
	resource_spans.resource = &source;
	resource_spans.n_scope_spans = 1;
	resource_spans.scope_spans = &(Otlp__ScopeSpans *){&scope_spans};
	resource_spans.schema_url = text_of(SCHEMA_URL);
	request.n_resource_spans = 1;
	request.resource_spans = &(Otlp__ResourceSpans *){&resource_spans};
	return pack(&request, buffer) ? OK : ERR_NO_MEMORY;
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
