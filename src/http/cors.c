/* cors.c: credentials are never allowed: callers identify themselves with a bearer token, not with cookies. */
#include "http/cors.h"

#include <assert.h>

#include "http/field.h"

#define ALLOWED_HEADERS \
	"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, TRO-Signature, X-Request-Id, Traceparent"
#define EXPOSED_HEADERS "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
#define PREFLIGHT_MAX_AGE_S "600"

/* scheme "://" host [":" port], in lower case and with nothing behind. */
static bool is_origin(struct slice text)
{
	struct slice rest = text;
	struct slice scheme = field_cut(&rest, ':');
	if (!slice_equal(scheme, SLICE("https")) && !slice_equal(scheme, SLICE("http")))
		return false;
	if (rest.length < 3 || memcmp(rest.data, "//", 2) != 0)
		return false;
	for (size_t i = 2; i < rest.length; i++) {
		char character = rest.data[i];
		bool is_letter = character >= 'a' && character <= 'z';
		bool is_digit = character >= '0' && character <= '9';
		if (!is_letter && !is_digit && (character == '\0' || strchr("-._:[]", character) == NULL))
			return false;
	}
	return true;
}

bool cors_origins_parse(struct slice text, struct cors_origins *ret_origins, struct slice *ret_bad)
{
	assert(ret_origins != NULL && ret_bad != NULL);

	struct cors_origins parsed = {0};
	struct slice origin;
	while (field_list_next(&text, &origin)) {
		if (parsed.count == CORS_ORIGINS_MAX || !is_origin(origin)) {
			*ret_bad = origin;
			return false;
		}
		parsed.origins[parsed.count++] = origin;
	}
	*ret_origins = parsed;
	return true;
}

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
