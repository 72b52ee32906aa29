/* event_data_read.c: the stored JSON of an event back into its fields, for replay. */
#include <assert.h>
#include <stddef.h>

#include "codec/event_json.h"
#include "codec/json_fields.h"
#include "codec/sale_json.h"
#include "domain/limits.h"

/* Everything a hold's or an order's data may hold. */
struct stream_body {
	struct uuid hold_id, order_id, event_id;
	struct slice user;
	struct json_strings seats;
	struct json_objects items; /* struct item_body */
	uint32_t status;           /* as in the choices of the kind */
	uint64_t deadline_ms, created_at_ms;
	int64_t total;
	struct slice currency;
	uint32_t payment_method;
	bool refund_required;
	struct slice transaction_id; /* empty: no payment made the event */
	uint32_t payment_status;
	int64_t refunds_due;
	int64_t paid_amount;
	struct slice paid_currency;
	struct json_objects refunds; /* struct refund_body */
};

struct refund_body {
	struct uuid refund_id;
	struct slice transaction_id;
	int64_t amount;
	struct slice currency;
	uint32_t reason, status;
	uint64_t created_at_ms, done_at_ms;
};

struct item_body {
	struct slice seat;
	int64_t price;
};

#define FIELD(field_name, field_kind, member) \
	.name = field_name, .kind = field_kind, .is_required = true, .offset = offsetof(struct stream_body, member)
#define TEXT_LIMITS .minimum = 1, .maximum = SHORT_TEXT_LENGTH_MAX

static const char *const hold_statuses[] = {"ACTIVE", "CONVERTED", "RELEASED", "EXPIRED", NULL};
static const char *const order_statuses[] = {"PENDING", "CONFIRMED", "FAILED", "EXPIRED", "CANCELLED", "REFUNDED", NULL};
static const char *const payment_methods[] = {"card", "invoice", "cash", "transfer", NULL};

static const struct json_field hold_fields[] = {
	{FIELD("hold_id", JSON_FIELD_UUID, hold_id)},
	{FIELD("event_id", JSON_FIELD_UUID, event_id)},
	{FIELD("user_id", JSON_FIELD_STRING, user), TEXT_LIMITS},
	{FIELD("seats", JSON_FIELD_STRINGS, seats), .minimum = 1, .maximum = SEAT_LABEL_LENGTH_MAX, .count_minimum = 1,
         .count_maximum = SEATS_PER_HOLD_LIMIT},
	{FIELD("status", JSON_FIELD_CHOICE, status), .choices = hold_statuses},
	{FIELD("expires_at", JSON_FIELD_TIME, deadline_ms)},
	{FIELD("created_at", JSON_FIELD_TIME, created_at_ms)},
};
static const struct json_schema hold_schema = {
	.fields = hold_fields, .count = ARRAY_LENGTH(hold_fields), .size = sizeof(struct stream_body)};

static const struct json_field item_fields[] = {
	{.name = "seat",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct item_body, seat),
         .minimum = 1,
         .maximum = SEAT_LABEL_LENGTH_MAX},
	{.name = "price",
         .kind = JSON_FIELD_INTEGER,
         .is_required = true,
         .offset = offsetof(struct item_body, price),
         .minimum = 0,
         .maximum = PRICE_MAX},
};
static const struct json_schema item_schema = {.fields = item_fields, .count = ARRAY_LENGTH(item_fields), .size = sizeof(struct item_body)};

static const char *const payment_statuses[] = {"SUCCEEDED", "FAILED", "REFUNDED", NULL};

static const char *const refund_reasons[] = {"late_payment", "overpayment", "mismatch", "duplicate_payment", "event_cancelled", NULL};
static const char *const refund_statuses[] = {"due", "done", NULL};

#define REFUND_FIELD(field_name, field_kind, member) \
	.name = field_name, .kind = field_kind, .is_required = true, .offset = offsetof(struct refund_body, member)

