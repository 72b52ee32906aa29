/* reactor.c: see reactor.h. Descriptors are waited for by poller.h; timers and writes are here. */
#include "net/reactor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/poller.h"
#include "net/tls.h"

struct reactor {
	struct poller *poller;
	struct list timer_queues;
	struct list written;       /* streams whose writes are over and not told yet */
	struct list filled;        /* encrypted streams that have input which the kernel knows nothing of */
	char plain[TLS_WRITE_MAX]; /* collects the next piece to be encrypted */
};

struct stream {
	struct reactor *reactor;
	struct poll_handle handle;
	void *context;
	void (*readable)(void *context);               /* NULL: nobody reads */
	void (*written)(void *context, bool is_whole); /* NULL: nothing is being written */
	struct iovec pieces[STREAM_PIECES_MAX];        /* those not yet written */
	uint32_t piece_count;
	bool has_failed;
	struct list_node node;     /* on the reactor's list of what was written */
	struct tls_session *tls;   /* NULL: not encrypted */
	struct list_node filled;   /* on the reactor's list */
	bool read_wants_write : 1; /* of the session: it goes on when the socket can be written to … */
	bool write_wants_read : 1; /* … or read */
};

enum error reactor_new(void (*woken)(void *context), void *context, struct reactor **ret_reactor)
{
	assert(woken != NULL);

	struct reactor *reactor = calloc(1, sizeof *reactor);
	if (reactor == NULL)
		return ERR_NO_MEMORY;
	enum error error = poller_new(woken, context, &reactor->poller);
	if (error != OK) {
		free(reactor);
		return error;
	}
	list_init(&reactor->timer_queues);
	list_init(&reactor->written);
	list_init(&reactor->filled);
	*ret_reactor = reactor;
	return OK;
}

void reactor_free(struct reactor *reactor)
{
	if (reactor == NULL)
		return;
	assert(list_is_empty(&reactor->written) && list_is_empty(&reactor->filled));
	poller_free(reactor->poller);
	free(reactor);
}

void reactor_wake(struct reactor *reactor)
{
	poller_wake(reactor->poller);
}

/* Timers. */

void timer_queue_init(struct timer_queue *queue, struct reactor *reactor, uint64_t duration_ms)
{
	assert(duration_ms > 0);

	*queue = (struct timer_queue){.reactor = reactor, .duration_ms = duration_ms};
	list_init(&queue->timers);
	list_push(&reactor->timer_queues, &queue->node);
}

void timer_start(struct timer_queue *queue, struct timer *timer)
{
	assert(!timer_is_started(timer) && timer->expired != NULL);

	timer->due_ms = poller_now_ms(queue->reactor->poller) + queue->duration_ms;
	list_push(&queue->timers, &timer->node);
}

void timer_stop(struct timer *timer)
{
	if (timer_is_started(timer))
		list_remove(&timer->node);
}

struct timer *timer_queue_first(const struct timer_queue *queue)
{
	return list_is_empty(&queue->timers) ? NULL : container_of(queue->timers.head.next, struct timer, node);
}

/* Until the next timer expires; UINT32_MAX: there is none. */
static uint32_t time_left(const struct reactor *reactor)
{
	uint64_t now_ms = poller_now_ms(reactor->poller);
	uint64_t shortest = UINT32_MAX;
	list_for_each(node, &reactor->timer_queues) {
		const struct timer *timer = timer_queue_first(container_of(node, struct timer_queue, node));
		if (timer == NULL)
			continue;
		uint64_t left = timer->due_ms > now_ms ? timer->due_ms - now_ms : 0;
		shortest = left < shortest ? left : shortest;
	}
	return (uint32_t)shortest;
}

static void expire_timers(struct reactor *reactor)
{
	uint64_t now_ms = poller_now_ms(reactor->poller);
	list_for_each(node, &reactor->timer_queues) {
		const struct timer_queue *queue = container_of(node, struct timer_queue, node);
		struct timer *timer;
		while ((timer = timer_queue_first(queue)) != NULL && timer->due_ms <= now_ms) {
			list_remove(&timer->node);
			timer->expired(timer);
		}
	}
}

/* Streams. */

static void watch(struct stream *stream)
{
	uint32_t events = stream->readable != NULL ? POLL_READABLE : 0;
	if (stream->piece_count > 0)
		events |= stream->write_wants_read ? POLL_READABLE : POLL_WRITABLE;
	if (stream->read_wants_write)
		events |= POLL_WRITABLE;
	poller_watch(stream->reactor->poller, &stream->handle, events);
}

