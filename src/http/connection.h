/* connection.h: a client's connection: requests in, answers out, one after the other (RFC 9112). Internal to http/.
 *
 * It is always in one state, and each has its time limit:
 *   IDLE       between requests; without memory for one                               idle_timeout
 *   RECEIVING  a request is arriving                                                  receive_timeout: 408
 *   CONTINUING the client is being told to go on                                      receive_timeout
 *   HANDLING   the request is with its handler                                        the handler's
 *   SENDING    the answer is on its way                                               idle_timeout
 *   LINGERING  nothing more is said; input is thrown away until the client closes, so that no reset destroys the last answer  2 s */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "http/loop.h"

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_RECEIVING,
	CONNECTION_CONTINUING,
	CONNECTION_HANDLING,
	CONNECTION_SENDING,
	CONNECTION_LINGERING,
};

struct connection {
	struct loop *loop;
	struct list_node node; /* on the loop's list */
	h2o_socket_t *socket;
	h2o_timeout_entry_t timer;
	struct exchange *exchange; /* NULL while idle and lingering */
	enum connection_state state;
	bool is_reading;    /* the loop tells when there is input */
	uint32_t discarded; /* bytes thrown away while lingering */
	struct ip_address peer;
};

/* Takes over an accepted descriptor. ERR_NO_MEMORY: it is closed. */
must_check enum error connection_start(struct loop *loop, int descriptor, const struct ip_address *peer);
/* Closes at once. A suspended exchange stays, without a connection. */
void connection_close(struct connection *connection);
/* The loop begins to drain: an idle connection gets a little time for a request that may be on its way. */
void connection_drain(struct connection *connection);
/* A suspended exchange has been completed: goes on with it, whether its connection is there or not. */
void connection_resume(struct exchange *exchange);
