/* bus.c: messages and their confirms.
 *
 * librabbitmq waits without an end when the socket is full, and it is full when the broker is blocked. So no more is handed to it than the
 * socket has room for, and while there is none the broker's own frames are read. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "adapters/rabbitmq/amqp_client.h"
#include "adapters/rabbitmq/message.h"
#include "adapters/rabbitmq/rabbitmq.h"
#include "adapters/rabbitmq/session.h"
#include "adapters/rabbitmq/under_way.h"
#include "base/list.h"
#include "base/now.h"
#include "state/changes.h"

#define CONNECT_TIMEOUT_MS 2000
#define LATE_MS 1500               /* without a confirm: said, and no more */
#define PENDING_MAX_MS 120000      /* without a confirm, on a connection that lives */
#define BODY_MAX (2 * 1024 * 1024) /* far beyond the largest hold or order, and a batch whose last is such */
#define ROOM (32 * 1024)           /* bytes that a socket which can be written to surely takes (session.c) */

struct rabbitmq_bus {
	struct bus base;
	struct session session;
	uint32_t batch_max; /* events of a message; 0: one, and not as a batch */
	struct under_way under_way;
	struct message message; /* the one being sent, and its body */
	struct buffer body;
	size_t room;          /* bytes that may be sent before the socket is looked at again */
	uint64_t progress_ns; /* when a message was settled last, or sent while none was under way */
	uint64_t unroutable;
	struct uuid unroutable_id;
	enum event_type unroutable_type;
	pthread_mutex_t lock; /* guards the status */
	struct rabbitmq_bus_status status;
};

static struct rabbitmq_bus *self_of(struct bus *bus)
{
	assert(bus != NULL);
	return container_of(bus, struct rabbitmq_bus, base);
}

static const char *exchange_of(const struct rabbitmq_bus *self)
{
	assert(self != NULL);
	return self->batch_max > 0 ? RABBITMQ_BATCH_EXCHANGE : RABBITMQ_EXCHANGE;
}

/* A partition has one channel, so that its order is kept. */
static amqp_channel_t channel_of(uint8_t partition)
{
	assert(partition < OUTBOX_PARTITIONS);
	return (amqp_channel_t)(SESSION_CHANNEL + partition % UNDER_WAY_CHANNELS);
}

static bool select_confirms(struct session *session, uint64_t deadline_ns)
{
	assert(session->context != NULL);
	struct rabbitmq_bus *self = session->context;
	under_way_reset(&self->under_way);
	self->room = 0;
	if (!session_declare_exchange(session, exchange_of(self), deadline_ns))
		return false;
	for (amqp_channel_t i = 0; i < UNDER_WAY_CHANNELS; i++) {
		if (i > 0 && !session_open_channel(session, SESSION_CHANNEL + i, deadline_ns))
			return false;
		session_limit(session, deadline_ns);
		(void)amqp_confirm_select(session->handle, SESSION_CHANNEL + i);
		if (!session_check(session, "does not confirm messages"))
			return false;
	}
	return true;
}

/* The header of a message that came back; its body follows and is not looked at. */
static void take_return(struct rabbitmq_bus *self, const amqp_basic_properties_t *properties)
{
	assert(self != NULL);
	self->unroutable++;
	self->unroutable_type = event_type_parse(slice_of_bytes(properties->type));
	if (!uuid_parse(slice_of_bytes(properties->message_id), &self->unroutable_id))
		self->unroutable_id = (struct uuid){0};
}

/* Answers how many messages it settles. */
static uint32_t settle(struct rabbitmq_bus *self, const amqp_frame_t *frame, uint64_t tag, bool is_multiple, bool is_refused)
{
	assert(frame->frame_type == AMQP_FRAME_METHOD);
	self->progress_ns = monotonic_now_ns();
	uint8_t channel = (uint8_t)(frame->channel - SESSION_CHANNEL);
	uint32_t count = under_way_settle(&self->under_way, channel, tag, is_multiple, is_refused);
	self->base.confirmed += under_way_advance(&self->under_way);
	return count;
}

static void take_frame(struct rabbitmq_bus *self, const amqp_frame_t *frame)
{
	assert(frame != NULL);
	if (frame->frame_type == AMQP_FRAME_HEADER) {
		take_return(self, frame->payload.properties.decoded);
	} else if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_ACK_METHOD) {
		const amqp_basic_ack_t *ack = frame->payload.method.decoded;
		self->base.messages += settle(self, frame, ack->delivery_tag, ack->multiple != 0, false);
	} else if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_NACK_METHOD) {
		const amqp_basic_nack_t *nack = frame->payload.method.decoded;
		(void)settle(self, frame, nack->delivery_tag, nack->multiple != 0, true);
	}
}

