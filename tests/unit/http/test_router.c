/* test_router.c: which route a target leads to, and what is settled on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/router.h"

static enum http_progress answer(struct http_request *request)
{
	http_respond(request, 200, "text/plain", SLICE("served"));
	return HTTP_ANSWERED;
}

static const char *const taken[] = {"a", "ab", "b", "bc", "c", "d", "e", "f", "x", "y", NULL};

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/v1/holds", .parameters = taken, .handle = answer},
	{.method = HTTP_POST, .path = "/v1/holds", .takes_json = true, .handle = answer},
	{.method = HTTP_GET, .path = "/v1/holds/{id}", .handle = answer},
	{.method = HTTP_DELETE, .path = "/v1/holds/{id}", .parameters = taken, .handle = answer},
	{.method = HTTP_GET, .path = "/v1/holds/{id}/history", .handle = answer},
	{.method = HTTP_POST, .path = "/v1/events", .takes_json = true, .body_max = 8 << 20, .access = HTTP_ACCESS_ADMIN, .handle = answer},
	{.method = HTTP_GET, .path = "/pairs/{a}/{b}", .parameters = taken, .handle = answer},
	{.method = HTTP_POST, .path = "/v1/orders", .needs_idempotency_key = true, .handle = answer},
};

static const struct http_router router = {.routes = routes, .route_count = ARRAY_LENGTH(routes)};

static void begin(struct http_request *request, const char *method)
{
	*request = (struct http_request){.method_text = slice_of(method)};
	arena_init(&request->arena, 4096, 65536);
}

static void resolve(struct http_request *request, const char *method, const char *target, enum error expected)
{
	begin(request, method);
	enum error error = http_router_resolve(&router, request, slice_of(target)).error;
	if (error != expected)
		fail_msg("%s %s: %s and not %s", method, target, error_name(error), error_name(expected));
}

static void assert_leads_to(const char *method, const char *target, const struct http_route *route)
{
	struct http_request request;
	resolve(&request, method, target, OK);
	assert_ptr_equal(request.route, route);
	arena_release(&request.arena);
}

static void assert_refused(const char *method, const char *target, enum error error)
{
	struct http_request request;
	resolve(&request, method, target, error);
	arena_release(&request.arena);
}

static void paths_lead_to_their_routes(void **state)
{
	(void)state;
	assert_leads_to("GET", "/v1/holds", &routes[0]);
	assert_leads_to("POST", "/v1/holds", &routes[1]);
	assert_leads_to("GET", "/v1/holds/x", &routes[2]);
	assert_leads_to("HEAD", "/v1/holds/x", &routes[2]);
	assert_leads_to("DELETE", "/v1/holds/x?y=z", &routes[3]);
	assert_leads_to("GET", "/v1/holds/x/history", &routes[4]);
	assert_leads_to("GET", "http://tro.example:8080/v1/holds?x", &routes[0]);
	assert_refused("GET", "http://tro.example?/v1/holds", ERR_NOT_FOUND); /* its path is "/" */
	assert_refused("GET", "http://tro.example", ERR_NOT_FOUND);
	assert_leads_to("GET", "HTTPS://a/v1/holds", &routes[0]);
	assert_leads_to("GET", "/%76%31/holds", &routes[0]);
}

static void parameters_and_query_are_cut_out(void **state)
{
	(void)state;
	struct http_request request;
	resolve(&request, "GET", "/pairs/a%20b/c:d?x=%41&y", OK);
	assert_true(slice_equal_string(request.parameters[0], "a b"));
	assert_true(slice_equal_string(request.parameters[1], "c:d"));
	assert_true(slice_equal_string(request.path, "/pairs/a b/c:d"));
	assert_true(slice_equal_string(request.query, "x=%41&y"));
	arena_release(&request.arena);
}

