/* payments.c: /v1/payments/callback: the payment provider's signed reports. */
#include <assert.h>
#include <stddef.h>

#include "http/api.h"
#include "http/call.h"
#include "http/call_submit.h"
#include "http/handlers.h"

struct payment_body {
	struct uuid order_id;
	uint32_t status;
	struct slice transaction_id;
	int64_t amount;        /* AMOUNT_ABSENT: not given */
	struct slice currency; /* data NULL: not given */
	struct uuid refund_id; /* nil: not given */
};

#define AMOUNT_ABSENT (-1)

static const char *const payment_statuses[] = {"SUCCEEDED", "FAILED", "REFUNDED", NULL};

static const struct json_field payment_body_fields[] = {
	{.name = "order_id", .kind = JSON_FIELD_UUID, .is_required = true, .offset = offsetof(struct payment_body, order_id)},
	{.name = "status",
         .kind = JSON_FIELD_CHOICE,
         .is_required = true,
         .offset = offsetof(struct payment_body, status),
         .choices = payment_statuses},
	{.name = "transaction_id",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct payment_body, transaction_id),
         .minimum = 1,
         .maximum = SHORT_TEXT_LENGTH_MAX},
	{.name = "amount",
         .kind = JSON_FIELD_INTEGER,
         .offset = offsetof(struct payment_body, amount),
         .minimum = 0,
         .maximum = PAYMENT_MAX},
	{.name = "currency",
         .kind = JSON_FIELD_STRING,
         .offset = offsetof(struct payment_body, currency),
         .maximum = SHORT_TEXT_LENGTH_MAX},
	{.name = "refund_id", .kind = JSON_FIELD_UUID, .offset = offsetof(struct payment_body, refund_id)},
};
static const struct json_schema payment_body_schema = {.fields = payment_body_fields,
                                                       .count = ARRAY_LENGTH(payment_body_fields),
                                                       .size = sizeof(struct payment_body),
                                                       .takes_unknown = true};

static enum payment_status status_of(const struct payment_body *body)
{
	static_assert(PAYMENT_FAILED == PAYMENT_SUCCEEDED + 1 && PAYMENT_REFUNDED == PAYMENT_FAILED + 1, "the choices are in their order");
	return (enum payment_status)(body->status + PAYMENT_SUCCEEDED);
}

/* The currency is one; and where PAYMENT_AMOUNT says so, a report of money says how much. ERR_VALIDATION. */
static enum error check_money(struct call *call, const struct payment_body *body, struct currency *ret_currency)
{
	struct json_violations *violations = &call->violations;
	bool needs_money = api_of(call->request)->options.requires_payment_amount && status_of(body) != PAYMENT_FAILED;
	if (needs_money && body->amount == AMOUNT_ABSENT)
		json_violations_add(violations, SLICE("/amount"), SLICE("is required"));
	if (needs_money && body->currency.data == NULL)
		json_violations_add(violations, SLICE("/currency"), SLICE("is required"));
	if (body->currency.data != NULL && !currency_parse(body->currency, ret_currency))
		json_violations_add(violations, SLICE("/currency"), SLICE("must be a three-letter ISO 4217 code such as EUR"));
	return violations->count > 0 ? ERR_VALIDATION : OK;
}

static enum error read_payment(struct call *call)
{
	struct http_request *request = call->request;
	struct slice signature = http_request_header(request, SLICE("tro-signature"));
	uint64_t now_ms = clock_now_ms(api_of(request)->options.clock);
	if (signature.data == NULL) {
		call->detail = "The TRO-Signature header is missing.";
		return ERR_SIGNATURE_INVALID;
	}
	enum callback_verdict verdict = callback_verify(api_loop_of(request)->callback, signature, request->body, now_ms);
	if (verdict != CALLBACK_RIGHT) {
		call->detail = callback_verdict_text(verdict);
		return ERR_SIGNATURE_INVALID;
	}
	struct payment_body body = {.amount = AMOUNT_ABSENT};
	struct currency currency = {0};
	enum error error = json_read(request->body, &payment_body_schema, &call->violations, &body);
	if (error == OK)
		error = check_money(call, &body, &currency);
	if (error != OK)
		return error;
	struct command *command = call_command(call, COMMAND_PAYMENT);
	enum payment_status status = status_of(&body);
	command->actor = SLICE("payment");
	command->payment = (struct payment_report){
		.order_id = body.order_id,
		.status = status,
		.transaction_id = short_text_of(body.transaction_id),
		.has_amount = body.amount != AMOUNT_ABSENT,
		.amount = body.amount == AMOUNT_ABSENT ? 0 : body.amount,
		.has_currency = body.currency.data != NULL,
		.currency = currency,
		.has_refund_id = status == PAYMENT_REFUNDED && !uuid_is_nil(&body.refund_id),
		.refund_id = body.refund_id,
	};
	return OK;
}

enum http_progress payments_callback(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	enum error error = read_payment(call);
	return error == OK ? call_submit(call) : call_refuse(call, error);
}
