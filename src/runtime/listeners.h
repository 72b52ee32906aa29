/* listeners.h: the addresses that a process serves: LISTEN_ADDR for everybody, and ADMIN_ADDR, when it is set, for operators and probes.
 *
 * The operators' listener has a thread, connections and descriptors of its own, so that probes and scrapes are answered when clients have
 * taken all that LISTEN_ADDR has (ADR 0039). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "config/config.h"
#include "http/api.h"
#include "http/cors.h"
#include "http/server.h"
#include "net/tls.h"
#include "obs/log.h"
#include "runtime/confine.h"

struct listener {
	struct api *api;
	struct http_router router;
	struct http_server *server;
	bool is_serving; /* its threads run */
};

/* Starts zeroed, and stays where it is. */
struct listeners {
	struct cors_origins cors;
	struct tls_server *tls; /* of everybody's; NULL: it speaks HTTP without TLS */
	struct listener everybody;
	struct listener operators; /* zeroed without ADMIN_ADDR */
};

struct listeners_options {
	const struct config *config;         /* borrowed */
	const struct api_options *api;       /* of everybody's; `loops` and `operators` are set here */
	const struct trace_sampler *sampler; /* borrowed; NULL: no traces are recorded */
	uint32_t connections_max;            /* of everybody's */
	void (*finished)(void *context, const struct http_request_summary *summary);
	void *context;
};

/* Listens; clients wait. Answers an exit code, with the complaint made; then there is only listeners_free. */
must_check int listeners_open(struct listeners *listeners, const struct listeners_options *options);
/* Reads the certificate and its key again, for new connections, and logs that it did, or why it keeps the old ones. Without TLS it logs
 * that there is none. */
void listeners_reload(struct listeners *listeners, struct logger *logger);
/* Serves the connections that wait. Everything that answers is there. Answers an exit code, with the complaint made; then there is only
 * listeners_free. */
must_check int listeners_serve(struct listeners *listeners);
/* Ends everybody's listener as http_server_stop does. True: nothing had to be cut. Takes one that is not open. */
bool listeners_stop(struct listeners *listeners, uint32_t timeout_ms);
/* Ends the operators' too, at once: nobody asks for health or metrics after this. Takes one that is not open. */
void listeners_stop_operators(struct listeners *listeners);
/* Stops what has not been stopped, and frees. Takes one that is not open. */
void listeners_free(struct listeners *listeners);
/* Logs each address and what it serves. connections_max: as in the options. */
void listeners_log(const struct listeners *listeners, const struct config_http *http, uint32_t connections_max,
                   const struct confinement *confinement, struct logger *logger);
