/* scenario_onsale.c: buyers as they are. Everyone wants the front seats of the event that just went on sale; some lose interest, some pay,
 * some cannot; some hang up and ask again, some press the button twice, and the payment provider tells some things twice.
 *
 * When an event has refused SOLD_OUT buyers in a row, they go on to the next one, and after the last to the first. */
#include "bench/buyer.h"
#include "bench/scenario.h"

#define SEATS_MAX 6
#define SOLD_OUT 50
/* Percent of buyers, after a hold; the others order. */
#define LAPSES 10
#define RELEASES 15
/* Percent of buyers, after an order; the others pay. */
#define ABANDONS 10
#define CANCELS 10
#define FAILS 15
/* Of all requests. */
#define HANGS_UP 2
#define REPEATS 3

static void may_hang_up(struct run *run, const struct journey *journey)
{
	if (dice_percent(&run->dice, HANGS_UP))
		client_hang_up(&run->client, (uint32_t)(journey - run->journeys));
}

static bool start(struct run *run, struct journey *journey, struct buffer *request)
{
	uint32_t count = 1 + dice_below(&run->dice, SEATS_MAX);
	if (count > run->options.seats)
		count = run->options.seats;
	uint32_t first = dice_popular(&run->dice, run->options.seats);
	if (first > run->options.seats - count)
		first = run->options.seats - count;
	journey->user = dice_below(&run->dice, run->options.users);
	journey->event = run->popular_event;
	journey->seats = (struct wire_seats){.first = first, .count = count};
	buyer_hold(run, journey, request);
	may_hang_up(run, journey);
	return true;
}

static void count_refusal(struct run *run, const struct journey *journey, bool is_refused)
{
	if (journey->event != run->popular_event)
		return;
	run->refusals = is_refused ? run->refusals + 1 : 0;
	if (run->refusals < SOLD_OUT)
		return;
	run->popular_event = (run->popular_event + 1) % run->options.events;
	run->refusals = 0;
}

/* The buyer's next step with the hold. False: none, the hold lapses. */
static bool after_hold(struct run *run, struct journey *journey, struct buffer *request)
{
	uint32_t mood = dice_below(&run->dice, 100);
	if (mood < LAPSES)
		return false;
	if (mood < LAPSES + RELEASES)
		buyer_release(run, journey, request);
	else
		buyer_order(run, journey, request);
	return true;
}

/* The buyer's next step with the order. False: none, the order expires. */
static bool after_order(struct run *run, struct journey *journey, struct buffer *request)
{
	uint32_t mood = dice_below(&run->dice, 100);
	if (mood < ABANDONS)
		return false;
	if (mood < ABANDONS + CANCELS)
		buyer_cancel(run, journey, request);
	else
		buyer_pay(run, journey, mood >= ABANDONS + CANCELS + FAILS, request);
	return true;
}

static bool answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	enum outcome outcome = buyer_answered(run, journey, answer);
	if (journey->step == STEP_HOLD && outcome != OUTCOME_WRONG)
		count_refusal(run, journey, outcome == OUTCOME_REFUSED);
	if (outcome != OUTCOME_DONE)
		return false;
	bool goes_on;
	if (!journey->is_repeated && dice_percent(&run->dice, REPEATS)) {
		buyer_repeat(journey, answer);
		goes_on = true;
	} else if (journey->step == STEP_HOLD) {
		goes_on = after_hold(run, journey, request);
	} else {
		goes_on = journey->step == STEP_ORDER && after_order(run, journey, request);
	}
	if (goes_on)
		may_hang_up(run, journey);
	return goes_on;
}

const struct phase phase_onsale = {.name = "onsale", .start = start, .answered = answered};
