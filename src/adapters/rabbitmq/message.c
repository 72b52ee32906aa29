/* message.c: an envelope around data that is JSON already. */
#include "adapters/rabbitmq/message.h"

#include <assert.h>

#include "base/json_writer.h"
#include "domain/event.h"

#define PERSISTENT 2

static amqp_table_entry_t text_header(const char *name, const char *text)
{
	assert(name != NULL && text != NULL);
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
	                            .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(text)}}};
}

static void write_properties(struct message *message, const struct event_record *record)
{
	assert(message != NULL && record != NULL);
	const char *type = event_type_name(record->type);
	message->headers[0] = text_header("cloudEvents_specversion", "1.0");
	message->headers[1] = text_header("cloudEvents_id", message->id);
	message->headers[2] = text_header("cloudEvents_source", MESSAGE_SOURCE);
	message->headers[3] = text_header("cloudEvents_type", type);
	message->headers[4] = text_header("cloudEvents_subject", message->subject);
	message->headers[5] = text_header("cloudEvents_time", message->time);
	message->headers[6] = (amqp_table_entry_t){.key = amqp_cstring_bytes("cloudEvents_sequence"),
	                                           .value = {.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = record->sequence}}};
	message->headers[7] = text_header("traceparent", message->traceparent);
	message->routing_key = amqp_cstring_bytes(type);
	message->properties = (amqp_basic_properties_t){
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
	                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG,
		.content_type = amqp_cstring_bytes(MESSAGE_CONTENT_TYPE),
		.headers = {.num_entries = MESSAGE_HEADERS, .entries = message->headers},
		.delivery_mode = PERSISTENT,
		.message_id = amqp_cstring_bytes(message->id),
		.timestamp = record->occurred_at_ms / 1000,
		.type = message->routing_key,
	};
}

static void write_body(const struct message *message, struct buffer *buffer, const struct event_record *record)
{
	assert(buffer != NULL && record != NULL);
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "specversion", SLICE("1.0"));
	json_writer_uuid(&writer, "id", &record->id);
	json_writer_string(&writer, "source", SLICE(MESSAGE_SOURCE));
	json_writer_string(&writer, "type", slice_of(event_type_name(record->type)));
	json_writer_uuid(&writer, "subject", &record->stream_id);
	json_writer_time(&writer, "time", record->occurred_at_ms);
	json_writer_uint(&writer, "sequence", record->sequence);
	json_writer_string(&writer, "datacontenttype", SLICE("application/json"));
	json_writer_string(&writer, "traceparent", slice_of(message->traceparent));
	json_writer_raw(&writer, "data", record->data);
	json_writer_object_end(&writer);
}

bool message_write(struct message *message, struct buffer *buffer, const struct event_record *record)
{
	assert(message != NULL && buffer != NULL);
	assert(record->type != EVENT_NONE && record->data.length > 0);
	uuid_format(&record->id, message->id);
	uuid_format(&record->stream_id, message->subject);
	time_format(record->occurred_at_ms, message->time);
	trace_context_format(&record->trace, message->traceparent);
	write_properties(message, record);
	buffer_clear(buffer);
	write_body(message, buffer, record);
	message->body = (amqp_bytes_t){.len = buffer->length, .bytes = buffer->data};
	return !buffer->failed;
}
