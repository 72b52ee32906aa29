/* consumer.c: a message is three kinds of frames: a method, a header, and as many of the body as it takes. */
#include "adapters/rabbitmq/consumer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/rabbitmq/amqp_client.h"
#include "adapters/rabbitmq/session.h"
#include "base/buffer.h"
#include "base/now.h"

#define CONNECT_TIMEOUT_MS 3000
#define BODY_MAX (16 * 1024 * 1024)
#define MESSAGE_TIMEOUT_MS 10000 /* for the rest of a message that has begun */
#define NAME_MAX_BYTES 255       /* AMQP's limit */

struct rabbitmq_consumer {
	struct session session;
	char queue[NAME_MAX_BYTES + 1];
	char pattern[NAME_MAX_BYTES + 1];
	struct buffer body;
};

static bool bind(struct session *session, amqp_bytes_t queue, const char *exchange, const char *pattern, uint64_t deadline_ns)
{
	assert(session->handle != NULL && exchange != NULL);
	session_limit(session, deadline_ns);
	(void)amqp_queue_bind(session->handle, SESSION_CHANNEL, queue, amqp_cstring_bytes(exchange), amqp_cstring_bytes(pattern),
	                      amqp_empty_table);
	return session_check(session, "does not bind the queue");
}

static bool subscribe(struct session *session, uint64_t deadline_ns)
{
	assert(session->context != NULL);
	struct rabbitmq_consumer *consumer = session->context;
	amqp_bytes_t queue = amqp_cstring_bytes(consumer->queue);
	if (!session_declare_exchange(session, RABBITMQ_EXCHANGE, deadline_ns) ||
	    !session_declare_exchange(session, RABBITMQ_BATCH_EXCHANGE, deadline_ns))
		return false;
	session_limit(session, deadline_ns);
	(void)amqp_queue_declare(session->handle, SESSION_CHANNEL, queue, 0, 1, 0, 0, amqp_empty_table);
	if (!session_check(session, "does not declare the queue"))
		return false;
	if (!bind(session, queue, RABBITMQ_EXCHANGE, consumer->pattern, deadline_ns) ||
	    !bind(session, queue, RABBITMQ_BATCH_EXCHANGE, "#", deadline_ns))
		return false;
	session_limit(session, deadline_ns);
	(void)amqp_basic_qos(session->handle, SESSION_CHANNEL, 0, RABBITMQ_PREFETCH, 0);
	if (!session_check(session, "does not deliver as asked"))
		return false;
	session_limit(session, deadline_ns);
	(void)amqp_basic_consume(session->handle, SESSION_CHANNEL, queue, amqp_empty_bytes, 0, 0, 1, amqp_empty_table);
	return session_check(session, "does not let us read the queue");
}

enum error rabbitmq_consumer_open(const char *url, const struct tls_client_files *tls, const char *queue, const char *pattern,
                                  struct rabbitmq_consumer **ret_consumer, char message[static RABBITMQ_MESSAGE_MAX])
{
	assert(url != NULL);
	assert(queue != NULL && pattern != NULL && ret_consumer != NULL);
	if (*queue == '\0' || strlen(queue) > NAME_MAX_BYTES || strlen(pattern) > NAME_MAX_BYTES) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "the names of queues and patterns have up to %d bytes", NAME_MAX_BYTES);
		return ERR_VALIDATION;
	}
	struct rabbitmq_consumer *consumer = calloc(1, sizeof *consumer);
	if (consumer == NULL) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "out of memory");
		return ERR_NO_MEMORY;
	}
	enum error error = session_init(url, tls, &consumer->session, message);
	if (error != OK) {
		free(consumer);
		return error;
	}
	consumer->session.prepare = subscribe;
	consumer->session.context = consumer;
	memcpy(consumer->queue, queue, strlen(queue));
	memcpy(consumer->pattern, pattern, strlen(pattern));
	buffer_init(&consumer->body, NULL, BODY_MAX);
	*ret_consumer = consumer;
	return OK;
}

void rabbitmq_consumer_free(struct rabbitmq_consumer *consumer)
{
	if (consumer == NULL)
		return;
	session_release(&consumer->session);
	buffer_release(&consumer->body);
	free(consumer);
}

/* A header that is a text; empty: there is none of that name. */
static struct slice text_header(const amqp_table_t *headers, const char *name)
{
	assert(headers != NULL && name != NULL);
	for (int i = 0; i < headers->num_entries; i++) {
		const amqp_table_entry_t *entry = &headers->entries[i];
		bool is_text = entry->value.kind == AMQP_FIELD_KIND_UTF8 || entry->value.kind == AMQP_FIELD_KIND_BYTES;
		if (is_text && slice_equal_string(slice_of_bytes(entry->key), name))
			return slice_of_bytes(entry->value.value.bytes);
	}
	return (struct slice){0};
}

