/* events.c: /v1/events: what can be bought, and, for the organiser, putting it on sale. */
#include "codec/sale_json.h"
#include "http/api.h"
#include "http/call.h"
#include "http/handlers.h"
#include "http/paging.h"

/* What people browse may be kept, and is asked for again with its ETag. */
static const char browsed[] = "no-cache";

enum http_progress events_post(struct http_request *request)
{
	struct call *call = call_begin(request, 201);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, COMMAND_SALE_CREATE);
	enum error error = sale_body_read(request->body, &call->faults, &command->sale_create);
	if (error != OK)
		return call_refuse(call, error);
	/* The last byte of an event's id is its shard: any will do. */
	uint8_t shard = (uint8_t)random_u64(api_of(request)->options.random);
	command->sale_create.event_id = call_draw_id(call, shard);
	call->location = "/v1/events/";
	return call_submit(call);
}

enum http_progress events_list(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_EVENTS);
	call->cache_control = browsed;
	enum error error = paging_read(call, query);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress events_get(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_EVENT);
	call->cache_control = browsed;
	return call_read_id(call, &query->id) ? call_submit(call) : call_refuse(call, ERR_EVENT_UNKNOWN);
}

/* ?status=: which seats are wanted. */
static enum error read_status(struct call *call, struct query *query)
{
	struct slice text;
	enum error error = http_request_query(call->request, SLICE("status"), &text);
	if (error != OK || text.data == NULL)
		return error;
	for (enum seat_status status = SEAT_AVAILABLE; status <= SEAT_SOLD; status++)
		if (slice_equal_string(text, seat_status_name(status)))
			query->seat_status = status;
	if (query->seat_status != 0)
		return OK;
	call->detail = "status must be available, held, reserved or sold.";
	return ERR_BAD_REQUEST;
}

enum http_progress events_seats(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_SEATS);
	call->cache_control = browsed;
	if (!call_read_id(call, &query->id))
		return call_refuse(call, ERR_EVENT_UNKNOWN);
	enum error error = paging_read(call, query);
	if (error == OK)
		error = read_status(call, query);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}
