/* request.c: looking things up in a request. */
#include "http/request.h"

#include <assert.h>

#include "http/field.h"
#include "http/percent.h"

struct slice http_request_header(const struct http_request *request, struct slice name)
{
	assert(name.length > 0);
	assert(request->headers != NULL || request->header_count == 0);

	for (uint32_t i = 0; i < request->header_count; i++) {
		if (field_equal(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return (struct slice){0};
}

size_t http_request_headers(const struct http_request *request, struct slice name, struct slice *ret_values, size_t room)
{
	assert(name.length > 0 && (ret_values != NULL || room == 0));
	size_t count = 0;
	for (uint32_t i = 0; i < request->header_count; i++) {
		if (!field_equal(request->headers[i].name, name))
			continue;
		if (count < room)
			ret_values[count] = request->headers[i].value;
		count++;
	}
	return count;
}

/* Takes "name=value" off the query. False: none is left. */
static bool next_pair(struct slice *query, struct slice *ret_name, struct slice *ret_value)
{
	if (query->length == 0)
		return false;
	struct slice pair = field_cut(query, '&');
	*ret_name = field_cut(&pair, '=');
	*ret_value = pair;
	return true;
}

enum error http_request_query_violation(struct http_request *request, struct slice name, struct slice detail)
{
	assert(request != NULL);
	assert(detail.length > 0);

	if (request->query_violations == NULL)
		request->query_violations =
			arena_allocate_array(&request->arena, HTTP_QUERY_VIOLATIONS_MAX, sizeof *request->query_violations);
	if (request->query_violations == NULL)
		return ERR_NO_MEMORY;
	if (request->query_violation_count < HTTP_QUERY_VIOLATIONS_MAX)
		request->query_violations[request->query_violation_count++] =
			(struct http_query_violation){.parameter = name, .detail = detail};
	return ERR_BAD_REQUEST;
}

static bool is_named(const char *const *names, struct slice name)
{
	for (; names != NULL && *names != NULL; names++) {
		if (slice_equal_string(name, *names))
			return true;
	}
	return false;
}

enum error http_request_query_check(struct http_request *request, const char *const *names)
{
	enum error error = OK;
	struct slice query = request->query;
	struct slice name, value;
	while (error != ERR_NO_MEMORY && next_pair(&query, &name, &value)) {
		bool is_empty = name.length == 0 && value.length == 0;
		if (!is_empty && !is_named(names, name))
			error = http_request_query_violation(request, name, SLICE("is unknown"));
	}
	return error;
}

enum error http_request_query(struct http_request *request, struct slice name, struct slice *ret_value)
{
	assert(name.length > 0);
	assert(ret_value != NULL);

	struct slice found = {0};
	struct slice query = request->query;
	struct slice raw_name, raw_value;
	while (next_pair(&query, &raw_name, &raw_value)) {
		if (!slice_equal(raw_name, name))
			continue;
		if (found.data != NULL)
			return http_request_query_violation(request, name, SLICE("is given more than once"));
		enum error error = percent_decode(&request->arena, raw_value, PERCENT_QUERY, &found);
		if (error == ERR_BAD_REQUEST)
			return http_request_query_violation(request, name, SLICE("has a broken or forbidden percent-encoding"));
		if (error != OK)
			return error;
	}
	*ret_value = found;
	return OK;
}

void http_respond(struct http_request *request, uint16_t status, const char *content_type, struct slice body)
{
	assert(status >= 200 && status <= 599);
	assert(body.data != NULL || body.length == 0);

	struct http_response *response = &request->response;
	response->status = status;
	response->error = OK;
	response->content_type = content_type;
	response->body = content_type == NULL ? (struct slice){0} : body;
}
