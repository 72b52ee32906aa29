/* router.h: which handler a request is for, and what is settled before it: the target, the method, the media type, the caller.
 *
 * In two steps, so that a request that is refused need not send its body: http_router_resolve looks at the head alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "http/cors.h"
#include "http/head.h"
#include "http/request.h"

/* Who may use a route: what the `authenticate` hook goes by. */
enum http_access {
	HTTP_ACCESS_PUBLIC,
	HTTP_ACCESS_USER,    /* anybody with a token */
	HTTP_ACCESS_ADMIN,   /* a token with the scope tro:admin */
	HTTP_ACCESS_SERVICE, /* a token with the scope tro:service or tro:admin; to read, tro:read will do */
	HTTP_ACCESS_SIGNED,  /* a signature over the body, which the handler checks */
};

/* A row of the table. Static. */
struct http_route {
	enum http_method method; /* HTTP_GET serves HEAD too */
	const char *path;        /* "/v1/holds/{id}": {…} stands for one segment. Names the route in metrics and logs */
	enum http_access access;
	const char *const *parameters; /* of the query; ends with NULL. NULL: none. Others are refused */
	bool takes_json;               /* the body must be application/json; else one of up to 64 KiB is let through and ignored */
	bool needs_idempotency_key;    /* the handler sees to it; here for the comparison with the API's description */
	bool is_rate_limit_exempt;     /* likewise */
	size_t body_max;               /* bytes; 0: 64 KiB */
	http_handler handle;
};

struct http_router {
	const struct http_route *routes;
	uint32_t route_count;
	const struct cors_origins *cors; /* borrowed */
	/* Says who asks (request->user and scopes) or refuses. On the loop, for every route, before the body arrives; NULL: all are public. */
	struct http_refusal (*authenticate)(struct http_request *request);
	/* Answers a refused request of a route that is not exempt from rate limits, or of none, so that what is refused counts; NULL: it is answered at once. */
	enum http_progress (*refuse)(struct http_request *request, struct http_refusal refusal);
	void *context; /* becomes request->context */
};

/* Fills in method, path, query, route and parameters from the head, and judges what can be judged by it. */
must_check struct http_refusal http_router_resolve(const struct http_router *router, struct http_request *request, struct slice target);
/* The most bytes of body to take from a request that http_router_resolve has seen, whatever it said. */
size_t http_router_body_max(const struct http_request *request);
/* The request is complete: answers it, with the refusal if there was one. */
must_check enum http_progress http_router_dispatch(const struct http_router *router, struct http_request *request,
                                                   struct http_refusal refusal);
