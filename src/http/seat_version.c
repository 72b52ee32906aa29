/* seat_version.c: see seat_version.h. */
#include "http/seat_version.h"

#define LENGTH_MAX 64

enum error seat_version_query(struct http_request *request, struct slice *ret_text)
{
	enum error error = http_request_query(request, SLICE("since"), ret_text);
	if (error == OK && ret_text->data != NULL && (ret_text->length == 0 || ret_text->length > LENGTH_MAX))
		return http_request_query_violation(request, SLICE("since"), SLICE("must be the version of an earlier answer"));
	return error;
}

uint64_t seat_version_parse(struct slice text)
{
	uint64_t version = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || version > INT64_MAX / 16)
			return UINT64_MAX;
		version = version * 10 + (uint64_t)(text.data[i] - '0');
	}
	return version;
}
