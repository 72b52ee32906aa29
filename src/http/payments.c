/* payments.c: /v1/payments/callback: the payment provider's signed reports. */
#include <stddef.h>

#include "http/api.h"
#include "http/call.h"
#include "http/handlers.h"

struct payment_body {
	struct uuid order_id;
	uint32_t status;
	struct slice transaction_id;
};

static const char *const payment_statuses[] = {"SUCCEEDED", "FAILED", NULL};

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
};
static const struct json_schema payment_body_schema = {.fields = payment_body_fields,
                                                       .count = ARRAY_LENGTH(payment_body_fields),
                                                       .size = sizeof(struct payment_body),
                                                       .takes_unknown = true};

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
	struct payment_body body = {0};
	enum error error = json_read(request->body, &payment_body_schema, &call->faults, &body);
	if (error != OK)
		return error;
	struct command *command = call_command(call, COMMAND_PAYMENT);
	command->actor = SLICE("payment");
	command->payment = (struct payment_report){
		.order_id = body.order_id,
		.status = (enum payment_status)(body.status + PAYMENT_SUCCEEDED),
		.transaction_id = short_text_of(body.transaction_id),
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
