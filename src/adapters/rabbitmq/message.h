/* message.h: a domain event as a message: CloudEvents 1.0 over AMQP 0-9-1, structured. Private to the RabbitMQ adapter.
 *
 * The body is {specversion, id, source, type, subject, time, sequence, datacontenttype, traceparent, data} as application/cloudevents+json:
 * subject is the stream, sequence counts within it, data is the event's. The properties repeat what a consumer filters by: message id and
 * type, the headers cloudEvents_* and traceparent. Persistent. */
#pragma once

#include <stdbool.h>

#include "adapters/rabbitmq/amqp_client.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/time.h"
#include "base/trace_context.h"
#include "base/uuid.h"
#include "ports/reader.h"

#define MESSAGE_SOURCE "/tro"
#define MESSAGE_CONTENT_TYPE "application/cloudevents+json"
#define MESSAGE_HEADERS 8

/* Points into itself and into the buffer: not to be copied. */
struct message {
	amqp_bytes_t routing_key; /* the type */
	amqp_basic_properties_t properties;
	amqp_bytes_t body;
	amqp_table_entry_t headers[MESSAGE_HEADERS];
	char id[UUID_TEXT_LENGTH + 1];
	char subject[UUID_TEXT_LENGTH + 1];
	char time[TIME_TEXT_LENGTH + 1];
	char traceparent[TRACEPARENT_LENGTH + 1];
};

/* The buffer is cleared and takes the body. False: it does not fit. */
must_check bool message_write(struct message *message, struct buffer *buffer, const struct event_record *record);
