/* checker.c: the comparisons, each a few lines, each with evidence that needs no second look. */
#include "bench/checker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "bench/answer.h"
#include "bench/seat_plan.h"

#define BODY_SHOWN_MAX 800
#define CLAIM_TEXT_MAX 400
#define SEAT_SEEN (1u << 31) /* in an owner: the seat map had the seat already */

static_assert(LEDGER_CLAIMS_MAX < SEAT_SEEN, "a claim's number leaves the bit free");

/* printf's "%.*s" for a body in evidence. */
#define BODY_PRINT(body) (int)((body).length < BODY_SHOWN_MAX ? (body).length : BODY_SHOWN_MAX), (body).data

void checker_release(struct checker *checker)
{
	if (checker == NULL || checker->events == NULL)
		return;
	for (uint32_t i = 0; i < checker->ledger->event_count; i++)
		free(checker->events[i].owners);
	free(checker->events);
	checker->events = NULL;
}

static struct claim *claim_of(const struct checker *checker, uint32_t index)
{
	assert(checker != NULL && index < checker->ledger->claim_count);
	return &checker->ledger->claims[index];
}

static struct wire_seats seats_of(const struct claim *claim)
{
	return (struct wire_seats){.first = claim->first_seat, .count = claim->seat_count};
}

/* A claim for evidence: its ids, user and seats, and what was acknowledged. */
static void claim_describe(const struct ledger *ledger, uint32_t index, char text[static CLAIM_TEXT_MAX])
{
	assert(index < ledger->claim_count);

	const struct claim *claim = &ledger->claims[index];
	char hold_id[UUID_TEXT_LENGTH + 1], event_id[UUID_TEXT_LENGTH + 1], user[WIRE_USER_LENGTH + 1], expires_at[TIME_TEXT_LENGTH + 1];
	uuid_format(&claim->hold.id, hold_id);
	uuid_format(&ledger->events[claim->event].event_id, event_id);
	wire_user_name(claim->user, user);
	time_format(claim->hold.deadline_ms, expires_at);
	int length =
		snprintf(text, CLAIM_TEXT_MAX, "hold %s of %s, event %s, seats %s to %s, acknowledged %s, expires %s", hold_id, user,
	                 event_id, seat_plan_label(claim->first_seat).text, seat_plan_label(claim->first_seat + claim->seat_count - 1).text,
	                 claim_state_name(claim->hold.acknowledged), expires_at);
	if (claim->order.acknowledged == STATE_NONE || length >= CLAIM_TEXT_MAX)
		return;
	char order_id[UUID_TEXT_LENGTH + 1], pay_by[TIME_TEXT_LENGTH + 1];
	uuid_format(&claim->order.id, order_id);
	time_format(claim->order.deadline_ms, pay_by);
	snprintf(text + length, CLAIM_TEXT_MAX - (size_t)length, "; order %s, acknowledged %s, to be paid by %s", order_id,
	         claim_state_name(claim->order.acknowledged), pay_by);
}

/* A claim that an answer does not agree with. */
static void report(struct checker *checker, uint32_t index, const char *what, const struct response *response)
{
	char text[CLAIM_TEXT_MAX];
	claim_describe(checker->ledger, index, text);
	violations_add(checker->violations, "%s: %s; answered now: %u %.*s", what, text, response->status, BODY_PRINT(response->body));
}

static bool is_user(const struct claim *claim, struct slice user)
{
	char name[WIRE_USER_LENGTH + 1];
	wire_user_name(claim->user, name);
	return slice_equal_string(user, name);
}

void checker_hold(struct checker *checker, uint32_t index, const struct checked_answer *answer)
{
	struct claim *claim = claim_of(checker, index);
	const struct response *response = answer->response;
	struct hold_answer hold;
	if (response->status != 200) {
		report(checker, index, response->status == 404 ? "an acknowledged hold is lost" : "a hold cannot be read", response);
	} else if (!answer_read_hold(response->body, &hold)) {
		report(checker, index, "the answer is no hold", response);
	} else if (!uuid_equal(&hold.hold_id, &claim->hold.id) ||
	           !uuid_equal(&hold.event_id, &checker->ledger->events[claim->event].event_id) || !is_user(claim, hold.user) ||
	           !answer_names_seats(hold.seats, seats_of(claim)) || hold.expires_at_ms != claim->hold.deadline_ms) {
		report(checker, index, "a hold has changed", response);
	} else if (!fact_allows(&claim->hold, hold.state, answer->asked_ms, answer->answered_ms)) {
		report(checker, index, "a hold is in a state that nothing explains", response);
	} else {
		claim->hold.found = hold.state;
	}
}

