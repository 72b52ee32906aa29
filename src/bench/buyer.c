/* buyer.c: the one place that knows what the service may answer to each step. */
#include "bench/buyer.h"

#include <assert.h>
#include <stdio.h>

#include "base/hlc.h"
#include "bench/answer.h"
#include "bench/clock.h"
#include "bench/seat_plan.h"

#define BODY_SHOWN_MAX 800

static struct claim *claim_of(struct run *run, const struct journey *journey)
{
	assert(journey->claim < run->ledger.claim_count);
	return &run->ledger.claims[journey->claim];
}

static void begin(struct journey *journey, enum step step, struct buffer *request)
{
	journey->step = step;
	journey->is_repeated = false;
	buffer_clear(request);
}

/* The ledger has to know what is asked before the server does. */
static void ask(struct run *run, const struct journey *journey, enum claim_state state)
{
	run_expect(run, ledger_asked(&run->ledger, journey->claim, state, run_wall_ms(run, monotonic_ns())));
}

void buyer_hold(struct run *run, struct journey *journey, struct buffer *request)
{
	begin(journey, STEP_HOLD, request);
	uint64_t stamp = hlc_from_milliseconds(run_wall_ms(run, monotonic_ns()));
	journey->key = uuid_v7(stamp, dice_next(&run->dice), 0);
	wire_hold_create(&run->wire, journey->user, &journey->key, &run->ledger.events[journey->event].event_id, journey->seats, request);
}

void buyer_release(struct run *run, struct journey *journey, struct buffer *request)
{
	begin(journey, STEP_RELEASE, request);
	ask(run, journey, STATE_RELEASED);
	wire_hold_release(&run->wire, journey->user, &claim_of(run, journey)->hold.id, request);
}

void buyer_order(struct run *run, struct journey *journey, struct buffer *request)
{
	begin(journey, STEP_ORDER, request);
	ask(run, journey, STATE_CONVERTED);
	wire_order_create(&run->wire, journey->user, &journey->key, &claim_of(run, journey)->hold.id, request);
}

void buyer_cancel(struct run *run, struct journey *journey, struct buffer *request)
{
	begin(journey, STEP_CANCEL, request);
	ask(run, journey, STATE_CANCELLED);
	wire_order_cancel(&run->wire, journey->user, &journey->key, &claim_of(run, journey)->order.id, request);
}

void buyer_pay(struct run *run, struct journey *journey, bool succeeds, struct buffer *request)
{
	begin(journey, STEP_PAYMENT, request);
	journey->asked = succeeds ? STATE_CONFIRMED : STATE_FAILED;
	ask(run, journey, journey->asked);
	uint64_t now_ms = run_wall_ms(run, monotonic_ns());
	wire_payment(&run->wire, &journey->key, &claim_of(run, journey)->order.id, succeeds, now_ms, request);
}

void buyer_violation(struct run *run, const struct journey *journey, const char *what, const struct client_answer *answer)
{
	char event_id[UUID_TEXT_LENGTH + 1], key[UUID_TEXT_LENGTH + 1], user[WIRE_USER_LENGTH + 1];
	uuid_format(&run->ledger.events[journey->event].event_id, event_id);
	uuid_format(&journey->key, key);
	wire_user_name(journey->user, user);
	struct slice body = answer->response.body;
	if (body.length > BODY_SHOWN_MAX)
		body.length = BODY_SHOWN_MAX;
	violations_add(&run->report->violations, "%s: %s of %s, event %s, seats %s to %s, key %s, sent %u times; answered %u %.*s", what,
	               step_name(journey->step), user, event_id, seat_plan_label(journey->seats.first).text,
	               seat_plan_label(journey->seats.first + journey->seats.count - 1).text, key, answer->attempts,
	               answer->response.status, SLICE_PRINT(body));
}

static enum outcome wrong(struct run *run, const struct journey *journey, const char *what, const struct client_answer *answer)
{
	buyer_violation(run, journey, what, answer);
	return OUTCOME_WRONG;
}

static bool is_problem(const struct response *response, uint16_t status, const char *slug)
{
	return response->status == status && slice_equal_string(answer_problem(response->body), slug);
}

static bool is_user(const struct journey *journey, struct slice user)
{
	char name[WIRE_USER_LENGTH + 1];
	wire_user_name(journey->user, name);
	return slice_equal_string(user, name);
}

/* A refusal because the hold has expired, which it may have from its deadline on. */
static enum outcome take_expired(struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	uint64_t now_ms = run_wall_ms(run, answer->now_ns);
	const struct fact *hold = &claim_of(run, journey)->hold;
	if (!is_problem(&answer->response, 409, "hold-expired") || !fact_allows(hold, STATE_EXPIRED, now_ms, now_ms))
		return wrong(run, journey, "an answer that nothing explains", answer);
	run_expect(run, ledger_settled(&run->ledger, journey->claim, STATE_EXPIRED, now_ms));
	return OUTCOME_REFUSED;
}