/* Takes the frames that have come, and waits for one until the deadline when there is none. False: the connection is lost. */
static bool take_frames(struct rabbitmq_bus *self, uint64_t deadline_ns)
{
	assert(self->session.handle != NULL);
	amqp_frame_t frame;
	enum session_result result = session_wait(&self->session, deadline_ns, &frame);
	while (result == SESSION_FRAME) {
		take_frame(self, &frame);
		result = session_wait(&self->session, 0, &frame);
	}
	if (result == SESSION_LOST)
		return false;
	session_recycle(&self->session);
	return true;
}

/* With it small writes gather to full packets; without it what is left goes out at once. */
static void cork(struct rabbitmq_bus *self, int is_on)
{
	assert(self->session.handle != NULL);
	(void)setsockopt(amqp_get_sockfd(self->session.handle), IPPROTO_TCP, TCP_CORK, &is_on, sizeof is_on);
}

/* The time is over, and the connection stands. */
static bool give_up(struct rabbitmq_bus *self, const char *problem)
{
	assert(problem != NULL);
	session_note(&self->session, problem, NULL);
	return false;
}

/* Waits until the socket has room. False: not in time, or the broker has blocked us, or is gone. */
static bool await_room(struct rabbitmq_bus *self, uint64_t deadline_ns)
{
	assert(self->session.handle != NULL && self->room == 0);
	struct pollfd descriptor = {.fd = amqp_get_sockfd(self->session.handle), .events = POLLIN | POLLOUT};
	for (;;) {
		uint64_t now_ns = monotonic_now_ns();
		int ready = now_ns >= deadline_ns ? 0 : poll(&descriptor, 1, (int)((deadline_ns - now_ns) / 1000000 + 1));
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return give_up(self, "takes messages too slowly");
		if ((descriptor.revents & ~POLLOUT) != 0 && !take_frames(self, 0))
			return false;
		if (self->session.is_blocked)
			return false;
		if ((descriptor.revents & POLLOUT) != 0) {
			self->room = ROOM;
			return true;
		}
	}
}

/* The next message, of the first of the records and maybe those behind it. Answers how many it has; 0: none of them can be written. */
static uint32_t write_message(struct rabbitmq_bus *self, const struct event_record *const *records, uint32_t count, uint8_t partition)
{
	assert(count > 0);
	if (self->batch_max == 0)
		return message_write(&self->message, &self->body, records[0]);
	uint32_t together = 1;
	while (together < count && together < self->batch_max && outbox_partition(&records[together]->stream_id) == partition)
		together++;
	return message_write_batch(&self->message, &self->body, records, together, partition);
}

/* Sends one message. Answers how many of the records it has; 0: none was sent, and the connection is lost. */
static uint32_t send_message(struct rabbitmq_bus *self, const struct event_record *const *records, uint32_t count)
{
	assert(self->session.handle != NULL && records != NULL);
	struct message *message = &self->message;
	uint8_t partition = outbox_partition(&records[0]->stream_id);
	amqp_channel_t channel = channel_of(partition);
	uint32_t written = write_message(self, records, count, partition);
	if (written == 0) {
		session_lose(&self->session, "is not asked", "out of memory");
		return 0;
	}
	int status = amqp_basic_publish(self->session.handle, channel, amqp_cstring_bytes(exchange_of(self)), message->routing_key, 1, 0,
	                                &message->properties, message->body);
	if (status != AMQP_STATUS_OK) {
		session_lose(&self->session, "is gone", amqp_error_string2(status));
		return 0;
	}
	if (self->under_way.count == 0)
		self->progress_ns = monotonic_now_ns();
	under_way_add(&self->under_way, (uint8_t)(channel - SESSION_CHANNEL), written);
	self->room -= message->body.len < self->room ? message->body.len : self->room;
	return written;
}

static bool takes_more(const struct rabbitmq_bus *self)
{
	assert(self != NULL);
	return self->session.handle != NULL && !self->session.is_blocked && !self->under_way.is_refused &&
	       self->under_way.count < UNDER_WAY_MAX;
}

/* Answers how many were sent. */
static uint32_t send_all(struct rabbitmq_bus *self, const struct event_record *const *records, uint32_t count, uint64_t deadline_ns)
{
	assert(self->session.handle != NULL && records != NULL);
	uint32_t sent = 0;
	cork(self, 1);
	while (sent < count && takes_more(self) && (self->room > 0 || await_room(self, deadline_ns))) {
		uint32_t written = takes_more(self) ? send_message(self, &records[sent], count - sent) : 0;
		if (written == 0)
			break;
		sent += written;
	}
	if (self->session.handle != NULL)
		cork(self, 0);
	return sent;
}

/* Publishes the status after this call for other threads. */
static enum bus_result tell(struct rabbitmq_bus *self, enum bus_result result)
{
	assert(self != NULL);
	pthread_mutex_lock(&self->lock);
	struct rabbitmq_bus_status *status = &self->status;
	*status = (struct rabbitmq_bus_status){
		.is_connected = self->session.handle != NULL,
		.is_blocked = self->session.is_blocked,
		.connections = self->session.connections,
		.messages = self->base.messages,
		.unroutable = self->unroutable,
		.unroutable_id = self->unroutable_id,
		.unroutable_type = self->unroutable_type,
	};
	(void)snprintf(status->problem, sizeof status->problem, "%s", self->session.problem);
	pthread_mutex_unlock(&self->lock);
	return result;
}

