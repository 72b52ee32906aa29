/* scenario_seats.c: each journey reads the seat map of an event from its first page to its last. */
#include "bench/scenario.h"

#include "bench/answer.h"

static bool start(struct run *run, struct journey *journey, struct buffer *request)
{
	journey->step = STEP_SEATS;
	journey->event = dice_below(&run->dice, run->options.events);
	wire_seats_page(&run->wire, &run->ledger.events[journey->event].event_id, (struct slice){0}, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	struct slice cursor;
	if (answer->response.status != 200 || !answer_next_cursor(answer->response.body, &cursor)) {
		violations_add(&run->report->violations, "a page of a seat map was answered with %u %.*s", answer->response.status,
		               SLICE_PRINT(answer->response.body));
		return false;
	}
	if (slice_is_empty(cursor))
		return false;
	buffer_clear(request);
	wire_seats_page(&run->wire, &run->ledger.events[journey->event].event_id, cursor, request);
	return true;
}

const struct phase phase_seats = {.name = "seats", .start = start, .answered = answered};
