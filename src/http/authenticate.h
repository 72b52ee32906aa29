/* authenticate.h: verifies the bearer token of a request (RFC 6750) and its right to use the route. */
#pragma once

#include "http/head.h"
#include "http/request.h"

/* The router's hook. A token on a public route is checked, too: a bad one is refused, a good one names the caller. */
struct http_refusal authenticate(struct http_request *request);