/* Judges the messages under way. Heartbeats find out when a connection is dead; a live one that has settled nothing for very long is
 * given up, too, unless the broker blocks it. A refusal is reported once all other messages are settled, for it is sent again with the
 * messages behind it. */
static enum bus_result judge(struct rabbitmq_bus *self)
{
	assert(self != NULL);
	struct session *session = &self->session;
	if (session->handle == NULL)
		return BUS_DOWN;
	bool is_settled = under_way_is_settled(&self->under_way);
	if (is_settled && self->under_way.is_refused) {
		session_note(session, "refuses messages", "a queue is full, or fails");
		self->under_way.is_refused = false;
		self->under_way.count = 0;
		return BUS_DOWN;
	}
	if (session->is_blocked)
		return is_settled ? BUS_DOWN : BUS_PENDING;
	uint64_t silent_ms = is_settled ? 0 : (monotonic_now_ns() - self->progress_ns) / 1000000;
	if (silent_ms > PENDING_MAX_MS) {
		session_lose(session, "does not confirm", NULL);
		return BUS_DOWN;
	}
	if (silent_ms >= LATE_MS && session->problem[0] == '\0')
		session_note(session, "does not confirm in time", NULL);
	return is_settled ? BUS_OK : BUS_PENDING;
}

static enum bus_result rabbitmq_send(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms,
                                     uint32_t *ret_sent)
{
	assert(records != NULL && count > 0 && ret_sent != NULL);
	struct rabbitmq_bus *self = self_of(bus);
	uint64_t deadline_ns = monotonic_now_ns() + timeout_ms * 1000000;
	*ret_sent = 0;
	if (!session_connect(&self->session, deadline_ns) || !take_frames(self, 0))
		return tell(self, BUS_DOWN);
	if (takes_more(self))
		*ret_sent = send_all(self, records, count, deadline_ns);
	enum bus_result result = judge(self);
	return tell(self, result == BUS_PENDING && *ret_sent == count ? BUS_OK : result);
}

static enum bus_result rabbitmq_collect(struct bus *bus, uint64_t timeout_ms)
{
	assert(bus != NULL);
	struct rabbitmq_bus *self = self_of(bus);
	uint64_t now_ns = monotonic_now_ns(), deadline_ns = now_ns + timeout_ms * 1000000, before = bus->confirmed;
	if (!session_connect(&self->session, now_ns + (uint64_t)CONNECT_TIMEOUT_MS * 1000000) || !take_frames(self, 0))
		return tell(self, BUS_DOWN);
	while (bus->confirmed == before && !under_way_is_settled(&self->under_way) && monotonic_now_ns() < deadline_ns)
		if (!take_frames(self, deadline_ns))
			return tell(self, BUS_DOWN);
	if (bus->confirmed > before && !self->session.is_blocked)
		session_note(&self->session, NULL, NULL);
	return tell(self, judge(self));
}

static void rabbitmq_free(struct bus *bus)
{
	assert(bus != NULL);
	struct rabbitmq_bus *self = self_of(bus);
	session_release(&self->session);
	buffer_release(&self->body);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static const struct bus_operations rabbitmq_operations = {
	.send = rabbitmq_send,
	.collect = rabbitmq_collect,
	.free = rabbitmq_free,
};

enum error rabbitmq_bus_open(const char *url, const struct tls_client_files *tls, uint32_t batch_max, struct bus **ret_bus,
                             char message[static RABBITMQ_MESSAGE_MAX])
{
	assert(url != NULL && batch_max <= RABBITMQ_BATCH_MAX);
	assert(ret_bus != NULL);
	struct rabbitmq_bus *self = calloc(1, sizeof *self);
	if (self == NULL) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "out of memory");
		return ERR_NO_MEMORY;
	}
	enum error error = session_init(url, tls, &self->session, message);
	if (error != OK) {
		free(self);
		return error;
	}
	self->base.operations = &rabbitmq_operations;
	self->batch_max = batch_max;
	self->session.prepare = select_confirms;
	self->session.context = self;
	buffer_init(&self->body, NULL, BODY_MAX);
	pthread_mutex_init(&self->lock, NULL);
	*ret_bus = &self->base;
	return OK;
}

void rabbitmq_bus_status(struct bus *bus, struct rabbitmq_bus_status *ret_status)
{
	assert(bus != NULL);
	struct rabbitmq_bus *self = self_of(bus);
	assert(bus->operations == &rabbitmq_operations && ret_status != NULL);
	pthread_mutex_lock(&self->lock);
	*ret_status = self->status;
	pthread_mutex_unlock(&self->lock);
}
