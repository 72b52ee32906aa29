/* scenario_holds.c: each journey is one hold of fresh seats, which is left to lapse. */
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
	(void)request;
	if (buyer_answered(run, journey, answer) == OUTCOME_REFUSED)
		buyer_violation(run, journey, "seats that nobody has had were refused", answer);
	return false;
}

const struct phase phase_holds = {.name = "holds", .start = start, .answered = answered};
