/* holds.c: /v1/holds: keep seats for a few minutes, look at a hold, give it back. */
#include <stddef.h>

#include "http/api.h"
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/seat_list.h"

struct hold_body {
	struct uuid event_id;
	struct json_strings seats;
	struct slice user_id;
};

static const struct json_field hold_body_fields[] = {
	{.name = "event_id", .kind = JSON_FIELD_UUID, .is_required = true, .offset = offsetof(struct hold_body, event_id)},
	{.name = "seats",
         .kind = JSON_FIELD_STRINGS,
         .is_required = true,
         .offset = offsetof(struct hold_body, seats),
         .minimum = 1,
         .maximum = SEAT_LABEL_LENGTH_MAX,
         .count_minimum = 1,
         .count_maximum = SEATS_PER_HOLD_LIMIT},
	{.name = "user_id",
         .kind = JSON_FIELD_STRING,
         .offset = offsetof(struct hold_body, user_id),
         .minimum = 1,
         .maximum = SHORT_TEXT_LENGTH_MAX},
};
static const struct json_schema hold_body_schema = {
	.fields = hold_body_fields, .count = ARRAY_LENGTH(hold_body_fields), .size = sizeof(struct hold_body)};

static enum error read_hold(struct call *call)
{
	const struct api_options *options = &api_of(call->request)->options;
	struct command *command = call_command(call, COMMAND_HOLD_CREATE);
	enum error error = call_read_key(call);
	if (error != OK)
		return error;
	struct hold_body body = {0};
	error = json_read(call->request->body, &hold_body_schema, &call->violations, &body);
	if (error == OK)
		error = call_act_for(call, body.user_id);
	if (error == OK)
		error = seat_list_read(&body.seats, options->seats_per_hold_max, &call->violations, &command->hold_create.seats);
	if (error != OK)
		return error;
	command->hold_create.event_id = body.event_id;
	command->hold_create.hold_id = call_draw_id(call, uuid_shard(&body.event_id));
	command->hold_create.ttl_ms = options->hold_ttl_ms;
	command->hold_create.seat_count = body.seats.count;
	return OK;
}

enum http_progress holds_post(struct http_request *request)
{
	struct call *call = call_begin(request, 201);
	if (call == NULL)
		return HTTP_ANSWERED;
	enum error error = read_hold(call);
	call->location = "/v1/holds/";
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress holds_get(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_HOLD);
	if (!call_read_id(call, &query->id))
		return call_refuse(call, ERR_HOLD_UNKNOWN);
	enum error error = call_read_owner(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress holds_delete(struct http_request *request)
{
	struct call *call = call_begin(request, 204);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, COMMAND_HOLD_RELEASE);
	if (!call_read_id(call, &command->hold_id))
		return call_refuse(call, ERR_HOLD_UNKNOWN);
	enum error error = call_read_optional_key(call);
	if (error == OK)
		error = call_read_owner(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}
