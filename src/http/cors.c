/* cors.c: credentials are never allowed: callers identify themselves with a bearer token, not with cookies. */
#include "http/cors.h"

#include <assert.h>

#define ALLOWED_HEADERS \
	"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, TRO-Signature, X-Request-Id, Traceparent"
#define EXPOSED_HEADERS "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
#define PREFLIGHT_MAX_AGE_S "600"

/* The request's origin when it is allowed; data is NULL when not. */
static struct slice allowed_origin(const struct cors_origins *origins, const struct http_request *request)
{
	struct slice origin = http_request_header(request, SLICE("origin"));
	for (uint32_t i = 0; i < origins->count; i++) {
		if (origin.data != NULL && slice_equal(origins->origins[i], origin))
			return origin;
	}
	return (struct slice){0};
}

void cors_answer(const struct cors_origins *origins, struct http_request *request)
{
	assert(origins != NULL && request != NULL);

	if (origins->count == 0)
		return;
	struct http_response *response = &request->response;
	http_response_header(response, SLICE("Vary"), SLICE("Origin"));
	struct slice origin = allowed_origin(origins, request);
	if (origin.data == NULL)
		return;
	http_response_header(response, SLICE("Access-Control-Allow-Origin"), origin);
	http_response_header(response, SLICE("Access-Control-Expose-Headers"), SLICE(EXPOSED_HEADERS));
}

bool cors_is_preflight(const struct http_request *request)
{
	return request->method == HTTP_OPTIONS && http_request_header(request, SLICE("origin")).data != NULL &&
	       http_request_header(request, SLICE("access-control-request-method")).data != NULL;
}

void cors_answer_preflight(const struct cors_origins *origins, struct http_request *request, struct slice allow)
{
	assert(cors_is_preflight(request));

	if (allowed_origin(origins, request).data == NULL)
		return;
	struct http_response *response = &request->response;
	http_response_header(response, SLICE("Access-Control-Allow-Methods"), allow);
	http_response_header(response, SLICE("Access-Control-Allow-Headers"), SLICE(ALLOWED_HEADERS));
	http_response_header(response, SLICE("Access-Control-Max-Age"), SLICE(PREFLIGHT_MAX_AGE_S));
}