void checker_order(struct checker *checker, uint32_t index, const struct checked_answer *answer)
{
	struct claim *claim = claim_of(checker, index);
	const struct response *response = answer->response;
	struct order_answer order;
	if (response->status != 200) {
		report(checker, index, response->status == 404 ? "an acknowledged order is lost" : "an order cannot be read", response);
	} else if (!answer_read_order(response->body, &order)) {
		report(checker, index, "the answer is no order", response);
	} else if (!uuid_equal(&order.order_id, &claim->order.id) || !uuid_equal(&order.hold_id, &claim->hold.id) ||
	           !is_user(claim, order.user) || !answer_bills_seats(&order, seats_of(claim)) ||
	           order.pay_by_ms != claim->order.deadline_ms) {
		report(checker, index, "an order has changed", response);
	} else if (!fact_allows(&claim->order, order.state, answer->asked_ms, answer->answered_ms)) {
		report(checker, index, "an order is in a state that nothing explains", response);
	} else {
		claim->order.found = order.state;
	}
}

void checker_replay(struct checker *checker, uint32_t index, bool is_order, const struct response *response)
{
	const struct claim *claim = claim_of(checker, index);
	const struct fact *fact = is_order ? &claim->order : &claim->hold;
	if (response->status != (is_order ? 202 : 201) || answer_hash(response->body) != fact->body_hash)
		report(checker, index, is_order ? "a repeated order has another answer" : "a repeated hold has another answer", response);
	else if (!response->is_replayed)
		report(checker, index, "a replay does not say that it is one", response);
}

/* One seat of one claim, for sorting. */
struct tenure {
	uint32_t event, seat, claim;
};

static int compare_tenures(const void *left, const void *right, void *context)
{
	const struct tenure *a = left, *b = right;
	const struct ledger *ledger = context;
	if (a->event != b->event)
		return a->event < b->event ? -1 : 1;
	if (a->seat != b->seat)
		return a->seat < b->seat ? -1 : 1;
	uint64_t a_from = ledger->claims[a->claim].from_ms, b_from = ledger->claims[b->claim].from_ms;
	return a_from < b_from ? -1 : a_from > b_from;
}

static void report_pair(struct checker *checker, const char *what, uint32_t event, uint32_t seat, uint32_t first, uint32_t second)
{
	char one[CLAIM_TEXT_MAX], other[CLAIM_TEXT_MAX], event_id[UUID_TEXT_LENGTH + 1];
	claim_describe(checker->ledger, first, one);
	claim_describe(checker->ledger, second, other);
	uuid_format(&checker->ledger->events[event].event_id, event_id);
	violations_add(checker->violations, "%s: seat %s of event %s: (1) %s (2) %s", what, seat_plan_label(seat).text, event_id, one,
	               other);
}

static uint64_t count_seats(const struct ledger *ledger)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < ledger->claim_count; i++)
		count += ledger->claims[i].seat_count;
	return count;
}

/* False for a hold that had expired by the time its answer came, as the answer to a repeat may: nothing says when the claim had its seats,
 * and others may well have had them since. */
static bool has_tenure(const struct claim *claim)
{
	return claim->from_ms < claim->until_ms;
}

enum error checker_find_overlaps(struct checker *checker)
{
	assert(checker != NULL);

	struct ledger *ledger = checker->ledger;
	uint64_t count = count_seats(ledger);
	struct tenure *tenures = calloc(count + 1, sizeof *tenures);
	if (tenures == NULL)
		return ERR_NO_MEMORY;
	size_t filled = 0;
	for (uint32_t i = 0; i < ledger->claim_count; i++) {
		const struct claim *claim = &ledger->claims[i];
		if (!has_tenure(claim))
			continue;
		for (uint32_t seat = 0; seat < claim->seat_count; seat++)
			tenures[filled++] = (struct tenure){.event = claim->event, .seat = claim->first_seat + seat, .claim = i};
	}
	qsort_r(tenures, filled, sizeof *tenures, compare_tenures, ledger);
	uint32_t longest = 0; /* of those before on the same seat, the one that lasts longest */
	for (size_t i = 1; i < filled; i++) {
		const struct tenure *tenure = &tenures[i], *before = &tenures[longest];
		if (tenure->event == before->event && tenure->seat == before->seat) {
			if (ledger->claims[tenure->claim].from_ms < ledger->claims[before->claim].until_ms)
				report_pair(checker, "one seat was two claims' at one time", tenure->event, tenure->seat, before->claim,
				            tenure->claim);
			if (ledger->claims[tenure->claim].until_ms < ledger->claims[before->claim].until_ms)
				continue;
		}
		longest = (uint32_t)i;
	}
	free(tenures);
	return OK;
}

/* The part of the claim that has the seats: its order when there is one. */
static const struct fact *holder_of(const struct claim *claim)
{
	return claim->order.acknowledged != STATE_NONE ? &claim->order : &claim->hold;
}

static bool is_live(enum claim_state state)
{
	return state == STATE_ACTIVE || state == STATE_PENDING || state == STATE_CONFIRMED;
}

/* Not the owner for sure, but what the seat map says may be because of it: nobody has looked at it, its order is not known, or it has just
 * expired and the worker may still have to free its seats. */
static bool may_have_seats(const struct fact *fact, uint64_t now_ms)
{
	if (fact->found == STATE_EXPIRED)
		return fact->deadline_ms + LEDGER_GRACE_MS >= now_ms;
	return fact->found == STATE_NONE || fact->found == STATE_CONVERTED;
}