static void other_paths_are_not_found(void **state)
{
	(void)state;
	static const char *const targets[] = {
		"/",          "/v1",        "/v1/",         "/v1/holds/",    "/v1/hold",           "/v1/holdsx",           "/V1/holds",
		"//v1/holds", "/v1//holds", "/v1/holds/x/", "/v1/holds/x/y", "/v1/holds//history", "/v1/holds/x/history/", "/pairs/a",
		"/pairs/a/",  "/pairs//b",  "/pairs/a/b/c", "/?/v1/holds",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
		assert_refused("GET", targets[i], ERR_NOT_FOUND);
}

static void targets_that_could_mean_another_path_are_refused(void **state)
{
	(void)state;
	static const char *const targets[] = {
		"/v1/holds/%00",
		"/v1/holds/%2f",
		"/v1/holds/a%2Fb",
		"/v1/holds/%5c",
		"/v1/holds/..",
		"/v1/holds/../holds",
		"/v1/./holds",
		"/v1/holds/%2e%2e",
		"/v1/holds/%2E",
		"/v1/holds/%",
		"/v1/holds/%4",
		"/v1/holds/%zz",
		"/v1/holds/%0d%0a",
		"/v1/holds/%7f",
		"/v1/holds#x",
		"v1/holds",
		"ftp://a/v1/holds",
		"http:/v1/holds",
		"http:///v1/holds",
		"http://?/v1/holds",
		"http://user@a/v1/holds",
		"http://a#/v1/holds",
		"a:80",
		"*",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
		assert_refused("GET", targets[i], ERR_BAD_REQUEST);
}

static void dispatch(struct http_request *request, const char *method, const char *target)
{
	begin(request, method);
	struct http_refusal refusal = http_router_resolve(&router, request, slice_of(target));
	assert_int_equal(http_router_dispatch(&router, request, refusal), HTTP_ANSWERED);
}

static void assert_allows(const char *method, const char *target, uint16_t status, const char *allow)
{
	struct http_request request;
	dispatch(&request, method, target);
	assert_int_equal(request.response.status, status);
	assert_int_equal(request.response.header_count, 1);
	assert_true(slice_equal_string(request.response.headers[0].name, "Allow"));
	assert_true(slice_equal_string(request.response.headers[0].value, allow));
	arena_release(&request.arena);
}

static void another_method_is_told_which_are_served(void **state)
{
	(void)state;
	assert_allows("PUT", "/v1/holds", 405, "GET, HEAD, POST, OPTIONS");
	assert_allows("get", "/v1/holds", 405, "GET, HEAD, POST, OPTIONS");
	assert_allows("POST", "/v1/holds/x", 405, "GET, HEAD, DELETE, OPTIONS");
	assert_allows("HEAD", "/v1/events", 405, "POST, OPTIONS");
	assert_allows("GET", "/v1/events", 405, "POST, OPTIONS");
}

static void options_are_answered_for_every_path(void **state)
{
	(void)state;
	assert_allows("OPTIONS", "/v1/holds/x", 204, "GET, HEAD, DELETE, OPTIONS");
	assert_allows("OPTIONS", "*", 204, "GET, HEAD, POST, DELETE, OPTIONS");
	assert_refused("OPTIONS", "/nothing", ERR_NOT_FOUND);
}

static void the_handler_answers_what_is_not_refused(void **state)
{
	(void)state;
	struct http_request request;
	dispatch(&request, "GET", "/v1/holds/x");
	assert_int_equal(request.response.status, 200);
	assert_true(slice_equal_string(request.response.body, "served"));
	arena_release(&request.arena);
}

static enum error verdict_with(const struct http_header *headers, uint32_t count)
{
	struct http_request request;
	begin(&request, "POST");
	request.headers = headers;
	request.header_count = count;
	enum error error = http_router_resolve(&router, &request, SLICE("/v1/holds")).error;
	arena_release(&request.arena);
	return error;
}

static void bodies_are_json(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		enum error error;
	} rows[] = {
		{"application/json", OK},
		{"Application/JSON", OK},
		{"application/json;charset=utf-8", OK},
		{"application/json ; Charset=UTF-8", OK},
		{"application/json; charset=\"utf-8\"", OK},
		{"application/json; charset=latin1", ERR_MEDIA_TYPE},
		{"application/jsonx", ERR_MEDIA_TYPE},
		{"application/problem+json", ERR_MEDIA_TYPE},
		{"text/plain", ERR_MEDIA_TYPE},
		{"", ERR_MEDIA_TYPE},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct http_header header = {.name = SLICE("Content-Type"), .value = slice_of(rows[i].type)};
		if (verdict_with(&header, 1) != rows[i].error)
			fail_msg("%s", rows[i].type);
	}
	const struct http_header some = {.name = SLICE("Content-Length"), .value = SLICE("2")};
	const struct http_header none = {.name = SLICE("Content-Length"), .value = SLICE("0")};
	const struct http_header chunked = {.name = SLICE("Transfer-Encoding"), .value = SLICE("chunked")};
	assert_int_equal(verdict_with(&some, 1), ERR_MEDIA_TYPE);
	assert_int_equal(verdict_with(&chunked, 1), ERR_MEDIA_TYPE);
	assert_int_equal(verdict_with(&none, 1), OK);
	assert_int_equal(verdict_with(NULL, 0), OK);
}

static struct http_refusal nobody(struct http_request *request)
{
	assert_non_null(request->route);
	bool is_open = request->route->access != HTTP_ACCESS_ADMIN;
	return (struct http_refusal){.error = is_open ? OK : ERR_UNAUTHENTICATED, .detail = "Nobody may."};
}

static void callers_are_identified_before_the_body_is_read(void **state)
{
	(void)state;
	struct http_router guarded = router;
	guarded.authenticate = nobody;
	struct http_request request;
	begin(&request, "POST");
	struct http_refusal refusal = http_router_resolve(&guarded, &request, SLICE("/v1/events"));
	assert_int_equal(refusal.error, ERR_UNAUTHENTICATED);
	assert_string_equal(refusal.detail, "Nobody may.");
	arena_release(&request.arena);
	begin(&request, "GET");
	assert_int_equal(http_router_resolve(&guarded, &request, SLICE("/v1/holds")).error, OK);
	arena_release(&request.arena);
}

static void bodies_have_their_route_s_limit(void **state)
{
	(void)state;
	struct http_request request;
	resolve(&request, "POST", "/v1/events", OK);
	assert_int_equal(http_route_body_max(&request), 8 << 20);
	arena_release(&request.arena);
	resolve(&request, "GET", "/nothing", ERR_NOT_FOUND);
	assert_int_equal(http_route_body_max(&request), 65536);
	arena_release(&request.arena);
}

static void query_parameters_are_decoded(void **state)
{
	(void)state;
	struct http_request request;
	struct slice value;
	resolve(&request, "GET", "/v1/holds?a=1%2B+x&b&c=&d=%zz&e=1&e=2&ab=3&f=%00", OK);
	assert_int_equal(http_request_query(&request, SLICE("a"), &value), OK);
	assert_true(slice_equal_string(value, "1+ x"));
	assert_int_equal(http_request_query(&request, SLICE("b"), &value), OK);
	assert_non_null(value.data);
	assert_int_equal(value.length, 0);
	assert_int_equal(http_request_query(&request, SLICE("z"), &value), OK);
	assert_null(value.data);
	assert_int_equal(http_request_query(&request, SLICE("d"), &value), ERR_BAD_REQUEST);
	assert_int_equal(http_request_query(&request, SLICE("e"), &value), ERR_BAD_REQUEST);
	assert_int_equal(http_request_query(&request, SLICE("f"), &value), ERR_BAD_REQUEST);
	arena_release(&request.arena);
}

static void unknown_parameters_are_named(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "bc", NULL};
	struct http_request request;
	resolve(&request, "GET", "/v1/holds?a=1&&bc&=", OK);
	assert_int_equal(http_request_query_check(&request, names), OK);
	assert_int_equal(request.query_violation_count, 0);
	assert_int_equal(http_request_query_check(&request, NULL), ERR_BAD_REQUEST);
	assert_int_equal(request.query_violation_count, 2);
	assert_true(slice_equal_string(request.query_violations[1].parameter, "bc"));
	arena_release(&request.arena);
	resolve(&request, "GET", "/v1/holds?b=1&bc=2&A=3&q", ERR_BAD_REQUEST);
	assert_int_equal(request.query_violation_count, 2);
	assert_true(slice_equal_string(request.query_violations[0].parameter, "A"));
	assert_int_equal(http_router_dispatch(&router, &request, http_refuse(ERR_BAD_REQUEST, NULL)), HTTP_ANSWERED);
	assert_int_equal(request.response.status, 400);
	arena_release(&request.arena);
}

static void the_query_is_judged_before_the_key(void **state)
{
	(void)state;
	assert_refused("POST", "/v1/orders", ERR_IDEMPOTENCY_KEY_MISSING);
	assert_refused("POST", "/v1/orders?colour=red", ERR_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_to_their_routes),
		cmocka_unit_test(parameters_and_query_are_cut_out),
		cmocka_unit_test(other_paths_are_not_found),
		cmocka_unit_test(targets_that_could_mean_another_path_are_refused),
		cmocka_unit_test(another_method_is_told_which_are_served),
		cmocka_unit_test(options_are_answered_for_every_path),
		cmocka_unit_test(the_handler_answers_what_is_not_refused),
		cmocka_unit_test(bodies_are_json),
		cmocka_unit_test(callers_are_identified_before_the_body_is_read),
		cmocka_unit_test(bodies_have_their_route_s_limit),
		cmocka_unit_test(query_parameters_are_decoded),
		cmocka_unit_test(unknown_parameters_are_named),
		cmocka_unit_test(the_query_is_judged_before_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
