/* server.h: the HTTP/1.1 server: event loops, each a thread with its own connections.
 *
 * The loops, their timers and the sockets' writes are net/reactor.h; the protocol is connection.h.
 *
 * A client's use is bounded: connections, bytes of head, target and body, the time to send a request, to idle and to read an answer. The
 * limits are options; every refusal is a problem (problem.h), followed by a lingering close. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "http/request.h"
#include "http/server_options.h"

/* The defaults: 16 KiB of head, 8 KiB of target, 256 MiB of bodies, 10 s to receive, 75 s idle, 20,000 connections, 5 s deadline, two loops
 * on 127.0.0.1. */
struct http_server_options http_server_defaults(void);

struct http_server;

/* Binds and listens; clients wait. ERR_SYSTEM: cannot listen on an address, for the reason in errno; *ret_failed is its number;
 * ERR_NO_MEMORY. */
must_check enum error http_server_new(const struct http_server_options *options, uint32_t *ret_failed, struct http_server **ret_server);
/* Starts the loops, which take the clients; call it once, when all that requests are handed to is ready. ERR_SYSTEM, ERR_NO_MEMORY: it
 * can only be freed. */
must_check enum error http_server_start(struct http_server *server);
/* Of the first address that has one; 0: they are all unix sockets. */
uint16_t http_server_port(const struct http_server *server);
uint32_t http_server_connections(const struct http_server *server);
/* The limit of connections. */
uint32_t http_server_connections_max(const struct http_server *server);
uint32_t http_server_loops(const struct http_server *server);
/* The processor time of a loop's thread, which waits for nothing else; 0: it does not run. Safe from any thread while the server serves. */
uint64_t http_server_loop_ns(const struct http_server *server, uint32_t index);
/* Connections so far that were closed at once, because their address had its maximum. */
uint64_t http_server_refused_connections(const struct http_server *server);
/* Connections so far that were closed to make room for others. */
uint64_t http_server_evicted_connections(const struct http_server *server);

/* Graceful: takes no more connections, answers every request that arrives on those it has, each with Connection: close, closes those that
 * stay idle for a second, and cuts what is left after timeout_ms. Returns when no connection is left. Suspended requests whose clients
 * were cut stay valid: complete them before http_server_free. True: nothing had to be cut. */
bool http_server_stop(struct http_server *server, uint32_t timeout_ms);
/* Stops at once if that has not been done, ends the threads, frees. Nobody may complete a request after this. Takes NULL. */
void http_server_free(struct http_server *server);
