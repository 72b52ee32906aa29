/* refunds.c: /v1/refunds: money that is to be given back, and the word that it was. */
#include "base/json_writer.h"
#include "codec/event_json.h"
#include "http/api.h"
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/paging.h"

#define REFUND_LENGTH_MAX 4096

/* ?status= and ?event_id=. */
static enum error read_filter(struct http_request *request, struct query *query)
{
	struct slice status, event_id;
	enum error error = http_request_query(request, SLICE("status"), &status);
	if (error == OK)
		error = http_request_query(request, SLICE("event_id"), &event_id);
	if (error != OK)
		return error;
	for (enum refund_status each = REFUND_DUE; each <= REFUND_DONE; each++)
		if (status.data != NULL && slice_equal_string(status, refund_status_name(each)))
			query->refund_status = each;
	if (status.data != NULL && query->refund_status == 0)
		return http_request_query_violation(request, SLICE("status"), SLICE("must be due or done"));
	if (event_id.data != NULL && !uuid_parse(event_id, &query->id))
		return http_request_query_violation(request, SLICE("event_id"), SLICE("must be a UUID"));
	return OK;
}

enum http_progress refunds_list(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_REFUNDS);
	enum error error = read_filter(request, query);
	if (error == OK)
		error = paging_read(call, query); /* the cursor belongs to the list of the event */
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

static struct slice render_refund(struct call *call)
{
	struct buffer body;
	buffer_init(&body, &call->request->arena, REFUND_LENGTH_MAX);
	struct json_writer writer = json_writer_on(&body);
	refund_write(&writer, call->job.outcome.refund);
	return body.failed ? (struct slice){0} : buffer_slice(&body);
}

enum http_progress refunds_done(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, COMMAND_REFUND_DONE);
	call->render = render_refund;
	return call_read_id(call, &command->refund_id) ? call_submit(call) : call_refuse(call, ERR_REFUND_UNKNOWN);
}