static const struct json_field refund_fields[] = {
	{REFUND_FIELD("refund_id", JSON_FIELD_UUID, refund_id)},
	{REFUND_FIELD("transaction_id", JSON_FIELD_STRING, transaction_id), TEXT_LIMITS},
	{REFUND_FIELD("amount", JSON_FIELD_INTEGER, amount), .minimum = 1, .maximum = MONEY_MAX},
	{REFUND_FIELD("currency", JSON_FIELD_STRING, currency), .minimum = 3, .maximum = 3},
	{REFUND_FIELD("reason", JSON_FIELD_CHOICE, reason), .choices = refund_reasons},
	{REFUND_FIELD("status", JSON_FIELD_CHOICE, status), .choices = refund_statuses},
	{REFUND_FIELD("created_at", JSON_FIELD_TIME, created_at_ms)},
	{.name = "done_at", .kind = JSON_FIELD_TIME, .offset = offsetof(struct refund_body, done_at_ms)},
};
static const struct json_schema refund_schema = {
	.fields = refund_fields, .count = ARRAY_LENGTH(refund_fields), .size = sizeof(struct refund_body)};

static const struct json_field order_fields[] = {
	{FIELD("order_id", JSON_FIELD_UUID, order_id)},
	{FIELD("event_id", JSON_FIELD_UUID, event_id)},
	{FIELD("hold_id", JSON_FIELD_UUID, hold_id)},
	{FIELD("user_id", JSON_FIELD_STRING, user), TEXT_LIMITS},
	{FIELD("status", JSON_FIELD_CHOICE, status), .choices = order_statuses},
	{FIELD("total", JSON_FIELD_INTEGER, total), .minimum = 0, .maximum = MONEY_MAX},
	{FIELD("currency", JSON_FIELD_STRING, currency), .minimum = 3, .maximum = 3},
	{FIELD("payment_method", JSON_FIELD_CHOICE, payment_method), .choices = payment_methods},
	{FIELD("pay_by", JSON_FIELD_TIME, deadline_ms)},
	{FIELD("refund_required", JSON_FIELD_BOOLEAN, refund_required)},
	{FIELD("items", JSON_FIELD_OBJECTS, items), .count_minimum = 1, .count_maximum = SEATS_PER_HOLD_LIMIT, .objects = &item_schema},
	{FIELD("created_at", JSON_FIELD_TIME, created_at_ms)},
	{.name = "transaction_id", .kind = JSON_FIELD_STRING, .offset = offsetof(struct stream_body, transaction_id), TEXT_LIMITS},
	{.name = "payment_status",
         .kind = JSON_FIELD_CHOICE,
         .offset = offsetof(struct stream_body, payment_status),
         .choices = payment_statuses},
	{.name = "refunds_due",
         .kind = JSON_FIELD_INTEGER,
         .offset = offsetof(struct stream_body, refunds_due),
         .minimum = 0,
         .maximum = MONEY_MAX},
	{.name = "paid_amount",
         .kind = JSON_FIELD_INTEGER,
         .offset = offsetof(struct stream_body, paid_amount),
         .minimum = 0,
         .maximum = MONEY_MAX},
	{.name = "paid_currency",
         .kind = JSON_FIELD_STRING,
         .offset = offsetof(struct stream_body, paid_currency),
         .minimum = 3,
         .maximum = 3},
	{.name = "refunds",
         .kind = JSON_FIELD_OBJECTS,
         .offset = offsetof(struct stream_body, refunds),
         .count_minimum = 1,
         .count_maximum = REFUNDS_PER_PAYMENT_MAX,
         .objects = &refund_schema},
};
static const struct json_schema order_schema = {
	.fields = order_fields, .count = ARRAY_LENGTH(order_fields), .size = sizeof(struct stream_body)};

/* event.created is the body it was made of, and what was added to it. */
struct sale_data {
	struct sale_body body; /* first: the fields of the body have its offsets */
	struct uuid event_id;
	uint32_t status;
	int64_t seat_count;
	uint64_t created_at_ms;
};

