/* router.c: routes are tried one by one: at the table's size a comparison that ends at the first difference beats anything cleverer. */
#include "http/router.h"

#include <assert.h>

#include "auth/idempotency_key.h"
#include "base/buffer.h"
#include "http/field.h"
#include "http/percent.h"
#include "http/problem.h"

static const struct {
	struct slice text;
	enum http_method method;
} methods[] = {
	{{"GET", 3}, HTTP_GET},       {{"HEAD", 4}, HTTP_HEAD},       {{"POST", 4}, HTTP_POST},
	{{"DELETE", 6}, HTTP_DELETE}, {{"OPTIONS", 7}, HTTP_OPTIONS},
};

static enum http_method method_of(struct slice text)
{
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		if (slice_equal(text, methods[i].text))
			return methods[i].method;
	}
	return HTTP_METHOD_OTHER;
}

/* "GET, HEAD, OPTIONS" */
static struct slice allow_text(struct http_request *request)
{
	struct buffer buffer;
	buffer_init(&buffer, &request->arena, 64);
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		if ((request->allowed_methods & methods[i].method) == 0)
			continue;
		if (buffer.length > 0)
			buffer_append(&buffer, ", ", 2);
		buffer_append_slice(&buffer, methods[i].text);
	}
	return buffer_slice(&buffer);
}

/* Takes "http://host" off an absolute URI (RFC 9112, section 3.2.2): the authority ends at the first slash, question mark or number sign,
 * and a server answers one that names a user as malformed (RFC 9110, section 4.2.4). */
static bool cut_authority(struct slice *target)
{
	struct slice rest = *target;
	struct slice scheme = field_cut(&rest, ':');
	bool is_absolute = field_equal(scheme, SLICE("http")) || field_equal(scheme, SLICE("https"));
	if (!is_absolute || rest.length < 3 || memcmp(rest.data, "//", 2) != 0)
		return false;
	size_t end = 2;
	while (end < rest.length && rest.data[end] != '/' && rest.data[end] != '?' && rest.data[end] != '#')
		end++;
	if (end == 2 || memchr(rest.data, '@', end) != NULL)
		return false;
	*target = (struct slice){.data = rest.data + end, .length = rest.length - end};
	return true;
}

/* Leaves path and query of "/path?query", "http://host/path?query" (which servers must accept) or "*". */
static struct http_refusal read_target(struct http_request *request, struct slice target)
{
	if (target.data[0] != '/' && !slice_equal(target, SLICE("*"))) {
		if (!cut_authority(&target))
			return http_refuse(ERR_BAD_REQUEST, "The request target is neither a path nor an absolute URI.");
	}
	if (target.length > 0 && memchr(target.data, '#', target.length) != NULL)
		return http_refuse(ERR_BAD_REQUEST, "The request target has a fragment.");
	request->query = target;
	request->path = field_cut(&request->query, '?');
	if (slice_is_empty(request->path))
		request->path = SLICE("/");
	return HTTP_ACCEPTED;
}

static bool has_dot_segment(struct slice path)
{
	while (path.length > 0) {
		struct slice segment = field_cut(&path, '/');
		if (slice_equal(segment, SLICE(".")) || slice_equal(segment, SLICE("..")))
			return true;
	}
	return false;
}

static struct http_refusal decode_path(struct http_request *request)
{
	struct slice decoded;
	enum error error = percent_decode(&request->arena, request->path, PERCENT_PATH, &decoded);
	if (error != OK)
		return http_refuse(error, "The path has a percent-encoding that is broken or not allowed.");
	if (has_dot_segment(decoded))
		return http_refuse(ERR_BAD_REQUEST, "The path has a segment of dots.");
	request->path = decoded;
	return HTTP_ACCEPTED;
}

/* Whether the path is an instance of the pattern; its {…} go to `parameters`. A parameter is never empty. */
static bool path_matches(const char *pattern, struct slice path, struct slice parameters[static HTTP_PARAMETERS_MAX])
{
	uint32_t parameter_count = 0;
	while (*pattern != '\0' && path.length > 0) {
		if (*pattern != '{') {
			if (*pattern != path.data[0])
				return false;
			pattern++;
			path = (struct slice){.data = path.data + 1, .length = path.length - 1};
			continue;
		}
		const char *slash = memchr(path.data, '/', path.length);
		size_t length = slash == NULL ? path.length : (size_t)(slash - path.data);
		if (length == 0)
			return false;
		assert(parameter_count < HTTP_PARAMETERS_MAX);
		parameters[parameter_count++] = (struct slice){.data = path.data, .length = length};
		path = (struct slice){.data = path.data + length, .length = path.length - length};
		pattern = strchr(pattern, '}') + 1;
	}
	return *pattern == '\0' && path.length == 0;
}

static void find_route(const struct http_router *router, struct http_request *request)
{
	for (uint32_t i = 0; i < router->route_count; i++) {
		const struct http_route *route = &router->routes[i];
		struct slice parameters[HTTP_PARAMETERS_MAX] = {0};
		if ((route->is_for_operators && router->hides_operators_routes) || !path_matches(route->path, request->path, parameters))
			continue;
		uint32_t served = route->method == HTTP_GET ? HTTP_GET | HTTP_HEAD : route->method;
		request->allowed_methods |= served | HTTP_OPTIONS;
		request->is_rate_limit_exempt = route->is_rate_limit_exempt;
		if ((request->method & served) != 0) {
			request->route = route;
			memcpy(request->parameters, parameters, sizeof parameters);
		}
	}
}

