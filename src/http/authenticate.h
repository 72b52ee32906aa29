/* authenticate.h: who asks: the bearer token of a request (RFC 6750), and whether it may use the route. */
#pragma once

#include "http/head.h"
#include "http/request.h"

/* The router's hook. A token on a public route is checked too: a bad one is refused, a good one says whose request it is. */
struct http_refusal authenticate(struct http_request *request);