static const char *const sale_statuses[] = {"on_sale", "paused", "cancelled", NULL};

static const struct json_field sale_own_fields[] = {
	{.name = "event_id", .kind = JSON_FIELD_UUID, .is_required = true, .offset = offsetof(struct sale_data, event_id)},
	{.name = "status",
         .kind = JSON_FIELD_CHOICE,
         .is_required = true,
         .offset = offsetof(struct sale_data, status),
         .choices = sale_statuses},
	{.name = "seat_count",
         .kind = JSON_FIELD_INTEGER,
         .offset = offsetof(struct sale_data, seat_count),
         .minimum = 1,
         .maximum = SEATS_PER_EVENT_MAX},
	{.name = "created_at", .kind = JSON_FIELD_TIME, .offset = offsetof(struct sale_data, created_at_ms)},
};

static enum error read_sale_created(struct slice data, struct json_violations *violations, struct event *event)
{
	struct json_field fields[SALE_DATA_FIELD_COUNT + ARRAY_LENGTH(sale_own_fields)];
	for (uint32_t i = 0; i < ARRAY_LENGTH(fields); i++)
		fields[i] = i < SALE_DATA_FIELD_COUNT ? sale_body_fields[i] : sale_own_fields[i - SALE_DATA_FIELD_COUNT];
	const struct json_schema schema = {.fields = fields, .count = ARRAY_LENGTH(fields), .size = sizeof(struct sale_data)};
	struct sale_data sale = {0};
	enum error error = json_read(data, &schema, violations, &sale);
	if (error != OK)
		return error;
	if (!currency_parse(sale.body.currency, &event->currency))
		return ERR_CORRUPT;
	event->event_id = sale.event_id;
	event->created_at_ms = sale.created_at_ms;
	event->details = (struct sale_details){.name = sale.body.name,
	                                       .venue = sale.body.venue,
	                                       .description = sale.body.description,
	                                       .starts_at_ms = sale.body.starts_at_ms};
	event->on_sale_from_ms = sale.body.on_sale_from_ms;
	event->on_sale_until_ms = sale.body.on_sale_until_ms;
	event->seat_count = (uint32_t)sale.seat_count;
	error = sale_body_layout(&sale.body, violations->arena, &event->layout);
	/* The stores make the seats of the layout, and rely on their number. */
	return error == OK && (event->seat_count == 0 || layout_count(&event->layout) != event->seat_count) ? ERR_CORRUPT : error;
}

static enum error read_sale_change(struct slice data, struct json_violations *violations, struct event *event)
{
	const struct json_schema schema = {.fields = sale_own_fields, .count = 2, .size = sizeof(struct sale_data)};
	struct sale_data sale = {0};
	enum error error = json_read(data, &schema, violations, &sale);
	event->event_id = sale.event_id;
	return error;
}

static enum error read_hold(struct slice data, struct json_violations *violations, struct event *event)
{
	struct stream_body body = {0};
	enum error error = json_read(data, &hold_schema, violations, &body);
	if (error != OK)
		return error;
	struct order_item *items = arena_allocate_array(violations->arena, body.seats.count, sizeof *items);
	if (items == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < body.seats.count; i++)
		items[i].seat = seat_label_of(body.seats.items[i]);
	event->event_id = body.event_id;
	event->user = body.user;
	event->created_at_ms = body.created_at_ms;
	event->deadline_ms = body.deadline_ms;
	event->items = items;
	event->item_count = body.seats.count;
	return OK;
}