static enum outcome take_hold(struct run *run, struct journey *journey, const struct client_answer *answer)
{
	uint64_t now_ms = run_wall_ms(run, answer->now_ns);
	const struct response *response = &answer->response;
	if (is_problem(response, 409, "seats-taken")) {
		if (!answer_names_taken(response->body, journey->seats))
			return wrong(run, journey, "a refusal names other seats than were asked for, or none", answer);
		return OUTCOME_REFUSED;
	}
	struct hold_answer hold;
	if (response->status != 201)
		return wrong(run, journey, "an answer that nothing explains", answer);
	if (!answer_read_hold(response->body, &hold) || !uuid_equal(&hold.event_id, &run->ledger.events[journey->event].event_id) ||
	    !is_user(journey, hold.user) || !answer_names_seats(hold.seats, journey->seats) || hold.state != STATE_ACTIVE)
		return wrong(run, journey, "another hold than was asked for", answer);
	const struct claim claim = {
		.hold = {.id = hold.hold_id, .deadline_ms = hold.expires_at_ms, .body_hash = answer_hash(response->body)},
		.key = journey->key,
		.event = journey->event,
		.user = journey->user,
		.first_seat = journey->seats.first,
		.seat_count = journey->seats.count,
	};
	return run_expect(run, ledger_hold(&run->ledger, &claim, now_ms, &journey->claim)) ? OUTCOME_DONE : OUTCOME_WRONG;
}

static enum outcome take_release(struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	if (answer->response.status != 204)
		return take_expired(run, journey, answer);
	run_expect(run, ledger_settled(&run->ledger, journey->claim, STATE_RELEASED, run_wall_ms(run, answer->now_ns)));
	return OUTCOME_DONE;
}

static enum outcome take_order(struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	const struct response *response = &answer->response;
	if (response->status != 202)
		return take_expired(run, journey, answer);
	struct order_answer order;
	if (!answer_read_order(response->body, &order) || !uuid_equal(&order.hold_id, &claim_of(run, journey)->hold.id) ||
	    !is_user(journey, order.user) || !answer_bills_seats(&order, journey->seats) || order.state != STATE_PENDING)
		return wrong(run, journey, "another order than was asked for", answer);
	const struct fact fact = {.id = order.order_id, .deadline_ms = order.pay_by_ms, .body_hash = answer_hash(response->body)};
	run_expect(run, ledger_order(&run->ledger, journey->claim, &fact, run_wall_ms(run, answer->now_ns)));
	return OUTCOME_DONE;
}

/* The order as a payment or a cancellation has left it. */
static enum outcome take_settled(struct run *run, const struct journey *journey, enum claim_state hoped_for,
                                 const struct client_answer *answer)
{
	uint64_t now_ms = run_wall_ms(run, answer->now_ns);
	const struct fact *fact = &claim_of(run, journey)->order;
	struct order_answer order;
	if (answer->response.status != 200 || !answer_read_order(answer->response.body, &order) || !uuid_equal(&order.order_id, &fact->id))
		return wrong(run, journey, "an answer that nothing explains", answer);
	if (order.state == STATE_PENDING || !fact_allows(fact, order.state, now_ms, now_ms))
		return wrong(run, journey, "an order is in a state that nothing explains", answer);
	if (hoped_for == STATE_CONFIRMED && order.state != STATE_CONFIRMED && !order.refund_required)
		return wrong(run, journey, "a payment was taken, and neither seats nor a refund are for it", answer);
	run_expect(run, ledger_settled(&run->ledger, journey->claim, order.state, now_ms));
	return order.state == hoped_for ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static enum outcome take_cancel(struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	uint64_t now_ms = run_wall_ms(run, answer->now_ns);
	if (!is_problem(&answer->response, 409, "order-not-cancellable"))
		return take_settled(run, journey, STATE_CANCELLED, answer);
	if (!fact_allows(&claim_of(run, journey)->order, STATE_EXPIRED, now_ms, now_ms))
		return wrong(run, journey, "an answer that nothing explains", answer);
	run_expect(run, ledger_settled(&run->ledger, journey->claim, STATE_EXPIRED, now_ms));
	return OUTCOME_REFUSED;
}

/* The answer to a request that was answered before. */
static enum outcome compare(struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	const struct response *response = &answer->response;
	bool has_key = journey->step == STEP_HOLD || journey->step == STEP_ORDER || journey->step == STEP_CANCEL;
	bool is_same = response->status == journey->first_status && answer_hash(response->body) == journey->first_hash;
	if (is_same && (response->is_replayed || !has_key))
		return OUTCOME_DONE;
	char what[FIRST_BODY_MAX + 100];
	snprintf(what, sizeof what, "%s; the first answer was %u %s",
	         is_same ? "a replay does not say that it is one" : "a repeated request was answered otherwise", journey->first_status,
	         journey->first_body);
	return wrong(run, journey, what, answer);
}

void buyer_repeat(struct journey *journey, const struct client_answer *answer)
{
	assert(!journey->is_repeated);

	struct slice body = answer->response.body;
	journey->is_repeated = true;
	journey->first_status = answer->response.status;
	journey->first_hash = answer_hash(body);
	snprintf(journey->first_body, sizeof journey->first_body, "%.*s", SLICE_PRINT(body));
}

enum outcome buyer_answered(struct run *run, struct journey *journey, const struct client_answer *answer)
{
	assert(run != NULL && journey != NULL && answer != NULL);

	if (journey->is_repeated)
		return compare(run, journey, answer);
	switch (journey->step) {
	case STEP_HOLD:
		return take_hold(run, journey, answer);
	case STEP_RELEASE:
		return take_release(run, journey, answer);
	case STEP_ORDER:
		return take_order(run, journey, answer);
	case STEP_PAYMENT:
		return take_settled(run, journey, journey->asked, answer);
	default:
		assert(journey->step == STEP_CANCEL);
		return take_cancel(run, journey, answer);
	}
}
