/* reactor.h: one thread's event loop: sockets that can be read or have been written to, time limits, and a way to wake it.
 *
 * A reactor runs on one thread, and everything here is called on that thread, except reactor_wake. Callbacks are called by reactor_run
 * and by nothing else: starting a write never calls back before it returns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"

#define STREAM_PIECES_MAX 2

struct reactor;
struct stream;
struct tls_session;

/* A time limit, in the memory of its owner. All zero, except for `expired`: not started. */
struct timer {
	struct list_node node;
	uint64_t due_ms;
	void (*expired)(struct timer *timer);
};

/* Timers of one duration: the one started first ends first, so that starting and stopping cost the same for any number of them. */
struct timer_queue {
	struct reactor *reactor;
	uint64_t duration_ms;
	struct list timers;
	struct list_node node; /* on the reactor's list of queues */
};

/* woken: called on the reactor's thread after reactor_wake, once for any number of calls before it. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error reactor_new(void (*woken)(void *context), void *context, struct reactor **ret_reactor);
/* Every stream has been closed. Takes NULL. */
void reactor_free(struct reactor *reactor);
/* Waits for events and calls back for all that have come; the caller repeats it. */
void reactor_run(struct reactor *reactor);
/* From any thread. */
void reactor_wake(struct reactor *reactor);

/* The queue has to stay where it is until the reactor is freed. */
void timer_queue_init(struct timer_queue *queue, struct reactor *reactor, uint64_t duration_ms);
/* The timer is not started. It expires once, after the queue's duration to the millisecond; it is not started then. */
void timer_start(struct timer_queue *queue, struct timer *timer);
/* The one that was started first and will expire next; NULL: there is none. */
struct timer *timer_queue_first(const struct timer_queue *queue);
/* Takes one that is not started. */
void timer_stop(struct timer *timer);
static inline bool timer_is_started(const struct timer *timer)
{
	return timer->node.next != NULL;
}

/* Takes over a socket that does not block; not on failure. ERR_NO_MEMORY, ERR_SYSTEM.
 *
 * `readable` is called, from the next reactor_run on, whenever there is something to be read or accepted, the other side has closed, or
 * the socket has failed: the caller's recv or accept tells which. Input that the caller leaves is reported again. */
must_check enum error stream_new(struct reactor *reactor, int descriptor, void (*readable)(void *context), void *context,
                                 struct stream **ret_stream);
/* Reads as recv(2) does: the bytes, 0 when no more will come, -1 with errno, EAGAIN when there is nothing now. */
ssize_t stream_read(struct stream *stream, void *data, size_t size);
/* Encrypts all that the stream carries; call it before anything is read or written. It takes over the session. */
void stream_encrypt(struct stream *stream, struct tls_session *session);
/* Goes on with the handshake. OK: it is done; ERR_OVERLOADED: call it when there is something to be read; ERR_SYSTEM: it has failed. */
must_check enum error stream_handshake(struct stream *stream);
/* Says that nothing more will be written. False: the socket has failed. */
must_check bool stream_end(struct stream *stream);
/* Goes on reading after stream_read_stop. */
void stream_read_start(struct stream *stream, void (*readable)(void *context));
void stream_read_stop(struct stream *stream);
/* Writes all of the pieces, up to STREAM_PIECES_MAX, which stay where they are until `written` is called: is_whole is false when the
 * socket has failed. One write at a time. */
void stream_write(struct stream *stream, const struct slice *pieces, uint32_t count, void (*written)(void *context, bool is_whole));
int stream_descriptor(const struct stream *stream);
/* Closes the socket and frees the stream; nothing is called back any more. */
void stream_close(struct stream *stream);
