/* route.h: one row of the table of routes: the requests that it serves, their callers, and their bodies. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

#define HTTP_BODY_MAX_DEFAULT ((size_t)64 * 1024)

/* The callers that may use a route, for the `authenticate` hook. */
enum http_access {
	HTTP_ACCESS_NOT_SAID, /* not in the table of the service: a row that forgets its access opens nothing */
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
	bool needs_idempotency_key;    /* refused without one before the body arrives */
	bool is_rate_limit_exempt;     /* likewise */
	bool is_for_operators;         /* not there for a router that hides it */
	size_t body_max;               /* bytes; 0: 64 KiB */
	http_handler handle;
};

/* The most bytes of body to read of a request whose route was looked for, found or not. */
static inline size_t http_route_body_max(const struct http_request *request)
{
	return request->route == NULL || request->route->body_max == 0 ? HTTP_BODY_MAX_DEFAULT : request->route->body_max;
}
