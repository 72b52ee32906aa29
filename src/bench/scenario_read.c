/* scenario_read.c: each journey reads a hold, and each answer is compared with the one that acknowledged it. */
#include "bench/scenario.h"

static bool start(struct run *run, struct journey *journey, struct buffer *request)
{
	journey->step = STEP_READ;
	journey->claim = dice_below(&run->dice, run->ledger.claim_count);
	const struct claim *claim = &run->ledger.claims[journey->claim];
	wire_hold_get(&run->wire, claim->user, &claim->hold.id, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	(void)request;
	const struct checked_answer checked = {
		.response = &answer->response,
		.asked_ms = run_wall_ms(run, journey->intended_ns),
		.answered_ms = run_wall_ms(run, answer->now_ns),
	};
	checker_hold(&run->checker, journey->claim, &checked);
	return false;
}

const struct phase phase_read = {.name = "read", .start = start, .answered = answered};
