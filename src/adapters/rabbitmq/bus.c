/* bus.c: batches of messages and their confirms.
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
#include "adapters/rabbitmq/confirms.h"
#include "adapters/rabbitmq/message.h"
#include "adapters/rabbitmq/rabbitmq.h"
#include "adapters/rabbitmq/resume.h"
#include "adapters/rabbitmq/session.h"
#include "base/list.h"
#include "base/now.h"

#define PING_TIMEOUT_MS 2000
#define PENDING_MAX_MS 120000  /* without a confirm, on a connection that lives */
#define BODY_MAX (1024 * 1024) /* far beyond the largest hold or order */
#define ROOM (32 * 1024)       /* bytes that a socket which can be written to surely takes (session.c) */

struct rabbitmq_bus {
	struct bus base;
	struct session session;
	struct confirms confirms;
	struct message message; /* the one being sent, and its body */
	struct buffer body;
	size_t room; /* bytes that may be sent before the socket is looked at again */
	struct resume resume;
	bool is_pending;      /* the last call said so */
	uint64_t progress_ns; /* when a message was settled last, or sent while none was under way */
	uint64_t confirmed;
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

static bool select_confirms(struct session *session, uint64_t deadline_ns)
{
	assert(session->context != NULL);
	struct rabbitmq_bus *self = session->context;
	resume_reconnect(&self->resume, &self->confirms);
	confirms_reset(&self->confirms);
	self->room = 0;
	self->is_pending = false;
	session_limit(session, deadline_ns);
	(void)amqp_confirm_select(session->handle, SESSION_CHANNEL);
	return session_check(session, "does not confirm messages");
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

static void take_refusal(struct rabbitmq_bus *self, const amqp_basic_nack_t *nack)
{
	assert(nack != NULL);
	self->progress_ns = monotonic_now_ns();
	uint64_t first = nack->multiple ? self->confirms.first : nack->delivery_tag;
	if (first > 0) /* no message has the tag 0 */
		resume_refuse(&self->resume, first);
	(void)confirms_settle(&self->confirms, nack->delivery_tag, nack->multiple != 0);
}

static void take_frame(struct rabbitmq_bus *self, const amqp_frame_t *frame)
{
	assert(frame != NULL);
	if (frame->frame_type == AMQP_FRAME_HEADER) {
		take_return(self, frame->payload.properties.decoded);
	} else if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_ACK_METHOD) {
		const amqp_basic_ack_t *ack = frame->payload.method.decoded;
		self->progress_ns = monotonic_now_ns();
		self->confirmed += confirms_settle(&self->confirms, ack->delivery_tag, ack->multiple != 0);
	} else if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_NACK_METHOD) {
		take_refusal(self, frame->payload.method.decoded);
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

/* Waits until no more than `count` messages are not settled. False: not in time, or the broker has blocked us, or is gone. */
static bool await_confirms(struct rabbitmq_bus *self, uint32_t count, uint64_t deadline_ns)
{
	assert(count <= CONFIRMS_MAX);
	while (confirms_count(&self->confirms) > count) {
		if (self->session.is_blocked)
			return false;
		if (monotonic_now_ns() >= deadline_ns)
			return give_up(self, "does not confirm in time");
		if (!take_frames(self, deadline_ns))
			return false;
	}
	return true;
}

/* Waits until the socket has room. The same. */
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

static bool send_record(struct rabbitmq_bus *self, const struct event_record *record, uint64_t deadline_ns)
{
	assert(self->session.handle != NULL && record != NULL);
	struct message *message = &self->message;
	if (confirms_count(&self->confirms) == CONFIRMS_MAX) {
		cork(self, 0);
		if (!await_confirms(self, CONFIRMS_MAX / 2, deadline_ns))
			return false;
		cork(self, 1);
	}
	if (self->room == 0 && !await_room(self, deadline_ns))
		return false;
	if (!message_write(message, &self->body, record)) {
		session_lose(&self->session, "is not asked", "out of memory");
		return false;
	}
	int status = amqp_basic_publish(self->session.handle, SESSION_CHANNEL, amqp_cstring_bytes(RABBITMQ_EXCHANGE), message->routing_key,
	                                1, 0, &message->properties, message->body);
	if (status != AMQP_STATUS_OK) {
		session_lose(&self->session, "is gone", amqp_error_string2(status));
		return false;
	}
	if (confirms_count(&self->confirms) == 0)
		self->progress_ns = monotonic_now_ns();
	resume_add(&self->resume, &record->id, self->confirms.next);
	confirms_add(&self->confirms);
	self->room -= message->body.len < self->room ? message->body.len : self->room;
	return true;
}

static bool send_all(struct rabbitmq_bus *self, const struct event_record *const *records, uint32_t count, uint64_t deadline_ns)
{
	assert(self->session.handle != NULL && records != NULL);
	bool is_sent = true;
	cork(self, 1);
	for (uint32_t i = 0; i < count && is_sent; i++)
		is_sent = resume_has(&self->resume, &records[i]->id) || send_record(self, records[i], deadline_ns);
	if (self->session.handle != NULL)
		cork(self, 0);
	return is_sent;
}

/* What others may know of this call. */
static enum bus_result tell(struct rabbitmq_bus *self, enum bus_result result)
{
	assert(self != NULL);
	pthread_mutex_lock(&self->lock);
	struct rabbitmq_bus_status *status = &self->status;
	*status = (struct rabbitmq_bus_status){
		.is_connected = self->session.handle != NULL,
		.is_blocked = self->session.is_blocked,
		.connections = self->session.connections,
		.confirmed = self->confirmed,
		.unroutable = self->unroutable,
		.unroutable_id = self->unroutable_id,
		.unroutable_type = self->unroutable_type,
	};
	(void)snprintf(status->problem, sizeof status->problem, "%s", self->session.problem);
	pthread_mutex_unlock(&self->lock);
	return result;
}

/* What has become of a connection that does not take or confirm messages now. Its heartbeats find out when it is dead; one that lives and has
 * settled nothing for very long is given up too. A blocked one has a reason. */
static enum bus_result judge(struct rabbitmq_bus *self)
{
	assert(self != NULL);
	struct session *session = &self->session;
	bool awaits_confirms = session->handle != NULL && confirms_count(&self->confirms) > 0;
	if (awaits_confirms && !session->is_blocked && monotonic_now_ns() - self->progress_ns > (uint64_t)PENDING_MAX_MS * 1000000) {
		session_lose(session, "does not confirm", NULL);
		return BUS_DOWN;
	}
	self->is_pending = session->handle != NULL && (awaits_confirms || self->resume.count > 0);
	return self->is_pending ? BUS_PENDING : BUS_DOWN;
}

static enum bus_result try_publish(struct rabbitmq_bus *self, const struct event_record *const *records, uint32_t count,
                                   uint64_t deadline_ns)
{
	assert(records != NULL && count > 0);
	if (!session_connect(&self->session, deadline_ns) || !take_frames(self, 0))
		return BUS_DOWN;
	if (self->session.is_blocked)
		return judge(self);
	resume_begin(&self->resume);
	if (!send_all(self, records, count, deadline_ns) || !await_confirms(self, 0, deadline_ns))
		return judge(self);
	bool is_confirmed = self->resume.refused_tag == 0;
	self->is_pending = false;
	session_note(&self->session, is_confirmed ? NULL : "refuses messages", "a queue is full, or fails");
	if (is_confirmed)
		resume_finish(&self->resume);
	return is_confirmed ? BUS_OK : BUS_DOWN;
}

static enum bus_result rabbitmq_publish(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms)
{
	assert(records != NULL && count > 0);
	struct rabbitmq_bus *self = self_of(bus);
	return tell(self, try_publish(self, records, count, monotonic_now_ns() + timeout_ms * 1000000));
}

static enum bus_result try_ping(struct rabbitmq_bus *self)
{
	assert(self != NULL);
	if (!session_connect(&self->session, monotonic_now_ns() + (uint64_t)PING_TIMEOUT_MS * 1000000) || !take_frames(self, 0))
		return BUS_DOWN;
	if (self->session.is_blocked || confirms_count(&self->confirms) > 0)
		return judge(self);
	if (self->is_pending)
		session_note(&self->session, NULL, NULL);
	self->is_pending = false;
	return BUS_OK;
}

static enum bus_result rabbitmq_ping(struct bus *bus)
{
	assert(bus != NULL);
	struct rabbitmq_bus *self = self_of(bus);
	return tell(self, try_ping(self));
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
	.publish = rabbitmq_publish,
	.ping = rabbitmq_ping,
	.free = rabbitmq_free,
};

enum error rabbitmq_bus_open(const char *url, struct bus **ret_bus, char message[static RABBITMQ_MESSAGE_MAX])
{
	assert(url != NULL);
	assert(ret_bus != NULL);
	struct rabbitmq_bus *self = calloc(1, sizeof *self);
	if (self == NULL) {
		(void)snprintf(message, RABBITMQ_MESSAGE_MAX, "out of memory");
		return ERR_NO_MEMORY;
	}
	enum error error = session_init(url, &self->session, message);
	if (error != OK) {
		free(self);
		return error;
	}
	self->base.operations = &rabbitmq_operations;
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
