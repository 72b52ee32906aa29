/* histories.c: the history of a hold or an order: its domain events. */
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/paging.h"

static enum http_progress answer_history(struct http_request *request, enum query_kind kind, enum error unknown)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, kind);
	if (!call_read_id(call, &query->id))
		return call_refuse(call, unknown);
	enum error error = paging_read(call, query);
	if (error == OK)
		error = call_read_owner(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress holds_history(struct http_request *request)
{
	return answer_history(request, QUERY_HOLD_HISTORY, ERR_HOLD_UNKNOWN);
}

enum http_progress orders_history(struct http_request *request)
{
	return answer_history(request, QUERY_ORDER_HISTORY, ERR_ORDER_UNKNOWN);
}
