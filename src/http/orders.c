/* orders.c: /v1/orders: turn a hold into an order, look at it, cancel it. */
#include <stddef.h>

#include "http/api.h"
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/seat_list.h"

struct order_body {
	struct uuid hold_id;
	struct uuid event_id;
	struct json_strings seats;
	uint32_t payment_method;
	struct slice user_id;
};

static const char *const payment_methods[] = {"card", "invoice", "cash", "transfer", NULL};

static const struct json_field order_body_fields[] = {
	{.name = "hold_id", .kind = JSON_FIELD_UUID, .offset = offsetof(struct order_body, hold_id)},
	{.name = "event_id", .kind = JSON_FIELD_UUID, .offset = offsetof(struct order_body, event_id)},
	{.name = "seats",
         .kind = JSON_FIELD_STRINGS,
         .offset = offsetof(struct order_body, seats),
         .minimum = 1,
         .maximum = SEAT_LABEL_LENGTH_MAX,
         .count_minimum = 1,
         .count_maximum = SEATS_PER_HOLD_LIMIT},
	{.name = "payment_method",
         .kind = JSON_FIELD_CHOICE,
         .is_required = true,
         .offset = offsetof(struct order_body, payment_method),
         .choices = payment_methods},
	{.name = "user_id",
         .kind = JSON_FIELD_STRING,
         .offset = offsetof(struct order_body, user_id),
         .minimum = 1,
         .maximum = SHORT_TEXT_LENGTH_MAX},
};
static const struct json_schema order_body_schema = {
	.fields = order_body_fields, .count = ARRAY_LENGTH(order_body_fields), .size = sizeof(struct order_body)};

/* Either the hold, or the event and the seats it has. */
static enum error check_choice(const struct order_body *body, struct json_violations *violations)
{
	bool has_hold = !uuid_is_nil(&body->hold_id);
	bool has_event = !uuid_is_nil(&body->event_id);
	bool has_seats = body->seats.count > 0;
	if (has_hold && has_event)
		json_violations_add(violations, SLICE("/event_id"), SLICE("not together with hold_id"));
	if (has_hold && has_seats)
		json_violations_add(violations, SLICE("/seats"), SLICE("not together with hold_id"));
	if (!has_hold && !has_event && !has_seats)
		json_violations_add(violations, SLICE("/hold_id"), SLICE("is required, or event_id and seats"));
	else if (!has_hold && !has_event)
		json_violations_add(violations, SLICE("/event_id"), SLICE("is required with seats"));
	else if (!has_hold && !has_seats)
		json_violations_add(violations, SLICE("/seats"), SLICE("is required with event_id"));
	return violations->count > 0 ? ERR_VALIDATION : OK;
}

static enum error read_order(struct call *call)
{
	const struct api_options *options = &api_of(call->request)->options;
	struct command *command = call_command(call, COMMAND_ORDER_CREATE);
	enum error error = call_read_key(call);
	if (error != OK)
		return error;
	struct order_body body = {0};
	error = json_read(call->request->body, &order_body_schema, &call->violations, &body);
	if (error == OK)
		error = call_act_for(call, body.user_id);
	if (error == OK)
		error = check_choice(&body, &call->violations);
	if (error == OK && body.seats.count == 0 && body.user_id.data == NULL)
		call_reach_all(call);
	struct order_create *create = &command->order_create;
	if (error == OK && body.seats.count > 0)
		error = seat_list_read(&body.seats, options->seats_per_hold_max, &call->violations, &create->seats);
	if (error != OK)
		return error;
	create->hold_id = body.hold_id;
	create->event_id = body.event_id;
	create->seat_count = body.seats.count;
	create->order_id = call_draw_id(call, uuid_shard(create->seats == NULL ? &body.hold_id : &body.event_id));
	create->ttl_ms = options->order_ttl_ms;
	create->payment_method = (enum payment_method)(body.payment_method + PAYMENT_METHOD_CARD);
	return OK;
}

enum http_progress orders_post(struct http_request *request)
{
	struct call *call = call_begin(request, 202);
	if (call == NULL)
		return HTTP_ANSWERED;
	enum error error = read_order(call);
	call->location = "/v1/orders/";
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress orders_get(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct query *query = call_query(call, QUERY_ORDER);
	if (!call_read_id(call, &query->id))
		return call_refuse(call, ERR_ORDER_UNKNOWN);
	enum error error = call_read_owner(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}

enum http_progress orders_cancel(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct command *command = call_command(call, COMMAND_ORDER_CANCEL);
	if (!call_read_id(call, &command->order_id))
		return call_refuse(call, ERR_ORDER_UNKNOWN);
	enum error error = call_read_key(call);
	if (error == OK)
		error = call_read_owner(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}