/* application/json, with no parameter but charset=utf-8 */
static bool is_json(struct slice media_type)
{
	struct slice rest = media_type;
	if (!field_equal(slice_trim(field_cut(&rest, ';')), SLICE("application/json")))
		return false;
	struct slice charset = slice_trim(rest);
	return charset.length == 0 || field_equal(charset, SLICE("charset=utf-8")) || field_equal(charset, SLICE("charset=\"utf-8\""));
}

/* A request without a body may do without the header: the handler will miss the body anyway. */
static bool has_acceptable_media_type(const struct http_request *request)
{
	struct slice media_type = http_request_header(request, SLICE("content-type"));
	if (media_type.data != NULL)
		return is_json(media_type);
	struct slice length = http_request_header(request, SLICE("content-length"));
	bool has_body = http_request_header(request, SLICE("transfer-encoding")).data != NULL;
	return !has_body && (length.data == NULL || slice_equal(length, SLICE("0")));
}

/* The handler reads it, too, when it hashes the body with it. */
static struct http_refusal check_key(const struct http_request *request)
{
	struct slice header = http_request_header(request, SLICE("idempotency-key"));
	struct idempotency_key key;
	if (header.data == NULL)
		return http_refuse(ERR_IDEMPOTENCY_KEY_MISSING, NULL);
	if (!idempotency_key_parse(header, &key))
		return http_refuse(ERR_IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_ACCEPTED);
	return HTTP_ACCEPTED;
}

struct http_refusal http_router_resolve(const struct http_router *router, struct http_request *request, struct slice target)
{
	assert(router->route_count == 0 || router->routes != NULL);
	assert(target.length > 0);

	request->context = router->context;
	request->method = method_of(request->method_text);
	struct http_refusal refusal = read_target(request, target);
	if (refusal.error != OK)
		return refusal;
	if (slice_equal(request->path, SLICE("*"))) {
		request->allowed_methods = HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_DELETE | HTTP_OPTIONS;
		return request->method == HTTP_OPTIONS ? HTTP_ACCEPTED : http_refuse(ERR_BAD_REQUEST, "The target * is for OPTIONS only.");
	}
	refusal = decode_path(request);
	if (refusal.error != OK)
		return refusal;
	find_route(router, request);
	if (request->allowed_methods == 0)
		return http_refuse(ERR_NOT_FOUND, NULL);
	if (request->method == HTTP_OPTIONS)
		return HTTP_ACCEPTED;
	if (request->route == NULL)
		return http_refuse(ERR_METHOD_NOT_ALLOWED, NULL);
	if (router->authenticate != NULL)
		refusal = router->authenticate(request);
	if (refusal.error == OK)
		refusal = http_refuse(http_request_query_check(request, request->route->parameters), NULL);
	if (refusal.error == OK && request->route->takes_json && !has_acceptable_media_type(request))
		return http_refuse(ERR_MEDIA_TYPE, NULL);
	if (refusal.error == OK && request->route->needs_idempotency_key)
		refusal = check_key(request);
	return refusal;
}

void http_router_read_line(struct http_request *request, struct slice method, struct slice target)
{
	assert(method.length > 0 && target.length > 0);

	request->method_text = method;
	request->method = method_of(method);
	struct http_refusal refusal = read_target(request, target);
	if (refusal.error == OK)
		refusal = decode_path(request);
	(void)refusal; /* the head is refused for something else */
}

static void answer_options(const struct http_router *router, struct http_request *request)
{
	struct slice allow = allow_text(request);
	http_respond(request, 204, NULL, (struct slice){0});
	http_response_header(&request->response, SLICE("Allow"), allow);
	if (router->cors != NULL && cors_is_preflight(request))
		cors_answer_preflight(router->cors, request, allow);
}

/* Says in Allow and in the detail which methods there are. */
static struct http_refusal tell_methods(struct http_request *request)
{
	struct slice allow = allow_text(request);
	if (allow.length > 0)
		http_response_header(&request->response, SLICE("Allow"), allow);
	struct slice detail = arena_format(&request->arena, "%.*s is not among the methods of this resource: %.*s.",
	                                   SLICE_PRINT(request->method_text), SLICE_PRINT(allow));
	return http_refuse(ERR_METHOD_NOT_ALLOWED, detail.data);
}

/* Whether a request that is refused counts against rate limits: not one whose head could not be read, and none of a path whose routes do
 * not count. */
static bool counts(const struct http_request *request, enum error error)
{
	if (request->route != NULL)
		return !request->route->is_rate_limit_exempt;
	return error == ERR_NOT_FOUND || (error == ERR_METHOD_NOT_ALLOWED && !request->is_rate_limit_exempt);
}

enum http_progress http_router_dispatch(const struct http_router *router, struct http_request *request, struct http_refusal refusal)
{
	assert(request->response.status == 0);

	if (router->cors != NULL)
		cors_answer(router->cors, request);
	if (refusal.error == ERR_METHOD_NOT_ALLOWED)
		refusal = tell_methods(request);
	if (refusal.error != OK && router->refuse != NULL && counts(request, refusal.error))
		return router->refuse(request, refusal);
	if (refusal.error != OK) {
		problem_answer(request, refusal.error, refusal.detail);
		return HTTP_ANSWERED;
	}
	if (request->method == HTTP_OPTIONS) {
		answer_options(router, request);
		return HTTP_ANSWERED;
	}
	return request->route->handle(request);
}
