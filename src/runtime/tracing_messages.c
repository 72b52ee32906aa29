/* tracing_messages.c: the spans of events, from the outbox to the consumers of their messages. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/trace_state.h"
#include "domain/event.h"
#include "runtime/tracing.h"
#include "runtime/tracing_inside.h"

#define EXCHANGE "tro.events"
#define DESTINATION_MAX 600 /* exchange, routing key and queue have 255 bytes at most */

/* Two numbers for each event, one for each of its two spans; not 0. */
static uint64_t number_of(const struct uuid *event_id, uint64_t which)
{
	uint64_t random;
	memcpy(&random, event_id->bytes + sizeof event_id->bytes - sizeof random, sizeof random);
	uint64_t number = random * 2 + which;
	return number == 0 ? 1 : number;
}

enum { NUMBER_OF_WAIT = 0, NUMBER_OF_PUBLISH = 1 };

void tracing_publishing(void *tracing, struct event_record *record)
{
	assert(tracing != NULL && record != NULL);
	if (trace_is_sampled(&record->trace))
		record->trace = trace_context_numbered_child(&record->trace, number_of(&record->id, NUMBER_OF_PUBLISH));
}

/* The context that the event was stored with. */
static struct trace_context request_of(const struct event_record *record)
{
	struct trace_context request = record->trace;
	memcpy(request.span_id, record->trace.parent_id, sizeof request.span_id);
	memset(request.parent_id, 0, sizeof request.parent_id);
	return request;
}

/* Of a span whose name is the operation's, a blank, and the destination's. */
static void describe_message(struct span *span, const struct trace_place *bus, const char *operation, const char *type)
{
	assert(span->name == NULL && operation != NULL && type != NULL);
	span_add_word(span, "messaging.system", bus->system);
	span_add_word(span, "messaging.operation.name", operation);
	span_add_word(span, "messaging.operation.type", type);
	span_add_end_of_name(span, "messaging.destination.name", (uint32_t)strlen(operation) + 1);
	trace_place_add_server(bus, span);
}

void tracing_published(void *context, const struct event_record *record, uint64_t began_ns, uint64_t ended_ns)
{
	struct tracing *tracing = context;
	if (!trace_is_sampled(&record->trace))
		return;
	struct span spans[2];
	struct trace_context request = request_of(record);
	struct trace_context wait = trace_context_numbered_child(&request, number_of(&record->id, NUMBER_OF_WAIT));
	char id[UUID_TEXT_LENGTH + 1], destination[DESTINATION_MAX];
	const char *type = event_type_name(record->type);
	uuid_format(&record->id, id);
	(void)snprintf(destination, sizeof destination, "%s:%s", EXCHANGE, type);
	span_init(&spans[0], &wait, SPAN_INTERNAL, "outbox", began_ns, began_ns);
	spans[0].began_unix_ms = record->occurred_at_ms;
	span_add_text(&spans[0], "messaging.message.id", slice_of(id));
	span_init(&spans[1], &record->trace, SPAN_PRODUCER, NULL, began_ns, ended_ns);
	span_name(&spans[1], SLICE("publish"), slice_of(destination));
	describe_message(&spans[1], &tracing->bus, "publish", "send");
	span_add_text(&spans[1], "messaging.message.id", slice_of(id));
	span_add_word(&spans[1], "messaging.rabbitmq.destination.routing_key", type);
	span_set_trace_state(&spans[0], record->trace_state);
	span_set_trace_state(&spans[1], record->trace_state);
	tracer_record_all(tracing->tracer, spans, 2);
}

/* "exchange:routing key:queue", without empty parts, and without a queue that is called like the routing key. */
static void write_destination(char text[static DESTINATION_MAX], const struct tracing_message *message)
{
	bool is_named_like_key = slice_equal_string(message->routing_key, message->queue);
	const struct slice parts[] = {message->exchange, message->routing_key, is_named_like_key ? SLICE("") : slice_of(message->queue)};
	size_t length = 0;
	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].length > 0 && parts[i].length < DESTINATION_MAX - 2 - length)
			length += (size_t)snprintf(text + length, DESTINATION_MAX - length, "%s%.*s", length > 0 ? ":" : "",
			                           (int)parts[i].length, parts[i].data);
}

void tracing_consumed(struct tracing *tracing, const struct tracing_message *message, uint64_t began_ns, uint64_t ended_ns)
{
	assert(tracing != NULL && message != NULL && message->queue != NULL);
	struct trace_context parent, own;
	bool has_parent = trace_context_parse(message->traceparent, &parent);
	const uint64_t random[3] = {random_u64(tracing->random), random_u64(tracing->random), random_u64(tracing->random)};
	own = has_parent ? trace_context_child(&parent, random[0]) : trace_context_root(random, TRACE_RANDOM_ID);
	own.flags = trace_sampler_flags(&tracing->sampler, has_parent ? &parent : NULL, &own);
	if (!trace_is_sampled(&own))
		return;
	struct span span;
	char destination[DESTINATION_MAX];
	write_destination(destination, message);
	span_init(&span, &own, SPAN_CONSUMER, NULL, began_ns, ended_ns);
	span_name(&span, SLICE("process"), slice_of(destination));
	describe_message(&span, &tracing->bus, "process", "process");
	span_add_int(&span, "messaging.rabbitmq.message.delivery_tag", (int64_t)message->tag);
	if (!slice_is_empty(message->id))
		span_add_text(&span, "messaging.message.id", message->id);
	if (!slice_is_empty(message->routing_key))
		span_add_text(&span, "messaging.rabbitmq.destination.routing_key", message->routing_key);
	char trace_state[TRACE_STATE_LENGTH_MAX];
	size_t length = has_parent && !slice_is_empty(message->tracestate) ? trace_state_read(&message->tracestate, 1, trace_state) : 0;
	span_set_trace_state(&span, (struct slice){.data = trace_state, .length = length});
	tracer_record(tracing->tracer, &span);
}