/* The write is over; its caller is told by reactor_run. */
static void end_write(struct stream *stream, bool has_failed)
{
	stream->piece_count = 0;
	stream->has_failed = has_failed;
	list_push(&stream->reactor->written, &stream->node);
}

static void drop_written(struct stream *stream, size_t length)
{
	uint32_t done = 0;
	while (done < stream->piece_count && length >= stream->pieces[done].iov_len)
		length -= stream->pieces[done++].iov_len;
	for (uint32_t i = done; i < stream->piece_count; i++)
		stream->pieces[i - done] = stream->pieces[i];
	stream->piece_count -= done;
	if (stream->piece_count > 0) {
		stream->pieces[0].iov_base = (char *)stream->pieces[0].iov_base + length;
		stream->pieces[0].iov_len -= length;
	}
}

/* The beginning of what is left, in one piece: one record, and one packet where it fits. */
static struct slice gather(struct stream *stream)
{
	struct reactor *reactor = stream->reactor;
	if (stream->piece_count == 1)
		return (struct slice){.data = stream->pieces[0].iov_base, .length = stream->pieces[0].iov_len};
	size_t length = 0;
	for (uint32_t i = 0; i < stream->piece_count && length < sizeof reactor->plain; i++) {
		size_t room = sizeof reactor->plain - length;
		size_t taken = stream->pieces[i].iov_len < room ? stream->pieces[i].iov_len : room;
		memcpy(reactor->plain + length, stream->pieces[i].iov_base, taken);
		length += taken;
	}
	return (struct slice){.data = reactor->plain, .length = length};
}

static void write_encrypted(struct stream *stream)
{
	enum tls_result result = TLS_DONE;
	stream->write_wants_read = false;
	while (stream->piece_count > 0 && result == TLS_DONE) {
		size_t length = 0;
		result = tls_session_write(stream->tls, gather(stream), &length);
		if (result == TLS_DONE)
			drop_written(stream, length);
	}
	stream->write_wants_read = result == TLS_WANTS_READ;
	bool has_failed = result == TLS_FAILED || result == TLS_CLOSED;
	if (has_failed || stream->piece_count == 0)
		end_write(stream, has_failed);
	watch(stream);
}

static void write_on(struct stream *stream)
{
	if (stream->tls != NULL) {
		write_encrypted(stream);
		return;
	}
	const struct msghdr message = {.msg_iov = stream->pieces, .msg_iovlen = stream->piece_count};
	ssize_t length = sendmsg(stream->handle.descriptor, &message, MSG_NOSIGNAL);
	bool has_failed = length < 0 && errno != EAGAIN && errno != EINTR;
	if (length > 0)
		drop_written(stream, (size_t)length);
	if (has_failed || stream->piece_count == 0)
		end_write(stream, has_failed);
	watch(stream);
}

static void tell_written(struct reactor *reactor)
{
	struct list written; /* streams written to by callbacks wait for the next round, after new events */
	list_init(&written);
	list_splice(&written, &reactor->written);
	struct list_node *node;
	while ((node = list_pop(&written)) != NULL) {
		struct stream *stream = container_of(node, struct stream, node);
		void (*callback)(void *context, bool is_whole) = stream->written;
		stream->written = NULL;
		callback(stream->context, !stream->has_failed);
	}
}

static void on_ready(struct poll_handle *handle, uint32_t events)
{
	struct stream *stream = container_of(handle, struct stream, handle);
	bool can_read = events & POLL_READABLE || (events & POLL_WRITABLE && stream->read_wants_write);
	if (events & (stream->write_wants_read ? POLL_READABLE : POLL_WRITABLE) && stream->piece_count > 0)
		write_on(stream);
	if (can_read && stream->readable != NULL)
		stream->readable(stream->context); /* which may close it */
}

enum error stream_new(struct reactor *reactor, int descriptor, void (*readable)(void *context), void *context, struct stream **ret_stream)
{
	assert(descriptor >= 0 && readable != NULL);

	struct stream *stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		return ERR_NO_MEMORY;
	stream->reactor = reactor;
	stream->readable = readable;
	stream->context = context;
	stream->handle = (struct poll_handle){.descriptor = descriptor, .ready = on_ready};
	enum error error = poller_add(reactor->poller, &stream->handle, POLL_READABLE);
	if (error != OK) {
		free(stream);
		return error;
	}
	*ret_stream = stream;
	return OK;
}

