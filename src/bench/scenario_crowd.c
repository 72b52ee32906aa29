/* scenario_crowd.c: many look at the seat map of an event, or at what is left, while some hold seats of it. */
#include "bench/buyer.h"
#include "bench/scenario.h"

#define LOOKS_PER_HOLD 16

static bool starts_hold(struct run *run, struct journey *journey, struct buffer *request)
{
	uint64_t number = run->next / run->options.events / LOOKS_PER_HOLD;
	bool is_hold = run->next / run->options.events % LOOKS_PER_HOLD == 0;
	if (!is_hold || !scenario_take_place(run, journey, number))
		return false;
	buyer_hold(run, journey, request);
	return true;
}

static bool start_map(struct run *run, struct journey *journey, struct buffer *request)
{
	if (starts_hold(run, journey, request))
		return true;
	journey->step = STEP_SEATS;
	journey->event = dice_below(&run->dice, run->options.events);
	wire_seats_compressed(&run->wire, &run->ledger.events[journey->event].event_id, request);
	return true;
}

static bool start_availability(struct run *run, struct journey *journey, struct buffer *request)
{
	if (starts_hold(run, journey, request))
		return true;
	journey->step = STEP_AVAILABILITY;
	journey->event = dice_below(&run->dice, run->options.events);
	wire_availability(&run->wire, &run->ledger.events[journey->event].event_id, request);
	return true;
}

static bool start_page(struct run *run, struct journey *journey, struct buffer *request)
{
	journey->step = STEP_PAGE;
	journey->event = dice_below(&run->dice, run->options.events);
	wire_event_get(&run->wire, &run->ledger.events[journey->event].event_id, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	if (journey->step == STEP_HOLD)
		return phase_holds.answered(run, journey, answer, request);
	if (answer->response.status != 200 || answer->response.body.length == 0)
		violations_add(&run->report->violations, "a look at an event was answered with %u", answer->response.status);
	return false;
}

const struct phase phase_map = {.name = "map", .start = start_map, .answered = answered};
const struct phase phase_page = {.name = "page", .start = start_page, .answered = answered};
const struct phase phase_availability = {.name = "availability", .start = start_availability, .answered = answered};
