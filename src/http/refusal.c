/* refusal.c: from an outcome to the members of a problem: detail, errors, seats, and when to try again. */
#include "http/refusal.h"

#include <assert.h>

#include "base/buffer.h"
#include "base/time.h"
#include "http/problem.h"

/* The seats that the command asks for. */
static const struct seat_label *seats_of(const struct command *command)
{
	return command->kind == COMMAND_HOLD_CREATE ? command->hold_create.seats : command->order_create.seats;
}

static struct slice describe_taken(struct call *call)
{
	assert(call->job.command.kind == COMMAND_HOLD_CREATE);
	uint32_t taken = call->job.outcome.conflict_count;
	uint32_t count = call->job.command.hold_create.seat_count;
	return arena_format(&call->request->arena, "%u of %u %s %s taken.", taken, count, count == 1 ? "seat" : "seats",
	                    taken == 1 ? "is" : "are");
}

/* "The event has no seat Z-9-9." */
static struct slice describe_unknown_seats(struct call *call)
{
	const struct outcome *outcome = &call->job.outcome;
	struct buffer text;
	buffer_init(&text, &call->request->arena, SEATS_PER_HOLD_LIMIT * (SEAT_LABEL_LENGTH_MAX + 2) + 64);
	buffer_append_string(&text, outcome->unknown_count == 1 ? "The event has no seat " : "The event has no seats ");
	for (uint32_t i = 0; i < outcome->unknown_count; i++) {
		if (i > 0)
			buffer_append_string(&text, ", ");
		buffer_append_slice(&text, seat_label_slice(&seats_of(&call->job.command)[outcome->unknown_seats[i]]));
	}
	buffer_append_byte(&text, '.');
	return buffer_slice(&text);
}

/* "There is no hold 019a…"; data is NULL when the request names none. */
static struct slice describe_missing(struct call *call, const char *what, const struct uuid *in_body)
{
	struct arena *arena = &call->request->arena;
	struct slice in_path = call->request->parameters[0];
	if (in_path.length > 0)
		return arena_format(arena, "There is no %s %.*s.", what, SLICE_PRINT(in_path));
	if (in_body == NULL || uuid_is_nil(in_body))
		return (struct slice){0};
	char id[UUID_TEXT_LENGTH + 1];
	uuid_format(in_body, id);
	return arena_format(arena, "There is no %s %s.", what, id);
}

static struct slice describe_missing_event(struct call *call)
{
	const struct command *command = &call->job.command;
	bool is_hold = call->job.kind == JOB_COMMAND && command->kind == COMMAND_HOLD_CREATE;
	bool is_order = call->job.kind == JOB_COMMAND && command->kind == COMMAND_ORDER_CREATE;
	return describe_missing(call, "event",
	                        is_hold    ? &command->hold_create.event_id
	                        : is_order ? &command->order_create.event_id
	                                   : NULL);
}

static struct slice describe_missing_hold(struct call *call)
{
	const struct command *command = &call->job.command;
	bool is_order = call->job.kind == JOB_COMMAND && command->kind == COMMAND_ORDER_CREATE;
	if (is_order && command->order_create.seats != NULL)
		return SLICE("There is no active hold of exactly these seats.");
	return describe_missing(call, "hold", is_order ? &command->order_create.hold_id : NULL);
}

static struct slice describe_missing_order(struct call *call)
{
	bool is_payment = call->job.kind == JOB_COMMAND && call->job.command.kind == COMMAND_PAYMENT;
	return describe_missing(call, "order", is_payment ? &call->job.command.payment.order_id : NULL);
}

static struct slice describe_missing_refund(struct call *call)
{
	bool is_payment = call->job.kind == JOB_COMMAND && call->job.command.kind == COMMAND_PAYMENT;
	return describe_missing(call, "refund", is_payment ? &call->job.command.payment.refund_id : NULL);
}

/* "Nothing of the transaction ch_3PqLk2 is to be refunded." */
static struct slice describe_transaction(struct call *call, const char *before, const char *after)
{
	return arena_format(&call->request->arena, "%s %.*s %s", before,
	                    SLICE_PRINT(short_text_slice(&call->job.command.payment.transaction_id)), after);
}

static struct slice describe_time(struct call *call, const char *before)
{
	char time[TIME_TEXT_LENGTH + 1];
	time_format(call->job.outcome.at_ms, time);
	return arena_format(&call->request->arena, "%s %s.", before, time);
}

static struct slice describe_order_status(struct call *call, const char *after)
{
	enum order_status status = call->job.outcome.order_status;
	return status == 0 ? (struct slice){0}
	                   : arena_format(&call->request->arena, "The order is %s%s.", order_status_name(status), after);
}

