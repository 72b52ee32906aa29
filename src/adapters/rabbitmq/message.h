/* message.h: domain events as messages: CloudEvents 1.0 over AMQP 0-9-1, structured. Private to the RabbitMQ adapter.
 *
 * The body is {specversion, id, source, type, subject, time, sequence, datacontenttype, traceparent, data} as
 * application/cloudevents+json: subject is the stream, sequence counts within it, data is the event's. The properties repeat what a
 * consumer filters by: message id and type, the headers cloudEvents_* and traceparent. Body and headers have a tracestate, too, when
 * the request had one. Persistent.
 *
 * A batch is a JSON array of such objects as application/cloudevents-batch+json; its message id is that of the first, its routing key
 * the partition, and it has no headers: the body has their values. */
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
#define MESSAGE_BATCH_CONTENT_TYPE "application/cloudevents-batch+json"
#define MESSAGE_BATCH_BYTES (128 * 1024) /* a batch that has so many takes no more events */
#define MESSAGE_HEADERS_MAX 9

/* Points into itself and into the buffer: not to be copied. */
struct message {
	amqp_bytes_t routing_key; /* the type, or the partition */
	amqp_basic_properties_t properties;
	amqp_bytes_t body;
	amqp_table_entry_t headers[MESSAGE_HEADERS_MAX];
	char partition[4];
	char id[UUID_TEXT_LENGTH + 1];
	char subject[UUID_TEXT_LENGTH + 1];
	char time[TIME_TEXT_LENGTH + 1];
	char traceparent[TRACEPARENT_LENGTH + 1];
};

/* The buffer is cleared and takes the body. False: it does not fit. */
must_check bool message_write(struct message *message, struct buffer *buffer, const struct event_record *record);
/* The same for up to `count` events of one partition; answers the number written. 0: not even the first fits. */
must_check uint32_t message_write_batch(struct message *message, struct buffer *buffer, const struct event_record *const *records,
                                        uint32_t count, uint8_t partition);
