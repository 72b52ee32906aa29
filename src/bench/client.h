/* client.h: many keep-alive connections to one server or to several that serve the same, one request in flight on each, all on the calling
 * thread.
 *
 * A request is repeated, byte for byte, until it has its answer: after a lost connection, a time-out, or when the handler says so. While
 * the server is away the connections are made again with a growing pause; when one has waited for `patience_ms` the run ends. With
 * several servers each new connection goes to the next one, and so does a request that is repeated. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"
#include "bench/endpoint.h"
#include "bench/response.h"

#define CLIENT_CONNECTIONS_MAX 20000

struct client_options {
	struct endpoint_list endpoints;
	uint32_t connections;
	uint64_t timeout_ms;  /* for one answer, before the request is sent again */
	uint64_t patience_ms; /* for a request in all */
};

struct client_answer {
	uint32_t connection;
	uint32_t attempts; /* times that the request was sent before this answer */
	uint64_t now_ns;
	struct response response;
};

enum client_next {
	CLIENT_IDLE,  /* the connection is free */
	CLIENT_SEND,  /* send the text of `request` */
	CLIENT_LATER, /* the same again, after the time the response asks for */
};

/* The use of the connections. The functions may call the client, but not client_run and client_release. */
struct client_handler {
	void *context;
	/* A connection is free: write a request into `request`, which is empty. False: there is none to send now. */
	bool (*start)(void *context, uint32_t connection, uint64_t now_ns, struct buffer *request);
	/* The answer's body lives until the function returns. `request` still holds what was asked. */
	enum client_next (*answered)(void *context, const struct client_answer *answer, struct buffer *request);
	/* When `start` will have something to send; in the past: now; UINT64_MAX: never again. */
	uint64_t (*due_ns)(void *context, uint64_t now_ns);
	/* About every 10 ms. */
	void (*tick)(void *context, uint64_t now_ns);
};

struct client_counts {
	uint64_t repeats;    /* requests that were sent again without having had an answer */
	uint64_t reconnects; /* connections that had to be made again */
	uint64_t timeouts;
	uint64_t broken; /* answers that were not HTTP */
};

struct connection;

struct client {
	struct client_options options;
	struct connection *connections;
	struct list idle; /* connected and free, the longest so first */
	uint32_t busy;    /* connections with a request, whatever their state */
	int epoll;
	bool is_stopped;
	bool is_out_of_patience;
	struct client_counts counts;
};

/* ERR_NO_MEMORY, ERR_SYSTEM (errno says why); nothing to release then. */
must_check enum error client_init(struct client *client, const struct client_options *options);
/* Closes everything. Takes one that is all zero. */
void client_release(struct client *client);

enum client_end {
	CLIENT_FINISHED,        /* nothing more to start, everything answered */
	CLIENT_STOPPED,         /* client_stop was called: requests in flight were dropped */
	CLIENT_OUT_OF_PATIENCE, /* the same, because one was not answered or the server not reached in time */
};

/* May be called again and again; connections stay open in between. */
enum client_end client_run(struct client *client, const struct client_handler *handler);
void client_stop(struct client *client);
/* The connection is closed as soon as the request that the handler is about to return is sent, and the request repeated on a new one, as
 * by an impatient caller. */
void client_hang_up(struct client *client, uint32_t connection);