/* Whether the session holds bytes back that the kernel will tell nothing of. */
static void note_input(struct stream *stream)
{
	bool is_noted = stream->filled.next != NULL;
	bool has_input = stream->tls != NULL && stream->readable != NULL && tls_session_has_input(stream->tls);
	if (has_input && !is_noted)
		list_push(&stream->reactor->filled, &stream->filled);
	else if (!has_input && is_noted)
		list_remove(&stream->filled);
}

void stream_encrypt(struct stream *stream, struct tls_session *session)
{
	assert(stream->tls == NULL && session != NULL);
	stream->tls = session;
}

/* The session's word for what it did as that of a socket. */
static ssize_t answer_of(struct stream *stream, enum tls_result result, size_t length)
{
	bool wants_write = result == TLS_WANTS_WRITE;
	if (wants_write != stream->read_wants_write) {
		stream->read_wants_write = wants_write;
		watch(stream);
	}
	note_input(stream);
	if (result == TLS_DONE)
		return (ssize_t)length;
	errno = result == TLS_FAILED ? ECONNRESET : EAGAIN;
	return result == TLS_CLOSED ? 0 : -1;
}

enum error stream_handshake(struct stream *stream)
{
	assert(stream->tls != NULL);
	enum tls_result result = tls_session_handshake(stream->tls);
	if (answer_of(stream, result, 0) == 0 && result == TLS_DONE)
		return OK;
	return result == TLS_WANTS_READ || result == TLS_WANTS_WRITE ? ERR_OVERLOADED : ERR_SYSTEM;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size)
{
	size_t length = 0;
	if (stream->tls == NULL)
		return recv(stream->handle.descriptor, data, size, 0);
	enum tls_result result = tls_session_read(stream->tls, data, size, &length);
	return answer_of(stream, result, length);
}

bool stream_end(struct stream *stream)
{
	if (stream->tls != NULL)
		tls_session_end(stream->tls);
	return shutdown(stream->handle.descriptor, SHUT_WR) == 0;
}

void stream_read_start(struct stream *stream, void (*readable)(void *context))
{
	assert(readable != NULL);

	stream->readable = readable;
	note_input(stream);
	watch(stream);
}

void stream_read_stop(struct stream *stream)
{
	stream->readable = NULL;
	note_input(stream);
	watch(stream);
}

void stream_write(struct stream *stream, const struct slice *pieces, uint32_t count, void (*written)(void *context, bool is_whole))
{
	assert(stream->written == NULL && written != NULL);
	assert(count > 0 && count <= STREAM_PIECES_MAX);

	stream->written = written;
	stream->piece_count = count;
	for (uint32_t i = 0; i < count; i++)
		stream->pieces[i] = (struct iovec){.iov_base = (char *)(uintptr_t)pieces[i].data, .iov_len = pieces[i].length};
	write_on(stream);
}

int stream_descriptor(const struct stream *stream)
{
	return stream->handle.descriptor;
}

void stream_close(struct stream *stream)
{
	if (stream->node.next != NULL)
		list_remove(&stream->node);
	if (stream->filled.next != NULL)
		list_remove(&stream->filled);
	if (stream->tls != NULL)
		tls_session_end(stream->tls); /* for a client that waits to hear it */
	tls_session_free(stream->tls);
	poller_remove(stream->reactor->poller, &stream->handle);
	close(stream->handle.descriptor);
	free(stream);
}

/* Those that are filled again by then have their turn in the next round. */
static void tell_filled(struct reactor *reactor)
{
	struct list filled;
	list_init(&filled);
	list_splice(&filled, &reactor->filled);
	struct list_node *node;
	while ((node = list_pop(&filled)) != NULL) {
		struct stream *stream = container_of(node, struct stream, filled);
		if (stream->readable == NULL)
			continue;
		note_input(stream); /* input that the callback leaves is reported again */
		stream->readable(stream->context);
	}
}

void reactor_run(struct reactor *reactor)
{
	bool is_waiting = list_is_empty(&reactor->written) && list_is_empty(&reactor->filled);
	poller_wait(reactor->poller, is_waiting ? time_left(reactor) : 0);
	tell_written(reactor);
	tell_filled(reactor);
	expire_timers(reactor);
}
