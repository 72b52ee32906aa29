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
			return ERR_BAD_REQUEST;
		enum error error = percent_decode(&request->arena, raw_value, PERCENT_QUERY, &found);
		if (error != OK)
			return error;
	}
	*ret_value = found;
	return OK;
}
