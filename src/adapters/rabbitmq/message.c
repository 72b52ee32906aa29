/* message.c: an envelope around data that is JSON already. */
#include "adapters/rabbitmq/message.h"

#include <assert.h>
#include <stdio.h>

#include "base/json_writer.h"
#include "domain/event.h"

#define PERSISTENT 2

static amqp_table_entry_t bytes_header(const char *name, amqp_bytes_t bytes)
{
	assert(name != NULL && bytes.bytes != NULL);
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name), .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = bytes}}};
}

static amqp_table_entry_t text_header(const char *name, const char *text)
{
	assert(text != NULL);
	return bytes_header(name, amqp_cstring_bytes(text));
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
	int header_count = 8;
	if (record->trace_state.length > 0)
		message->headers[header_count++] = bytes_header(
			"tracestate", (amqp_bytes_t){.len = record->trace_state.length, .bytes = (void *)record->trace_state.data});
	message->routing_key = amqp_cstring_bytes(type);
	message->properties = (amqp_basic_properties_t){
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
	                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG,
		.content_type = amqp_cstring_bytes(MESSAGE_CONTENT_TYPE),
		.headers = {.num_entries = header_count, .entries = message->headers},
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
	if (record->trace_state.length > 0)
		json_writer_string(&writer, "tracestate", record->trace_state);
	json_writer_raw(&writer, "data", record->data);
	json_writer_object_end(&writer);
}

/* The texts of the event that its body has, and its properties. */
static void write_texts(struct message *message, const struct event_record *record)
{
	assert(record->type != EVENT_NONE && record->data.length > 0);
	uuid_format(&record->id, message->id);
	uuid_format(&record->stream_id, message->subject);
	time_format(record->occurred_at_ms, message->time);
	trace_context_format(&record->trace, message->traceparent);
}

bool message_write(struct message *message, struct buffer *buffer, const struct event_record *record)
{
	assert(message != NULL && buffer != NULL);
	write_texts(message, record);
	write_properties(message, record);
	buffer_clear(buffer);
	write_body(message, buffer, record);
	message->body = (amqp_bytes_t){.len = buffer->length, .bytes = buffer->data};
	return !buffer->failed;
}

static void write_batch_properties(struct message *message, const struct event_record *first, uint8_t partition)
{
	assert(message != NULL && first != NULL);
	(void)snprintf(message->partition, sizeof message->partition, "%u", partition);
	uuid_format(&first->id, message->id);
	message->routing_key = amqp_cstring_bytes(message->partition);
	message->properties = (amqp_basic_properties_t){
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
	                  AMQP_BASIC_TIMESTAMP_FLAG,
		.content_type = amqp_cstring_bytes(MESSAGE_BATCH_CONTENT_TYPE),
		.delivery_mode = PERSISTENT,
		.message_id = amqp_cstring_bytes(message->id),
		.timestamp = first->occurred_at_ms / 1000,
	};
}

uint32_t message_write_batch(struct message *message, struct buffer *buffer, const struct event_record *const *records, uint32_t count,
                             uint8_t partition)
{
	assert(message != NULL && buffer != NULL);
	assert(records != NULL && count > 0);
	uint32_t written = 0;
	buffer_clear(buffer);
	for (; written < count && buffer->length < MESSAGE_BATCH_BYTES && !buffer->failed; written++) {
		write_texts(message, records[written]);
		buffer_append_byte(buffer, written == 0 ? '[' : ',');
		write_body(message, buffer, records[written]);
	}
	buffer_append_byte(buffer, ']');
	write_batch_properties(message, records[0], partition);
	message->body = (amqp_bytes_t){.len = buffer->length, .bytes = buffer->data};
	return buffer->failed ? 0 : written;
}
