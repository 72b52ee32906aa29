/* session.h: one connection to a broker, with one channel. Private to the RabbitMQ adapter.
 *
 * A session that is lost is made again by the next session_connect; while that fails the tries are spaced. `problem` says why.
 * Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/net/resolver.h"
#include "adapters/rabbitmq/amqp_client.h"
#include "adapters/rabbitmq/rabbitmq.h"
#include "base/attributes.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/slice.h"

#define SESSION_CHANNEL 1
#define SESSION_CHANNELS_MAX 8

struct session {
	char *url; /* `server` points into it */
	struct amqp_connection_info server;
	struct resolver *resolver;
	struct tls_client_files tls; /* of an amqps:// URL */
	int verdict;                 /* on the server's certificate, the last time: X509_V_OK, or what is wrong with it */
	/* Prepares each new connection; calls session_check for each answer of the broker. The owner sets it before the first use. */
	bool (*prepare)(struct session *session, uint64_t deadline_ns);
	void *context; /* the owner's */

	amqp_connection_state_t handle; /* NULL: not connected */
	bool is_blocked;                /* the broker takes no messages now */
	uint64_t connections;           /* made so far */
	struct backoff backoff;         /* between the tries to connect */
	uint64_t next_try_ns;           /* not before, by the monotonic clock */
	char problem[RABBITMQ_MESSAGE_MAX];
};

enum session_result {
	SESSION_FRAME,   /* one of the channel */
	SESSION_NOTHING, /* the time is over, or the broker has blocked or unblocked the connection */
	SESSION_LOST,
};

/* Borrowed. */
static inline struct slice slice_of_bytes(amqp_bytes_t bytes)
{
	return (struct slice){.data = bytes.bytes, .length = bytes.len};
}

/* Reads the URL and connects to nothing; tls may be NULL. ERR_VALIDATION with a message, ERR_NO_MEMORY; *ret_session is untouched then. */
must_check enum error session_init(const char *url, const struct tls_client_files *tls, struct session *ret_session,
                                   char message[static RABBITMQ_MESSAGE_MAX]);
/* Says good-bye to the broker if there is one. Takes one that is all zero. */
void session_release(struct session *session);

/* True: connected. It takes no longer than to the deadline. */
must_check bool session_connect(struct session *session, uint64_t deadline_ns);
/* Waits for the next frame of the channel, until the deadline. The frame's data lives until session_recycle. */
must_check enum session_result session_wait(struct session *session, uint64_t deadline_ns, amqp_frame_t *ret_frame);
/* Frees what the frames since the last call pointed to. */
void session_recycle(struct session *session);
/* Notes a problem of a connection that stands: "what: why", or "what" if why is NULL; NULL for both: there is none. */
void session_note(struct session *session, const char *what, const char *why);
/* Ends the connection without another word: the problem is "what: why", or "what" where why is NULL. */
void session_lose(struct session *session, const char *what, const char *why);

/* Another channel than SESSION_CHANNEL, which is open. */
must_check bool session_open_channel(struct session *session, amqp_channel_t channel, uint64_t deadline_ns);
/* A durable topic exchange. */
must_check bool session_declare_exchange(struct session *session, const char *exchange, uint64_t deadline_ns);

/* Before each question to the broker: no longer than to the deadline. */
void session_limit(struct session *session, uint64_t deadline_ns);
/* Whether the broker has said yes to the last question; if not the problem says what it said. */
must_check bool session_check(struct session *session, const char *what);
