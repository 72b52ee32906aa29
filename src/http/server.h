/* server.h: the HTTP/1.1 server: event loops, each a thread with its own connections.
 *
 * The loops, their timers and the sockets' writes are net/reactor.h; the protocol is connection.h.
 *
 * What a client may take is bounded: connections, bytes of head, target and body, the time to send a request, to idle and to read an
 * answer. Its limits are options; every refusal is a problem (problem.h) and followed by a lingering close. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/cidr.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "http/request.h"
#include "http/router.h"

/* What became of a request, for logs and metrics. Borrows from the request: valid during the call. */
struct http_request_summary {
	const char *route;   /* the route's path; NULL: none was found */
	struct slice method; /* empty when the head could not be read, like the path */
	struct slice path;
	uint16_t status;
	enum error error;     /* why it was refused; of a 500 what the client is not told; OK: it was not */
	bool is_delivered;    /* the whole answer was given to the network; false: the client had gone */
	uint64_t duration_ns; /* from its first byte to the last of the answer */
	uint64_t bytes_received;
	uint64_t bytes_sent;
	struct slice id;
	const struct trace_context *trace;
	struct slice user;
	struct ip_address client;
};

struct http_server_options {
	const char *host; /* numeric IPv4 or IPv6 address; "" or "*": all of both */
	uint16_t port;    /* 0: any free one */
	uint32_t loops;
	const struct http_router *router;        /* borrowed, like everything in it */
	const struct cidr_list *trusted_proxies; /* borrowed */
	uint32_t connections_max; /* of all loops together; beyond it clients wait to be accepted. The process needs as many descriptors */
	size_t head_max;          /* bytes of request line and header fields: 431 past it */
	size_t target_max;        /* bytes of request target: 414 past it */
	uint32_t receive_timeout_ms; /* from a request's first byte to its last: 408 past it */
	uint32_t idle_timeout_ms;    /* for a connection without a request, and for a client to take an answer */
	uint32_t deadline_ms;        /* from the moment a request is complete to request->deadline_ns */
	/* Called on the loop when a request is finished, whatever way; NULL: nobody wants to know. */
	void (*finished)(void *context, const struct http_request_summary *summary);
	void *context;
};

/* The defaults: 16 KiB of head, 8 KiB of target, 10 s to receive, 75 s idle, 20,000 connections, 5 s deadline, two loops on 127.0.0.1. */
struct http_server_options http_server_defaults(void);

struct http_server;

/* Binds and listens; clients wait. ERR_SYSTEM: the address is not to be had, with errno; ERR_NO_MEMORY. */
must_check enum error http_server_new(const struct http_server_options *options, struct http_server **ret_server);
/* Starts the loops, which take the clients; once, and everything that requests are handed to is there. ERR_SYSTEM, ERR_NO_MEMORY: it can only
 * be freed. */
must_check enum error http_server_start(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
uint32_t http_server_connections(const struct http_server *server);

/* Graceful: takes no more connections, answers every request that arrives on those it has, each with Connection: close, closes those that
 * stay idle for a second, and cuts what is left after timeout_ms. Returns when no connection is left. Suspended requests whose clients
 * were cut stay valid: complete them before http_server_free. True: nothing had to be cut. */
bool http_server_stop(struct http_server *server, uint32_t timeout_ms);
/* Stops at once if that has not been done, ends the threads, frees. Nobody may complete a request after this. Takes NULL. */
void http_server_free(struct http_server *server);
