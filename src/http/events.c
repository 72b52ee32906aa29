/* events.c: /v1/events: lists events, and lets organisers put them on sale. */
#include "base/time.h"
#include "base/utf8.h"
#include "codec/sale_json.h"
#include "http/api.h"
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/paging.h"

/* Clients may keep public pages, and revalidate them with their ETag. */
static const char browsed[] = "no-cache";

/* The key is optional: with it the event is made once. */
static enum error read_sale(struct call *call, struct command *command)
{
	struct http_request *request = call->request;
	enum error error = call_read_optional_key(call);
	if (error != OK)
		return error;
	return sale_body_read(request->body, clock_now_ms(api_of(request)->options.clock), &call->violations, &command->sale_create);
}

enum http_progress events_post(struct http_request *request)
{
	struct call *call = call_begin(request, 201);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, COMMAND_SALE_CREATE);
	enum error error = read_sale(call, command);
	if (error != OK)
		return call_refuse(call, error);
	/* The last byte of an event's id is its shard: any will do. */
	uint8_t shard = (uint8_t)random_u64(api_of(request)->options.random);
	command->sale_create.event_id = call_draw_id(call, shard);
	call->location = "/v1/events/";
	return call_submit(call);
}

/* ?from= and ?to=. */
static enum error read_time(struct http_request *request, struct slice name, uint64_t *ret_ms)
{
	struct slice text;
	enum error error = http_request_query(request, name, &text);
	if (error != OK || text.data == NULL || time_parse(text, ret_ms))
		return error;
	return http_request_query_violation(request, name, SLICE("must be a time as in RFC 3339, such as 2026-01-02T03:04:05Z"));
}

/* ?venue= and ?q=, with small letters of ASCII. */
static enum error read_folded(struct http_request *request, struct slice name, struct slice *ret_text)
{
	struct slice text;
	enum error error = http_request_query(request, name, &text);
	if (error != OK || text.data == NULL)
		return error;
	if (!utf8_is_printable(text) || utf8_character_count(text) > SALE_TEXT_MAX)
		return http_request_query_violation(request, name, SLICE("must be text of at most 200 characters"));
	char *folded = arena_allocate(&request->arena, text.length + 1);
	if (folded == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < text.length; i++)
		folded[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] | 0x20) : text.data[i];
	*ret_text = (struct slice){.data = folded, .length = text.length};
	return OK;
}

/* ?status= of an event. */
static enum error read_sale_status(struct http_request *request, enum sale_status *ret_status)
{
	struct slice text;
	enum error error = http_request_query(request, SLICE("status"), &text);
	if (error != OK || text.data == NULL)
		return error;
	for (enum sale_status status = SALE_ON_SALE; status <= SALE_CANCELLED; status++) {
		if (slice_equal_string(text, sale_status_name(status))) {
			*ret_status = status;
			return OK;
		}
	}
	return http_request_query_violation(request, SLICE("status"), SLICE("must be on_sale, paused or cancelled"));
}

static enum error read_filter(struct http_request *request, struct catalog_filter *filter)
{
	enum error error = read_time(request, SLICE("from"), &filter->starts_from_ms);
	if (error == OK)
		error = read_time(request, SLICE("to"), &filter->starts_until_ms);
	if (error == OK)
		error = read_sale_status(request, &filter->status);
	if (error == OK)
		error = read_folded(request, SLICE("venue"), &filter->venue);
	return error == OK ? read_folded(request, SLICE("q"), &filter->words) : error;
}

static enum http_progress change_sale(struct http_request *request, enum command_kind kind)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, kind);
	return call_read_id(call, &command->event_id) ? call_submit(call) : call_refuse(call, ERR_EVENT_UNKNOWN);
}

enum http_progress events_pause(struct http_request *request)
{
	return change_sale(request, COMMAND_SALE_PAUSE);
}

enum http_progress events_resume(struct http_request *request)
{
	return change_sale(request, COMMAND_SALE_RESUME);
}

enum http_progress events_cancel(struct http_request *request)
{
	return change_sale(request, COMMAND_SALE_CANCEL);
}

enum http_progress events_list(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_EVENTS);
	call->cache_control = browsed;
	enum error error = paging_read(call, query);
	if (error == OK)
		error = read_filter(request, &query->filter);
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