static void own_seats(struct checker *checker, uint32_t index, bool is_owner)
{
	const struct claim *claim = claim_of(checker, index);
	uint32_t *owners = checker->events[claim->event].owners;
	assert(owners != NULL);
	for (uint32_t seat = claim->first_seat; seat < claim->first_seat + claim->seat_count; seat++) {
		if (owners[seat] == 0)
			owners[seat] = index + 1;
		else if (is_owner)
			report_pair(checker, "one seat has two owners", claim->event, seat, owners[seat] - 1, index);
	}
}

enum error checker_find_owners(struct checker *checker, uint64_t now_ms)
{
	assert(checker != NULL && checker->events == NULL);

	struct ledger *ledger = checker->ledger;
	checker->events = calloc(ledger->event_count + 1, sizeof *checker->events);
	if (checker->events == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < ledger->event_count; i++) {
		checker->events[i].owners = calloc(ledger->events[i].seats + 1, sizeof *checker->events[i].owners);
		if (checker->events[i].owners == NULL)
			return ERR_NO_MEMORY;
	}
	for (uint32_t i = 0; i < ledger->claim_count; i++) {
		if (is_live(holder_of(&ledger->claims[i])->found))
			own_seats(checker, i, true);
	}
	for (uint32_t i = 0; i < ledger->claim_count; i++) {
		if (may_have_seats(holder_of(&ledger->claims[i]), now_ms))
			own_seats(checker, i, false);
	}
	return OK;
}

/* Whether a seat of the claim may have this status in the seat map. */
static bool seat_may_be(const struct claim *claim, struct slice status, uint64_t answered_ms)
{
	const struct fact *fact = holder_of(claim);
	if (fact->found == STATE_NONE || fact->found == STATE_CONVERTED)
		return true;
	if (fact->found == STATE_CONFIRMED)
		return slice_equal_string(status, "sold");
	if (slice_equal_string(status, fact == &claim->order ? "reserved" : "held"))
		return true;
	return slice_equal_string(status, "available") && answered_ms + LEDGER_GRACE_MS >= fact->deadline_ms;
}

/* One entry of a seat map; false when it is none. */
static bool check_seat(struct checker *checker, uint32_t event, struct json_value entry, const struct checked_answer *answer)
{
	struct json_value label, status, price;
	uint32_t seat;
	uint64_t amount;
	if (json_kind(entry) != JSON_KIND_OBJECT || !json_member(entry, SLICE("seat"), &label) ||
	    !json_member(entry, SLICE("status"), &status) || !json_member(entry, SLICE("price"), &price) ||
	    !seat_plan_parse(answer_text(label), &seat) || seat >= checker->ledger->events[event].seats || !answer_uint(price, &amount) ||
	    amount != seat_plan_price(seat))
		return false;
	uint32_t owner = checker->events[event].owners[seat];
	if (owner & SEAT_SEEN)
		return false;
	checker->events[event].owners[seat] |= SEAT_SEEN;
	checker->events[event].seen++;

	struct slice word = answer_text(status);
	char event_id[UUID_TEXT_LENGTH + 1];
	uuid_format(&checker->ledger->events[event].event_id, event_id);
	if (owner == 0) {
		bool is_explained = slice_equal_string(word, "available") || (checker->has_strays && slice_equal_string(word, "held"));
		if (checker->is_complete && !is_explained)
			violations_add(checker->violations, "seat %s of event %s is %.*s, and nothing that was acknowledged explains it",
			               seat_plan_label(seat).text, event_id, SLICE_PRINT(word));
	} else if (!seat_may_be(claim_of(checker, owner - 1), word, answer->answered_ms)) {
		char text[CLAIM_TEXT_MAX];
		claim_describe(checker->ledger, owner - 1, text);
		violations_add(checker->violations, "seat %s of event %s is %.*s in the seat map, against: %s", seat_plan_label(seat).text,
		               event_id, SLICE_PRINT(word), text);
	}
	return true;
}

struct slice checker_seat_page(struct checker *checker, uint32_t event, const struct checked_answer *answer)
{
	assert(checker != NULL && checker->events != NULL);
	assert(event < checker->ledger->event_count);

	const struct response *response = answer->response;
	struct json_value page, data, next, entry;
	struct json_problem problem;
	bool is_page = response->status == 200 && json_check(response->body, &page, &problem) && json_kind(page) == JSON_KIND_OBJECT &&
	               json_member(page, SLICE("data"), &data) && json_kind(data) == JSON_KIND_ARRAY &&
	               json_member(page, SLICE("next_cursor"), &next);
	if (is_page) {
		for (struct json_walk walk = json_walk(data); is_page && json_next_item(&walk, &entry);)
			is_page = check_seat(checker, event, entry, answer);
	}
	if (!is_page) {
		violations_add(checker->violations, "the seat map of an event is malformed, or names a seat twice: %u %.*s",
		               response->status, BODY_PRINT(response->body));
		return (struct slice){0};
	}
	struct slice cursor = answer_text(next);
	uint32_t seats = checker->ledger->events[event].seats;
	if (cursor.length == 0 && checker->events[event].seen != seats)
		violations_add(checker->violations, "the seat map of event %u has %u of its %u seats", event, checker->events[event].seen,
		               seats);
	return cursor;
}
