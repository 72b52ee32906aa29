/* routes.h: the one table of routes, and the router over it. */
#pragma once

#include <stdint.h>

#include "http/api.h"
#include "http/cors.h"
#include "http/router.h"

/* Every route of the API: the one table, which api/openapi.yaml describes. */
extern const struct http_route api_routes[];
extern const uint32_t api_route_count;
/* Those of a process that serves no clients. */
extern const struct http_route health_routes[];
extern const uint32_t health_route_count;

/* The router over api_routes, for http_server_options; that of an api without a service is over health_routes. */
struct http_router api_router(struct api *api, const struct cors_origins *cors);
