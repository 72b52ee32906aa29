/* check.c: the phases of the check, one after the other: the claims, the seat maps, the replays. */
#include "bench/check.h"

#include <assert.h>

#include "bench/answer.h"
#include "bench/clock.h"

/* Replays cost the server as much as the requests did. */
#define REPLAYS_MAX 10000
/* The server forgets keys after a day. */
#define KEY_AGE_MAX_MS (UINT64_C(23) * 3600 * 1000)

static struct checked_answer checked(const struct run *run, const struct journey *journey, const struct client_answer *answer)
{
	return (struct checked_answer){
		.response = &answer->response,
		.asked_ms = run_wall_ms(run, journey->intended_ns),
		.answered_ms = run_wall_ms(run, answer->now_ns),
	};
}

/* The claim of the next journey, when at most `maximum` of all claims are looked at, evenly spread. False: there is none left. */
static bool next_claim(const struct run *run, uint32_t maximum, uint32_t *ret_index)
{
	uint32_t count = run->ledger.claim_count;
	uint32_t looked_at = count < maximum ? count : maximum;
	if (run->next >= looked_at)
		return false;
	*ret_index = (uint32_t)(run->next * count / looked_at);
	return true;
}

static bool claims_start(struct run *run, struct journey *journey, struct buffer *request)
{
	if (!next_claim(run, run->options.check, &journey->claim))
		return false;
	const struct claim *claim = &run->ledger.claims[journey->claim];
	journey->step = STEP_READ;
	wire_hold_get(&run->wire, claim->user, &claim->hold.id, request);
	return true;
}

static bool claims_answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	const struct claim *claim = &run->ledger.claims[journey->claim];
	const struct checked_answer answer_checked = checked(run, journey, answer);
	if (journey->is_order) {
		checker_order(&run->checker, journey->claim, &answer_checked);
		run->report->orders_read++;
		return false;
	}
	checker_hold(&run->checker, journey->claim, &answer_checked);
	run->report->holds_read++;
	if (claim->order.acknowledged == STATE_NONE)
		return false;
	journey->is_order = true;
	buffer_clear(request);
	wire_order_get(&run->wire, claim->user, &claim->order.id, request);
	return true;
}

static bool maps_start(struct run *run, struct journey *journey, struct buffer *request)
{
	if (run->next >= run->ledger.event_count)
		return false;
	journey->step = STEP_SEATS;
	journey->event = (uint32_t)run->next;
	wire_seats_page(&run->wire, &run->ledger.events[journey->event].event_id, (struct slice){0}, request);
	return true;
}

static bool maps_answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	const struct checked_answer answer_checked = checked(run, journey, answer);
	struct slice cursor = checker_seat_page(&run->checker, journey->event, &answer_checked);
	if (slice_is_empty(cursor)) {
		run->report->seats_read += run->checker.events[journey->event].seen;
		return false;
	}
	buffer_clear(request);
	wire_seats_page(&run->wire, &run->ledger.events[journey->event].event_id, cursor, request);
	return true;
}

/* The request that has made the claim's hold or order, once more. */
static void write_again(struct run *run, const struct journey *journey, struct buffer *request)
{
	const struct claim *claim = &run->ledger.claims[journey->claim];
	const struct wire_seats seats = {.first = claim->first_seat, .count = claim->seat_count};
	if (journey->is_order)
		wire_order_create(&run->wire, claim->user, &claim->key, &claim->hold.id, request);
	else
		wire_hold_create(&run->wire, claim->user, &claim->key, &run->ledger.events[claim->event].event_id, seats, request);
}

static bool replays_start(struct run *run, struct journey *journey, struct buffer *request)
{
	uint32_t maximum = run->options.check < REPLAYS_MAX ? run->options.check : REPLAYS_MAX;
	uint64_t now_ms = run_wall_ms(run, monotonic_ns());
	for (; next_claim(run, maximum, &journey->claim); run->next++) {
		if (run->ledger.claims[journey->claim].from_ms + KEY_AGE_MAX_MS < now_ms)
			continue;
		journey->step = STEP_HOLD;
		write_again(run, journey, request);
		return true;
	}
	return false;
}

static bool replays_answered(struct run *run, struct journey *journey, const struct client_answer *answer, struct buffer *request)
{
	checker_replay(&run->checker, journey->claim, journey->is_order, &answer->response);
	run->report->replays++;
	if (journey->is_order || run->ledger.claims[journey->claim].order.acknowledged == STATE_NONE)
		return false;
	journey->step = STEP_ORDER;
	journey->is_order = true;
	buffer_clear(request);
	write_again(run, journey, request);
	return true;
}

static const struct phase phase_claims = {.name = "check", .start = claims_start, .answered = claims_answered};
static const struct phase phase_maps = {.name = "seat maps", .start = maps_start, .answered = maps_answered};
static const struct phase phase_replays = {.name = "replays", .start = replays_start, .answered = replays_answered};

void run_check(struct run *run, bool is_complete)
{
	assert(run != NULL && run->options.check > 0);

	uint64_t began_ns = monotonic_ns();
	run->checker.is_complete = is_complete;
	run_expect(run, checker_find_overlaps(&run->checker));
	run_phase(run, &phase_claims, NULL);
	run_expect(run, checker_find_owners(&run->checker, run_wall_ms(run, monotonic_ns())));
	run_phase(run, &phase_maps, NULL);
	run_phase(run, &phase_replays, NULL);
	run->report->check_seconds = (double)(monotonic_ns() - began_ns) / (double)NS_PER_S;
}
