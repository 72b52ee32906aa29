/* scenario_soldout.c: each journey asks for seats that are all sold. */
#include "bench/buyer.h"
#include "bench/scenario.h"

static bool start(struct run *run, struct journey *journey, struct buffer *request)
{
	uint32_t per_hold = run->options.seats_per_hold;
	journey->user = dice_below(&run->dice, run->options.users);
	journey->event = dice_below(&run->dice, run->options.events);
	journey->seats = (struct wire_seats){.first = dice_below(&run->dice, run->options.seats / per_hold) * per_hold, .count = per_hold};
	buyer_hold(run, journey, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	(void)request;
	if (buyer_answered(run, journey, answer) == OUTCOME_DONE)
		buyer_violation(run, journey, "seats that are sold were held", answer);
	return false;
}

const struct phase phase_soldout = {.name = "soldout", .start = start, .answered = answered};
