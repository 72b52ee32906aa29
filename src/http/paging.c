/* paging.c: where a list begins, and how much of it is wanted. */
#include "http/paging.h"

#include "app/cursor.h"

/* 1 to QUERY_LIMIT_MAX, decimal, without sign or leading zero. */
static bool parse_limit(struct slice text, uint32_t *ret_limit)
{
	uint32_t limit = 0;
	if (text.length == 0 || text.length > 4 || text.data[0] == '0')
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		limit = limit * 10 + (uint32_t)(text.data[i] - '0');
	}
	if (limit > QUERY_LIMIT_MAX)
		return false;
	*ret_limit = limit;
	return true;
}

enum error paging_read(struct call *call, struct query *query)
{
	struct slice limit, cursor;
	enum error error = http_request_query(call->request, SLICE("limit"), &limit);
	if (error == OK)
		error = http_request_query(call->request, SLICE("cursor"), &cursor);
	if (error != OK)
		return error;
	if (limit.data != NULL && !parse_limit(limit, &query->limit))
		return http_request_query_violation(call->request, SLICE("limit"), SLICE("must be a whole number from 1 to 1000"));
	if (cursor.data == NULL || cursor_parse(cursor, query) == OK)
		return OK;
	error = http_request_query_violation(call->request, SLICE("cursor"), SLICE("must be a next_cursor of this list"));
	return error == ERR_BAD_REQUEST ? ERR_CURSOR_INVALID : error;
}
