/* connection.h: a client's connection: requests in, answers out, one after the other (RFC 9112). Internal to http/.
 *
 * It is always in one state, and each has its time limit:
 *   GREETING   a trusted proxy sends the PROXY header, or the TLS handshake runs          head_timeout
 *   IDLE       between requests; without memory for one                                    idle_timeout
 *   RECEIVING  a request is arriving                                                       head_timeout, then body_timeout: 408
 *   CONTINUING the client is being told to go on                                           body_timeout
 *   HANDLING   the request is with its handler                                             the handler's
 *   SENDING    the answer is on its way                                                    idle_timeout
 *   PAUSING    a streamed answer has no piece at present                                  100 ms, then it is asked
 *   SKIPPING   the rest of a refused body is thrown away, for the sake of the connection   body_timeout
 *   LINGERING  nothing more is said; input is thrown away until the client closes, so that no reset destroys the last answer  2 s */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "http/greeting.h"
#include "http/loop.h"

enum connection_state {
	CONNECTION_GREETING,
	CONNECTION_IDLE,
	CONNECTION_RECEIVING,
	CONNECTION_CONTINUING,
	CONNECTION_HANDLING,
	CONNECTION_SENDING,
	CONNECTION_PAUSING,
	CONNECTION_SKIPPING,
	CONNECTION_LINGERING,
};

struct connection {
	struct loop *loop;
	struct list_node node; /* on the loop's list of arrivals, then on that of connections */
	int descriptor;        /* until there is a stream */
	struct stream *stream;
	struct timer timer;
	struct exchange *exchange; /* NULL while idle and lingering */
	enum connection_state state;
	enum loop_timeout timeout; /* the limit of its timer */
	bool is_reading;           /* the loop tells when there is input */
	uint32_t discarded;        /* bytes thrown away while lingering */
	uint64_t received_before;  /* bytes of its exchange when the time limit of the body began */
	uint64_t to_be_skipped;    /* bytes of a refused body that have not arrived */
	struct ip_address peer;
	bool is_counted;     /* among those of its address */
	bool may_be_greeted; /* the peer is a trusted proxy that has not sent anything yet */
	struct greeting greeting;
	bool is_shaking_hands; /* TLS, until it is agreed on */
};

/* Takes over an accepted descriptor; of no loop yet, and used by one thread at a time. NULL: out of memory, and the descriptor is
 * closed. */
must_check struct connection *connection_new(int descriptor, const struct ip_address *peer);
/* On its loop, which counts it already: serves it from now on, or closes it when there is no memory for that. */
void connection_start(struct connection *connection, struct loop *loop);
/* Closes at once. A suspended exchange stays, without a connection. */
void connection_close(struct connection *connection);
/* The loop begins to drain: an idle connection gets a little time for a request that may be on its way. */
void connection_drain(struct connection *connection);
/* A suspended exchange has been completed: goes on with it, whether its connection is there or not. */
void connection_resume(struct exchange *exchange);
/* On the loop: closes up to `count` connections to make room for others: the one that has been idle for longest first, then the one
 * whose head has been arriving for longest. Those that have waited less than a second stay. */
void connection_evict(struct loop *loop, uint32_t count);
