/* router.h: finds the handler of a request, after checks of the target, the method, the media type and the caller.
 *
 * In two steps, so that a request that is refused need not send its body: http_router_resolve looks at the head alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "http/cors.h"
#include "http/head.h"
#include "http/request.h"
#include "http/route.h"

struct http_router {
	const struct http_route *routes;
	uint32_t route_count;
	bool hides_operators_routes;
	const struct cors_origins *cors; /* borrowed */
	/* Sets the caller (request->user and scopes) or refuses. On the loop, for every route, before the body arrives; NULL: all are
	 * public. */
	struct http_refusal (*authenticate)(struct http_request *request);
	/* Answers a refused request of a route that is not exempt from rate limits, or of none, so that it counts against them; NULL:
	 * the router answers it at once. */
	enum http_progress (*refuse)(struct http_request *request, struct http_refusal refusal);
	void *context; /* becomes request->context */
};

/* Fills in method, path, query, route and parameters from the head, and makes every check that the head allows. */
must_check struct http_refusal http_router_resolve(const struct http_router *router, struct http_request *request, struct slice target);
/* Fills in method, path and query alone, as far as they can be read, for the answer to a head that is refused. */
void http_router_read_line(struct http_request *request, struct slice method, struct slice target);
/* The request is complete: answers it, with the refusal if there was one. */
must_check enum http_progress http_router_dispatch(const struct http_router *router, struct http_request *request,
                                                   struct http_refusal refusal);