static void take_properties(const amqp_basic_properties_t *properties, struct rabbitmq_delivery *delivery)
{
	assert(delivery != NULL);
	if ((properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0)
		delivery->message_id = slice_of_bytes(properties->message_id);
	if ((properties->_flags & AMQP_BASIC_TYPE_FLAG) != 0)
		delivery->type = slice_of_bytes(properties->type);
	if ((properties->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0)
		delivery->content_type = slice_of_bytes(properties->content_type);
	if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
		delivery->traceparent = text_header(&properties->headers, "traceparent");
		delivery->tracestate = text_header(&properties->headers, "tracestate");
	}
}

/* Reads the header and the body that follow the method. False: the connection is lost. */
static bool read_content(struct rabbitmq_consumer *consumer, struct rabbitmq_delivery *delivery)
{
	assert(consumer->session.handle != NULL && delivery != NULL);
	struct session *session = &consumer->session;
	uint64_t deadline_ns = monotonic_now_ns() + (uint64_t)MESSAGE_TIMEOUT_MS * 1000000;
	uint64_t size = UINT64_MAX; /* not told yet */
	buffer_clear(&consumer->body);
	while (size == UINT64_MAX || consumer->body.length < size) {
		amqp_frame_t frame;
		enum session_result result = session_wait(session, deadline_ns, &frame);
		if (result == SESSION_LOST)
			return false;
		if (result == SESSION_FRAME && frame.frame_type == AMQP_FRAME_HEADER) {
			size = frame.payload.properties.body_size;
			take_properties(frame.payload.properties.decoded, delivery);
		} else if (result == SESSION_FRAME && frame.frame_type == AMQP_FRAME_BODY) {
			amqp_bytes_t part = frame.payload.body_fragment;
			buffer_append(&consumer->body, part.bytes, part.len);
		}
		if (consumer->body.failed || monotonic_now_ns() >= deadline_ns) {
			session_lose(session, "has sent half a message, or one too large", NULL);
			return false;
		}
	}
	delivery->body = buffer_slice(&consumer->body);
	return true;
}

/* CONSUMER_NOTHING: the frame was none of a message. */
static enum consumer_result take_method(struct rabbitmq_consumer *consumer, const amqp_frame_t *frame,
                                        struct rabbitmq_delivery *ret_delivery)
{
	assert(frame != NULL && ret_delivery != NULL);
	if (frame->frame_type != AMQP_FRAME_METHOD)
		return CONSUMER_NOTHING;
	if (frame->payload.method.id == AMQP_BASIC_CANCEL_METHOD) {
		session_lose(&consumer->session, "delivers no more", "the queue was deleted, or its node is gone");
		return CONSUMER_DOWN;
	}
	if (frame->payload.method.id != AMQP_BASIC_DELIVER_METHOD)
		return CONSUMER_NOTHING;
	const amqp_basic_deliver_t *method = frame->payload.method.decoded;
	struct rabbitmq_delivery delivery = {
		.tag = method->delivery_tag,
		.is_redelivered = method->redelivered != 0,
		.exchange = slice_of_bytes(method->exchange),
		.routing_key = slice_of_bytes(method->routing_key),
	};
	if (!read_content(consumer, &delivery))
		return CONSUMER_DOWN;
	*ret_delivery = delivery;
	return CONSUMER_DELIVERY;
}

enum consumer_result rabbitmq_consumer_next(struct rabbitmq_consumer *consumer, uint64_t timeout_ms, struct rabbitmq_delivery *ret_delivery)
{
	assert(consumer != NULL && ret_delivery != NULL);
	struct session *session = &consumer->session;
	uint64_t now_ns = monotonic_now_ns(), deadline_ns = now_ns + timeout_ms * 1000000;
	if (!session_connect(session, now_ns + (uint64_t)CONNECT_TIMEOUT_MS * 1000000))
		return CONSUMER_DOWN;
	enum consumer_result result = CONSUMER_NOTHING;
	session_recycle(session);
	while (result == CONSUMER_NOTHING) {
		amqp_frame_t frame;
		enum session_result waited = session_wait(session, deadline_ns, &frame);
		if (waited == SESSION_FRAME)
			result = take_method(consumer, &frame, ret_delivery);
		else if (waited == SESSION_LOST)
			result = CONSUMER_DOWN;
		else if (monotonic_now_ns() >= deadline_ns)
			break;
	}
	return result;
}

void rabbitmq_consumer_acknowledge(struct rabbitmq_consumer *consumer, uint64_t tag)
{
	assert(consumer != NULL && tag > 0);
	if (consumer->session.handle == NULL)
		return;
	int status = amqp_basic_ack(consumer->session.handle, SESSION_CHANNEL, tag, 1);
	if (status != AMQP_STATUS_OK)
		session_lose(&consumer->session, "is gone", amqp_error_string2(status));
}

const char *rabbitmq_consumer_problem(const struct rabbitmq_consumer *consumer)
{
	assert(consumer != NULL);
	return consumer->session.problem;
}