static struct slice describe_quota(struct call *call)
{
	const struct admission_request *admission = &call->job.admission;
	const struct {
		const char *name;
		const struct admission_quota *quota;
	} quotas[] = {{"user", &admission->ret_user}, {"ip", &admission->ret_address}, {"service", &admission->ret_service}};
	for (size_t i = 0; i < ARRAY_LENGTH(quotas); i++) {
		const struct admission_quota *quota = quotas[i].quota;
		if (quota->is_limited && quota->remaining == 0)
			return arena_format(&call->request->arena, "The quota \"%s\" of %u requests in %u s is used up.", quotas[i].name,
			                    quota->quota, quota->window_s);
	}
	return (struct slice){0};
}

/* data is NULL where the error has no facts but its name. */
static struct slice describe(struct call *call)
{
	if (call->detail != NULL)
		return slice_of(call->detail);
	switch (call->job.outcome.error) {
	case ERR_JSON_INVALID:
		return call->violations.detail;
	case ERR_SEATS_TAKEN:
		return describe_taken(call);
	case ERR_SEAT_UNKNOWN:
		return describe_unknown_seats(call);
	case ERR_EVENT_UNKNOWN:
		return describe_missing_event(call);
	case ERR_VERSION_GONE:
		return SLICE("Read the seat map anew, without since.");
	case ERR_HOLD_UNKNOWN:
		return describe_missing_hold(call);
	case ERR_ORDER_UNKNOWN:
		return describe_missing_order(call);
	case ERR_REFUND_UNKNOWN:
		return describe_missing_refund(call);
	case ERR_HOLD_EXPIRED:
		return describe_time(call, "The hold expired at");
	case ERR_NOT_ON_SALE:
		return describe_time(call, call->job.outcome.is_past ? "Sales ended at" : "Sales begin at");
	case ERR_ORDER_NOT_CANCELLABLE:
		return describe_order_status(call, "");
	case ERR_ORDER_NOT_PAYABLE:
		return describe_order_status(call, " and cannot fail");
	case ERR_PAYMENT_CONFLICT:
		return describe_transaction(call, "The transaction", "was reported before with another order, status or amount.");
	case ERR_REFUND_NOT_DUE:
		return describe_transaction(call, "Nothing of the transaction", "is to be refunded.");
	case ERR_REFUND_AMOUNT:
		return describe_transaction(call, "Of the transaction", "another amount, or another currency, is to be refunded.");
	case ERR_RATE_LIMITED:
		return describe_quota(call);
	default:
		return (struct slice){0};
	}
}

/* Lists the body's fields that are refused, and why; data is NULL in the pointer out of memory. */
static uint32_t list_fields(struct call *call, struct problem_field fields[static SEATS_PER_HOLD_LIMIT])
{
	static_assert(JSON_VIOLATIONS_MAX <= SEATS_PER_HOLD_LIMIT, "either list fits");
	const struct outcome *outcome = &call->job.outcome;
	uint32_t count = 0;
	if (outcome->error == ERR_SEAT_UNKNOWN) {
		for (; count < outcome->unknown_count; count++)
			fields[count] = (struct problem_field){
				.pointer = arena_format(&call->request->arena, "/seats/%u", outcome->unknown_seats[count]),
				.detail = "unknown seat"};
	} else if (outcome->error == ERR_VALIDATION) {
		for (; count < call->violations.count; count++) {
			const struct json_violation *violation = &call->violations.items[count];
			fields[count] = (struct problem_field){.pointer = violation->pointer, .detail = violation->detail.data};
		}
	}
	return count;
}

void refusal_respond(struct call *call)
{
	const struct outcome *outcome = &call->job.outcome;
	assert(outcome->error != OK);

	struct problem problem = {.error = outcome->error, .detail = describe(call)};
	struct problem_field fields[SEATS_PER_HOLD_LIMIT];
	struct slice seats[SEATS_PER_HOLD_LIMIT];
	problem.fields = fields;
	problem.field_count = list_fields(call, fields);
	if (outcome->error == ERR_RATE_LIMITED || outcome->error == ERR_IDEMPOTENCY_BUSY)
		problem.retry_after_ms = call->job.admission.ret_retry_after_ms;
	if (outcome->error == ERR_SEATS_TAKEN) {
		for (; problem.seat_count < outcome->conflict_count; problem.seat_count++)
			seats[problem.seat_count] = seat_label_slice(&outcome->conflicts[problem.seat_count]);
		problem.seats = seats;
	}
	problem_respond(call->request, &problem);
}
