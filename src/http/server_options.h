/* server_options.h: the options of a server: its addresses, its routes, the limits of its clients, and the observer of each request. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/trace_context.h"
#include "base/trace_sampler.h"
#include "http/router.h"

#define HTTP_DESCRIPTORS_RESERVED_MAX 16
#define HTTP_ADDRESSES_MAX 8
#define HTTP_SOCKETS_MAX 16 /* of all addresses: a name may have several */

/* An address to listen on: one of the three. Borrowed. */
struct http_address {
	const char *host; /* an address or a name; "", "*" or "::": every address, of IPv6 and IPv4 */
	uint16_t port;    /* of the host; 0: any free one */
	const char *path; /* of a unix socket; NULL: not one */
	int descriptor;   /* of a socket that listens already, which the server takes over; 0: none */
};

/* The result of a request, for logs and metrics. Borrows from the request: valid during the call. */
struct http_request_summary {
	const char *route;   /* the route's path; NULL: none was found */
	struct slice method; /* empty when the head could not be read, like the path */
	struct slice path;
	bool is_operators_action; /* on a route for operators that changes something, or from an operator */
	uint16_t status;
	enum error error;     /* the reason of a refusal, and of a 500 the error that the client is not shown; OK: neither */
	struct slice detail;  /* of a 401 or 403: the detail sent to the client; else empty */
	bool is_delivered;    /* the whole answer was given to the network; false: the client had gone */
	uint64_t received_ns; /* its first byte, by the monotonic clock */
	uint64_t duration_ns; /* from its first byte to the last of the answer; of one that goes on to its beginning */
	uint64_t served_ns;   /* the part of it after the last byte of the request, or after its refusal: without a slow client's sending */
	const struct http_stage *stages; /* the parts of the duration; the rest was reading, rendering and sending */
	uint32_t stage_count;
	uint64_t bytes_received;
	uint64_t bytes_sent;
	struct slice id;
	const struct trace_context *trace;
	struct slice trace_state;
	struct slice user;
	struct ip_address client;
	bool is_encrypted; /* the client asked by https, of this process or of a trusted proxy */
};

#define HTTP_BODY_RATE_MIN 16384 /* bytes a second, over each body_timeout_ms */

struct tls_server;

struct http_server_options {
	const char *name; /* static, at most 12 bytes: the threads are NAME-0, NAME-1, … */
	struct http_address addresses[HTTP_ADDRESSES_MAX];
	uint32_t address_count;
	uint32_t loops;
	struct tls_server *tls;                  /* borrowed; NULL: connections are not encrypted */
	const struct http_router *router;        /* borrowed, like everything in it */
	const struct cidr_list *trusted_proxies; /* borrowed */
	uint32_t connections_per_address;        /* 0: any number; trusted proxies are not limited */
	uint32_t client_ipv6_prefix;             /* the network of IPv6 that counts as one address */
	uint32_t connections_max; /* of all loops together; beyond it clients wait to be accepted. The process needs as many descriptors */
	/* Kept back for clients that come when the process has no descriptor left; at most HTTP_DESCRIPTORS_RESERVED_MAX, and only with one
	 * loop. */
	uint32_t descriptors_reserved;
	size_t head_max;          /* bytes of request line and header fields: 431 past it */
	size_t target_max;        /* bytes of request target: 414 past it */
	uint64_t body_memory_max; /* bytes that all bodies together take while they arrive and until they are answered: 503 past it */
	uint32_t head_timeout_ms; /* from the first byte of a head to its last: 408 past it */
	uint32_t body_timeout_ms; /* the same of a body; one that keeps up HTTP_BODY_RATE_MIN may take longer */
	uint32_t idle_timeout_ms; /* for a connection without a request, and for a client to take an answer */
	const struct trace_sampler
		*sampler;     /* borrowed; which traces are recorded. NULL: as their beginners say, and those that begin here */
	uint32_t deadline_ms; /* from the moment a request is complete to request->deadline_ns */
	/* Called on the loop when a request is finished, whatever way; NULL: nobody wants to know. */
	void (*finished)(void *context, const struct http_request_summary *summary);
	void *context;
};
