/* acceptor.h: accepts connections for all loops, on the thread of the first, and hands each to the loop that has the fewest. Internal to
 * http/.
 *
 * One thread waits for the listening sockets, so that a new client wakes one thread, and the limit of connections is one number for the
 * whole server. From three quarters of the limit on, each new connection closes one that waits: an idle one, or, at the limit, one whose
 * head has been arriving for longest. At the limit, and while the process is out of descriptors or memory, clients wait in the kernel's
 * queue. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "http/server_options.h"
#include "net/descriptor_reserve.h"
#include "net/reactor.h"

struct listening;
struct loop;

struct acceptor {
	struct loop *loops; /* the server's; [0] is the one that accepts */
	uint32_t loop_count;
	uint32_t connections_max;
	struct acceptor_socket {
		struct acceptor *acceptor;
		struct stream *stream;
	} sockets[HTTP_SOCKETS_MAX];
	uint32_t socket_count; /* 0 once closed */
	struct timer_queue pauses;
	struct timer pause; /* out of descriptors or memory */
	struct timer retry; /* at the limit: tries again to close an idle connection */
	struct usage *usage;
	const struct cidr_list *trusted_proxies; /* their connections are not counted */
	struct descriptor_reserve
		reserve;         /* used by the first loop; the server's to fill and to release, empty where there are several loops */
	_Atomic bool is_waiting; /* at the limit: the next connection that closes has to wake the first loop */
};

/* Starts accepting; the thread of the first loop does not run yet. Takes over the sockets: it removes those that it has taken from
 * *listening. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error acceptor_start(struct acceptor *acceptor, struct loop *loops, uint32_t loop_count, uint32_t connections_max,
                                     struct listening *listening);
/* On the first loop. Accepts the clients that the kernel has connected already, as closing the listener would reset them. */
void acceptor_close(struct acceptor *acceptor);
/* On the first loop: goes on where it waited for a connection to close. */
void acceptor_resume(struct acceptor *acceptor);
/* From any loop: stops counting a connection that it has closed. */
void acceptor_connection_closed(struct acceptor *acceptor);