static enum error read_refunds(const struct stream_body *body, struct event *event)
{
	const struct refund_body *from = body->refunds.items;
	for (uint32_t i = 0; i < body->refunds.count; i++) {
		struct event_refund *refund = &event->refunds[i];
		*refund = (struct event_refund){
			.refund_id = from[i].refund_id,
			.transaction_id = from[i].transaction_id,
			.amount = from[i].amount,
			.reason = (enum refund_reason)(from[i].reason + REFUND_LATE_PAYMENT),
			.status = (enum refund_status)(from[i].status + REFUND_DUE),
			.created_at_ms = from[i].created_at_ms,
			.done_at_ms = from[i].done_at_ms,
		};
		if (!currency_parse(from[i].currency, &refund->currency))
			return ERR_CORRUPT;
	}
	event->refund_count = body->refunds.count;
	return OK;
}

/* Before there were refunds, order.refund_required named only the payment. Its amount is taken to be the order's total, as the
 * migrations of the SQL stores take it when they make rows of these events. */
static void derive_refund(struct event *event)
{
	if (event->type != EVENT_ORDER_REFUND_REQUIRED || event->total == 0)
		return;
	event->refunds[0] = (struct event_refund){
		.refund_id = event->id,
		.transaction_id = event->transaction_id,
		.amount = event->total,
		.currency = event->currency,
		.reason = event->order_status == ORDER_CONFIRMED ? REFUND_DUPLICATE_PAYMENT : REFUND_LATE_PAYMENT,
		.status = REFUND_DUE,
		.created_at_ms = event->occurred_at_ms,
	};
	event->refund_count = 1;
}

static enum error read_order_money(const struct stream_body *body, struct event *event)
{
	event->refund_required = body->refund_required;
	event->refunds_due = body->refunds_due;
	event->transaction_id = body->transaction_id;
	event->payment_status = (enum payment_status)(body->payment_status + PAYMENT_SUCCEEDED);
	event->has_paid = body->paid_currency.length > 0;
	event->paid_amount = body->paid_amount;
	if (event->has_paid && !currency_parse(body->paid_currency, &event->paid_currency))
		return ERR_CORRUPT;
	if (event->refunds_due != REFUNDS_DUE_UNKNOWN)
		return read_refunds(body, event);
	derive_refund(event);
	return OK;
}

static enum error read_order(struct slice data, struct json_violations *violations, struct event *event)
{
	struct stream_body body = {.refunds_due = REFUNDS_DUE_UNKNOWN};
	enum error error = json_read(data, &order_schema, violations, &body);
	if (error != OK)
		return error;
	if (!currency_parse(body.currency, &event->currency))
		return ERR_CORRUPT;
	const struct item_body *from = body.items.items;
	struct order_item *items = arena_allocate_array(violations->arena, body.items.count, sizeof *items);
	if (items == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < body.items.count; i++)
		items[i] = (struct order_item){.seat = seat_label_of(from[i].seat), .price = from[i].price};
	event->event_id = body.event_id;
	event->user = body.user;
	event->created_at_ms = body.created_at_ms;
	event->deadline_ms = body.deadline_ms;
	event->items = items;
	event->item_count = body.items.count;
	event->hold_id = body.hold_id;
	event->order_status = (enum order_status)(body.status + ORDER_PENDING);
	event->payment_method = (enum payment_method)(body.payment_method + PAYMENT_METHOD_CARD);
	event->total = body.total;
	return read_order_money(&body, event);
}

enum error event_data_read(struct slice data, struct arena *arena, struct event *event)
{
	assert(arena != NULL && event != NULL && event->type != EVENT_NONE);
	struct json_violations violations;
	json_violations_init(&violations, arena);
	enum error error = OK;
	switch (event_type_stream(event->type)) {
	case STREAM_SALE:
		error = event->type == EVENT_SALE_CREATED ? read_sale_created(data, &violations, event)
		                                          : read_sale_change(data, &violations, event);
		break;
	case STREAM_HOLD:
		error = read_hold(data, &violations, event);
		break;
	case STREAM_ORDER:
		error = read_order(data, &violations, event);
		break;
	}
	event->data = data;
	return error == OK || error == ERR_NO_MEMORY ? error : ERR_CORRUPT;
}
