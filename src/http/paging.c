/* paging.c: reads the beginning and the limit of a list. */
#include "http/paging.h"

#include "app/cursor.h"
#include "base/decimal.h"

enum error paging_read(struct call *call, struct query *query)
{
	struct slice limit, cursor;
	uint64_t number = query->limit;
	enum error error = http_request_query(call->request, SLICE("limit"), &limit);
	if (error == OK)
		error = http_request_query(call->request, SLICE("cursor"), &cursor);
	if (error != OK)
		return error;
	if (limit.data != NULL && (!decimal_parse(limit, QUERY_LIMIT_MAX, &number) || number == 0))
		return http_request_query_violation(call->request, SLICE("limit"), SLICE("must be a whole number from 1 to 1000"));
	query->limit = (uint32_t)number;
	if (cursor.data == NULL || cursor_parse(cursor, query) == OK)
		return OK;
	error = http_request_query_violation(call->request, SLICE("cursor"), SLICE("must be a next_cursor of this list"));
	return error == ERR_BAD_REQUEST ? ERR_CURSOR_INVALID : error;
}
