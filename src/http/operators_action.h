/* operators_action.h: recognises requests that the audit records as operators' actions. */
#pragma once

#include <stdbool.h>

#include "auth/jwt_claims.h"
#include "http/route.h"

/* True if the request would change something, on a route for operators and services, or from an operator. Its route must be known. */
static inline bool http_is_operators_action(const struct http_request *request)
{
	bool is_change = request->method != HTTP_GET && request->method != HTTP_HEAD && request->method != HTTP_OPTIONS;
	bool is_for_operators = request->route->access == HTTP_ACCESS_ADMIN || request->route->access == HTTP_ACCESS_SERVICE;
	return is_change && (is_for_operators || (request->scopes & JWT_SCOPE_ADMIN) != 0);
}
