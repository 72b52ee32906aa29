/* routes.c: the one table of routes. api/openapi.yaml describes them, and a test compares the two. */
#include "http/routes.h"

#include <assert.h>

#include "http/authenticate.h"
#include "http/call_submit.h"
#include "http/handlers.h"

#define EVENT_BODY_MAX (8 * 1024 * 1024)

#define GET(route_path, who, handler) .method = HTTP_GET, .path = route_path, .access = who, .handle = handler
#define POST(route_path, who, handler) .method = HTTP_POST, .path = route_path, .access = who, .handle = handler

#define HEALTH_ROUTES \
	{GET("/v1/healthz", HTTP_ACCESS_PUBLIC, health_get), .is_rate_limit_exempt = true}, \
		{GET("/v1/readyz", HTTP_ACCESS_PUBLIC, ready_get), .parameters = ready_parameters, .is_rate_limit_exempt = true}, \
		{GET("/v1/startupz", HTTP_ACCESS_PUBLIC, startup_get), .is_rate_limit_exempt = true}, \
	{ \
		GET("/metrics", HTTP_ACCESS_PUBLIC, metrics_get), .is_rate_limit_exempt = true, .is_for_operators = true \
	}

/* The query parameters of routes. */
static const char *const events_parameters[] = {"cursor", "limit", "from", "to", "venue", "status", "q", NULL};
static const char *const seats_parameters[] = {"cursor", "limit", "status", "since", NULL};
static const char *const stream_parameters[] = {"since", NULL};
static const char *const owner_parameters[] = {"user_id", NULL};
static const char *const history_parameters[] = {"cursor", "limit", "user_id", NULL};
static const char *const refunds_parameters[] = {"cursor", "limit", "status", "event_id", NULL};
static const char *const ready_parameters[] = {"verbose", NULL};

const struct http_route api_routes[] = {
	{POST("/v1/holds", HTTP_ACCESS_USER, holds_post), .takes_json = true, .needs_idempotency_key = true},
	{GET("/v1/holds/{id}", HTTP_ACCESS_USER, holds_get), .parameters = owner_parameters},
	{.method = HTTP_DELETE,
         .path = "/v1/holds/{id}",
         .access = HTTP_ACCESS_USER,
         .parameters = owner_parameters,
         .handle = holds_delete},
	{GET("/v1/holds/{id}/history", HTTP_ACCESS_USER, holds_history), .parameters = history_parameters},
	{POST("/v1/orders", HTTP_ACCESS_USER, orders_post), .takes_json = true, .needs_idempotency_key = true},
	{GET("/v1/orders/{id}", HTTP_ACCESS_USER, orders_get), .parameters = owner_parameters},
	{POST("/v1/orders/{id}/cancel", HTTP_ACCESS_USER, orders_cancel), .parameters = owner_parameters, .needs_idempotency_key = true},
	{GET("/v1/orders/{id}/history", HTTP_ACCESS_USER, orders_history), .parameters = history_parameters},
	{POST("/v1/payments/callback", HTTP_ACCESS_SIGNED, payments_callback), .takes_json = true, .is_rate_limit_exempt = true},
	{GET("/v1/refunds", HTTP_ACCESS_SERVICE, refunds_list), .parameters = refunds_parameters},
	{POST("/v1/refunds/{id}/done", HTTP_ACCESS_SERVICE, refunds_done)},
	{GET("/v1/events", HTTP_ACCESS_PUBLIC, events_list), .parameters = events_parameters},
	{POST("/v1/events", HTTP_ACCESS_ADMIN, events_post), .takes_json = true, .body_max = EVENT_BODY_MAX},
	{GET("/v1/events/{id}", HTTP_ACCESS_PUBLIC, events_get)},
	{GET("/v1/events/{id}/seats", HTTP_ACCESS_PUBLIC, seats_map), .parameters = seats_parameters},
	{GET("/v1/events/{id}/availability", HTTP_ACCESS_PUBLIC, seats_availability)},
	{GET("/v1/events/{id}/stream", HTTP_ACCESS_PUBLIC, seats_stream), .parameters = stream_parameters},
	{POST("/v1/events/{id}/pause", HTTP_ACCESS_ADMIN, events_pause)},
	{POST("/v1/events/{id}/resume", HTTP_ACCESS_ADMIN, events_resume)},
	{POST("/v1/events/{id}/cancel", HTTP_ACCESS_ADMIN, events_cancel)},
	HEALTH_ROUTES,
	{GET("/v1/openapi.yaml", HTTP_ACCESS_PUBLIC, openapi_get), .is_rate_limit_exempt = true},
	{GET("/docs", HTTP_ACCESS_PUBLIC, docs_get), .is_rate_limit_exempt = true},
};

const struct http_route health_routes[] = {HEALTH_ROUTES};

const uint32_t api_route_count = ARRAY_LENGTH(api_routes);
const uint32_t health_route_count = ARRAY_LENGTH(health_routes);

struct http_router api_router(struct api *api, const struct cors_origins *cors)
{
	for (uint32_t i = 0; i < api_route_count; i++)
		assert(api_routes[i].access != HTTP_ACCESS_NOT_SAID);

	bool hides_operators_routes = api->options.operators == API_OPERATORS_ELSEWHERE;
	if (api->options.service == NULL)
		return (struct http_router){.routes = health_routes,
		                            .route_count = health_route_count,
		                            .hides_operators_routes = hides_operators_routes,
		                            .cors = cors,
		                            .context = api};
	return (struct http_router){
		.routes = api_routes,
		.route_count = api_route_count,
		.hides_operators_routes = hides_operators_routes,
		.cors = cors,
		.authenticate = authenticate,
		.refuse = call_refuse_request,
		.context = api,
	};
}
