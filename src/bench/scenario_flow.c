/* scenario_flow.c: each journey is a purchase: hold, order, the provider's callback. */
#include "bench/buyer.h"
#include "bench/scenario.h"

static bool start(struct run *run, struct journey *journey, struct buffer *request)
{
	if (!scenario_take_seats(run, journey))
		return false;
	buyer_hold(run, journey, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	enum outcome outcome = buyer_answered(run, journey, answer);
	if (outcome == OUTCOME_REFUSED && journey->step == STEP_HOLD)
		buyer_violation(run, journey, "seats that nobody has had were refused", answer);
	if (outcome != OUTCOME_DONE)
		return false;
	switch (journey->step) {
	case STEP_HOLD:
		buyer_order(run, journey, request);
		return true;
	case STEP_ORDER:
		buyer_pay(run, journey, true, request);
		return true;
	default:
		recorder_add(run->recorder, STEP_FLOW, 200, journey->began_ns, answer->now_ns);
		return false;
	}
}

const struct phase phase_flow = {.name = "flow", .start = start, .answered = answered};
