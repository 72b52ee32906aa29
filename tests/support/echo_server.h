/* echo_server.h: the HTTP server with routes that say back what they were sent, some of them from another thread.
 *
 *   GET    /ping              answered at once
 *   GET    /echo/{id}         the id and the parameter `q` of the query, answered at once
 *   POST   /echo              the JSON body, answered by a worker thread
 *   POST   /large             the same with bodies up to 8 MiB
 *   POST   /late              the same after `ms` milliseconds
 *   DELETE /echo/{id}         204
 *   GET    /tagged            has an ETag, and may be cached
 *   GET    /megabytes         4 MiB, not in the request's memory
 *   GET    /mine              for callers with `Authorization: Bearer let-me-in` */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "http/cors.h"
#include "http/server.h"

struct echo_server {
	struct http_router router;
	struct cors_origins cors;
	struct cidr_list trusted;
	struct http_server *server;
	struct echo_worker *worker;
	_Atomic uint64_t finished;  /* requests */
	_Atomic uint64_t delivered; /* of them, to a client that was still there */
	_Atomic uint16_t last_status;
	_Atomic uint32_t bodies_released;
};

/* The options' router, proxies and hook are filled in. Ends the test on failure. */
void echo_server_start(struct echo_server *echo, struct http_server_options options);
/* Stops gracefully and frees. True: nothing was cut. */
bool echo_server_stop(struct echo_server *echo, uint32_t timeout_ms);
