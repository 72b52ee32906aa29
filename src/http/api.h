/* api.h: the router's context: everything that the handlers of TRO's routes work with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/readiness.h"
#include "app/seat_maps.h"
#include "app/service.h"
#include "auth/callback_signature.h"
#include "auth/digest.h"
#include "auth/jwt.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "http/limited_addresses.h"
#include "http/route.h"
#include "ports/clock.h"
#include "ports/random.h"

/* The address that serves operators. */
enum api_operators {
	API_OPERATORS_HERE,      /* this address, which is everybody's: metrics, and verbose readiness without reasons */
	API_OPERATORS_ELSEWHERE, /* an address of their own: here are no metrics, and readiness is never verbose */
	API_OPERATORS_ALONE,     /* this is that address: readiness says why, with hosts, roles and what libraries say */
};

/* Everything handed over is borrowed and outlives the api; slices are copied where they must be. */
struct api_options {
	struct service *service; /* NULL: it serves no clients; only operators, ready, has_started, metrics and context are needed then */
	struct seat_maps *maps;  /* NULL: seats are read from the store */
	enum api_operators operators;
	uint32_t client_ipv6_prefix; /* the network of IPv6 that counts as one client */
	struct clock *clock;
	struct random *random;
	uint32_t loops;                  /* of the server */
	struct jwt_verifier_options jwt; /* seed: drawn by api_new */
	const struct slice *payment_secrets;
	uint32_t payment_secret_count;
	bool requires_payment_amount;
	uint64_t hold_ttl_ms;
	uint64_t order_ttl_ms;
	uint32_t seats_per_hold_max; /* 1 to SEATS_PER_HOLD_LIMIT */
	uint32_t streams_max;        /* of seat changes, at once: each keeps a connection */
	/* The last known state of everything this process needs; called on a loop: must not block. */
	void (*ready)(void *context, struct ready_report *ret_report);
	/* Whether the process has been able to serve at least once; the same. */
	bool (*has_started)(void *context);
	/* The name of a lane that hangs, so that only a new process helps; NULL: none. Must not block, either. */
	const char *(*silent_lane)(void *context);
	/* Writes the metrics in the Prometheus text format, or as OpenMetrics; the same. */
	void (*metrics)(void *context, bool is_openmetrics, struct buffer *buffer);
	/* A command has its outcome; for the metrics. On a loop; NULL: nobody wants to know. */
	void (*decided)(void *context, enum command_kind kind, const struct outcome *outcome);
	void *context;
};

/* The parts that each event loop has for itself, because one thread uses them. */
struct api_loop {
	struct jwt_verifier *jwt;
	struct callback_verifier *callback;
	struct digest digest;
	struct limited_addresses limited;
};

struct api {
	struct api_options options;
	struct api_loop *loops;
	_Atomic uint32_t streams;      /* at present */
	_Atomic uint64_t latest_stamp; /* of the ids drawn: the loops share it, so that ids ascend even if the clock jumps */
};

/* ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error api_new(const struct api_options *options, struct api **ret_api);
/* Takes NULL. */
void api_free(struct api *api);

static inline struct api *api_of(const struct http_request *request)
{
	return request->context;
}

static inline struct api_loop *api_loop_of(const struct http_request *request)
{
	return &api_of(request)->loops[request->loop_index];
}
