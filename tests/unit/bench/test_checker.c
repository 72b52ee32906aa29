/* test_checker.c: a true ledger passes, and every lie that is planted here is found. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bench/answer.h"
#include "bench/checker.h"

#define NOW UINT64_C(1790000000000) /* 2026-09-21T14:13:20.000Z */
#define EXPIRES (NOW + 300000)      /* 2026-09-21T14:18:20.000Z */
#define PAY_BY (NOW + 900000)       /* 2026-09-21T14:28:20.000Z */
#define SEATS 10

static const char hold_json[] =
	"{\"hold_id\":\"00000000-0000-7000-8000-000000000001\",\"event_id\":\"00000000-0000-7000-8000-0000000000c8\","
	"\"user_id\":\"buyer-000007\",\"seats\":[\"A-1-3\",\"A-1-4\"],\"status\":\"%s\",\"expires_at\":\"2026-09-21T14:18:20.000Z\","
	"\"created_at\":\"2026-09-21T14:13:20.000Z\"}";
static const char order_json[] =
	"{\"order_id\":\"00000000-0000-7000-8000-000000000051\",\"event_id\":\"00000000-0000-7000-8000-0000000000c8\","
	"\"hold_id\":\"00000000-0000-7000-8000-000000000001\",\"user_id\":\"buyer-000007\",\"status\":\"%s\",\"total\":4000,"
	"\"currency\":\"EUR\",\"payment_method\":\"card\",\"pay_by\":\"2026-09-21T14:28:20.000Z\",\"refund_required\":false,"
	"\"items\":[{\"seat\":\"A-1-3\",\"price\":2000},{\"seat\":\"A-1-4\",\"price\":2000}],\"created_at\":\"2026-09-21T14:13:20.000Z\"}";

struct fixture {
	struct ledger ledger;
	struct violations violations;
	struct checker checker;
	char body[4096];
};

static struct uuid id(uint8_t number)
{
	return (struct uuid){.bytes = {[6] = 0x70, [8] = 0x80, [15] = number}};
}

static uint32_t add_hold_until(struct fixture *fixture, uint8_t number, uint32_t first_seat, uint32_t count, uint64_t at_ms,
                               uint64_t expires_ms)
{
	const struct claim claim = {
		.hold = {.id = id(number), .deadline_ms = expires_ms, .body_hash = answer_hash(SLICE("the first answer"))},
		.key = id(number),
		.user = 7,
		.first_seat = first_seat,
		.seat_count = count,
	};
	uint32_t index = UINT32_MAX;
	assert_int_equal(ledger_hold(&fixture->ledger, &claim, at_ms, &index), OK);
	return index;
}

static uint32_t add_hold(struct fixture *fixture, uint8_t number, uint32_t first_seat, uint32_t count, uint64_t at_ms)
{
	return add_hold_until(fixture, number, first_seat, count, at_ms, EXPIRES);
}

static void add_order(struct fixture *fixture, uint32_t index)
{
	const struct fact order = {.id = id(0x51), .deadline_ms = PAY_BY, .body_hash = answer_hash(SLICE("the first order"))};
	assert_int_equal(ledger_asked(&fixture->ledger, index, STATE_CONVERTED, NOW), OK);
	assert_int_equal(ledger_order(&fixture->ledger, index, &order, NOW), OK);
}

static void settle(struct fixture *fixture, uint32_t index, enum claim_state state, uint64_t at_ms)
{
	assert_int_equal(ledger_asked(&fixture->ledger, index, state, at_ms), OK);
	assert_int_equal(ledger_settled(&fixture->ledger, index, state, at_ms), OK);
}

/* An event of SEATS seats, and claim 0: a hold of A-1-3 and A-1-4. */
static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.checker = {.ledger = &fixture.ledger, .violations = &fixture.violations, .is_complete = true}};
	struct uuid event_id = id(0xc8);
	assert_int_equal(ledger_add_event(&fixture.ledger, &event_id, SEATS), OK);
	add_hold(&fixture, 1, 2, 2, NOW);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	checker_release(&fixture->checker);
	ledger_release(&fixture->ledger);
	violations_release(&fixture->violations);
	return 0;
}

/* How many violations there were since the last call. */
static uint64_t take_violations(struct fixture *fixture)
{
	uint64_t count = fixture->violations.count;
	violations_release(&fixture->violations);
	return count;
}

static struct response respond(struct fixture *fixture, uint16_t status, const char *format, const char *word)
{
	snprintf(fixture->body, sizeof fixture->body, format, word);
	return (struct response){.status = status, .body = slice_of(fixture->body)};
}

static uint64_t check_hold(struct fixture *fixture, uint16_t status, const char *format, const char *word, uint64_t at_ms)
{
	struct response response = respond(fixture, status, format, word);
	checker_hold(&fixture->checker, 0, &(struct checked_answer){.response = &response, .asked_ms = at_ms, .answered_ms = at_ms});
	return take_violations(fixture);
}

static uint64_t check_order(struct fixture *fixture, uint16_t status, const char *format, const char *word, uint64_t at_ms)
{
	struct response response = respond(fixture, status, format, word);
	checker_order(&fixture->checker, 0, &(struct checked_answer){.response = &response, .asked_ms = at_ms, .answered_ms = at_ms});
	return take_violations(fixture);
}

static void a_hold_that_is_as_acknowledged_passes(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(check_hold(fixture, 200, hold_json, "ACTIVE", NOW + 1000), 0);
	assert_int_equal(fixture->ledger.claims[0].hold.found, STATE_ACTIVE);
}

static void a_lost_hold_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct response response = {.status = 404, .body = SLICE("{\"type\":\"x\"}")};
	checker_hold(&fixture->checker, 0, &(struct checked_answer){.response = &response, .asked_ms = NOW, .answered_ms = NOW});
	assert_int_equal(fixture->violations.count, 1);
	assert_non_null(strstr(fixture->violations.texts[0], "lost"));
	assert_non_null(strstr(fixture->violations.texts[0], "00000000-0000-7000-8000-000000000001"));
	assert_non_null(strstr(fixture->violations.texts[0], "A-1-3 to A-1-4"));
}

static void a_hold_that_has_changed_is_found(void **state)
{
	struct fixture *fixture = *state;
	static const char *const changes[][2] = {
		{"\"A-1-3\",", ""},
		{"A-1-4", "A-1-5"},
		{"buyer-000007", "buyer-000008"},
		{"8000-000000000001", "8000-000000000002"},
		{"0000000000c8", "0000000000c9"},
		{"14:18:20.000Z", "14:18:20.001Z"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		char changed[sizeof hold_json + 16];
		const char *place = strstr(hold_json, changes[i][0]);
		snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - hold_json), hold_json, changes[i][1],
		         place + strlen(changes[i][0]));
		if (check_hold(fixture, 200, changed, "ACTIVE", NOW + 1000) != 1)
			fail_msg("passed: %s for %s", changes[i][1], changes[i][0]);
	}
	assert_int_equal(check_hold(fixture, 200, "{", "", NOW), 1);
	assert_int_equal(check_hold(fixture, 200, "{}", "", NOW), 1);
}

static void a_hold_expires_at_its_deadline_and_not_before(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(check_hold(fixture, 200, hold_json, "EXPIRED", NOW + 1000), 1);
	assert_int_equal(check_hold(fixture, 200, hold_json, "EXPIRED", EXPIRES), 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "ACTIVE", EXPIRES + LEDGER_GRACE_MS + 1), 1);
}

static void a_hold_is_released_only_when_somebody_asked(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(check_hold(fixture, 200, hold_json, "RELEASED", NOW + 1000), 1);
	assert_int_equal(ledger_asked(&fixture->ledger, 0, STATE_RELEASED, NOW + 10), OK);
	assert_int_equal(check_hold(fixture, 200, hold_json, "RELEASED", NOW + 1000), 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "ACTIVE", NOW + 1000), 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "CONVERTED", NOW + 1000), 1);
	assert_int_equal(ledger_settled(&fixture->ledger, 0, STATE_RELEASED, NOW + 20), OK);
	assert_int_equal(check_hold(fixture, 200, hold_json, "RELEASED", NOW + 1000), 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "ACTIVE", NOW + 1000), 1);
}

static void an_order_stays_as_it_was_settled(void **state)
{
	struct fixture *fixture = *state;
	add_order(fixture, 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "CONVERTED", NOW), 0);
	assert_int_equal(check_hold(fixture, 200, hold_json, "ACTIVE", NOW), 1);
	assert_int_equal(check_order(fixture, 200, order_json, "PENDING", NOW), 0);
	assert_int_equal(check_order(fixture, 200, order_json, "CONFIRMED", NOW), 1);
	assert_int_equal(check_order(fixture, 200, order_json, "EXPIRED", NOW), 1);
	assert_int_equal(check_order(fixture, 200, order_json, "EXPIRED", PAY_BY), 0);
	assert_int_equal(ledger_asked(&fixture->ledger, 0, STATE_CONFIRMED, NOW), OK);
	assert_int_equal(check_order(fixture, 200, order_json, "CONFIRMED", NOW), 0);
	assert_int_equal(ledger_settled(&fixture->ledger, 0, STATE_CONFIRMED, NOW), OK);
	assert_int_equal(check_order(fixture, 200, order_json, "CONFIRMED", PAY_BY + 100000), 0);
	assert_int_equal(check_order(fixture, 200, order_json, "PENDING", NOW), 1);
	assert_int_equal(check_order(fixture, 200, order_json, "EXPIRED", PAY_BY + 100000), 1);
	assert_int_equal(check_order(fixture, 404, "{}", "", NOW), 1);
}

static void an_order_that_bills_otherwise_is_found(void **state)
{
	struct fixture *fixture = *state;
	add_order(fixture, 0);
	static const char *const changes[][2] = {
		{"\"total\":4000", "\"total\":4001"},
		{"A-1-4\",\"price\":2000", "A-1-4\",\"price\":2001"},
		{"A-1-4", "A-1-5"},
		{"14:28:20.000Z", "14:28:20.001Z"},
		{"buyer-000007", "buyer-000008"},
		{"8000-000000000001", "8000-000000000002"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		char changed[sizeof order_json + 16];
		const char *place = strstr(order_json, changes[i][0]);
		snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - order_json), order_json, changes[i][1],
		         place + strlen(changes[i][0]));
		if (check_order(fixture, 200, changed, "PENDING", NOW) != 1)
			fail_msg("passed: %s for %s", changes[i][1], changes[i][0]);
	}
}

static void a_changed_replay_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct response response = {.status = 201, .is_replayed = true, .body = SLICE("the first answer")};
	checker_replay(&fixture->checker, 0, false, &response);
	assert_int_equal(take_violations(fixture), 0);
	response.is_replayed = false;
	checker_replay(&fixture->checker, 0, false, &response);
	assert_int_equal(take_violations(fixture), 1);
	response = (struct response){.status = 201, .is_replayed = true, .body = SLICE("another answer")};
	checker_replay(&fixture->checker, 0, false, &response);
	assert_int_equal(take_violations(fixture), 1);
	response = (struct response){.status = 409, .is_replayed = true, .body = SLICE("the first answer")};
	checker_replay(&fixture->checker, 0, false, &response);
	assert_int_equal(take_violations(fixture), 1);
	add_order(fixture, 0);
	response = (struct response){.status = 202, .is_replayed = true, .body = SLICE("the first order")};
	checker_replay(&fixture->checker, 0, true, &response);
	assert_int_equal(take_violations(fixture), 0);
}

static uint64_t overlaps(struct fixture *fixture)
{
	assert_int_equal(checker_find_overlaps(&fixture->checker), OK);
	return take_violations(fixture);
}

static void a_seat_sold_twice_is_found(void **state)
{
	struct fixture *fixture = *state;
	add_hold(fixture, 2, 4, 3, NOW + 1);
	assert_int_equal(overlaps(fixture), 0);
	add_hold(fixture, 3, 0, 3, NOW + 5); /* A-1-3 is the first hold's */
	assert_int_equal(overlaps(fixture), 1);
}

static void a_seat_may_be_sold_again_once_it_may_be_free(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(ledger_asked(&fixture->ledger, 0, STATE_RELEASED, NOW + 10), OK);
	uint32_t second = add_hold(fixture, 2, 2, 2, NOW + 10);
	assert_int_equal(overlaps(fixture), 0);
	add_order(fixture, second);
	settle(fixture, second, STATE_FAILED, NOW + 20);
	uint32_t third = add_hold(fixture, 3, 3, 1, NOW + 20);
	assert_int_equal(overlaps(fixture), 0);
	add_order(fixture, third);
	settle(fixture, third, STATE_CONFIRMED, NOW + 30);
	add_hold_until(fixture, 4, 3, 1, EXPIRES + 10000000, EXPIRES + 20000000); /* a confirmed order is for ever */
	assert_int_equal(overlaps(fixture), 1);
}

static void a_lapsed_hold_frees_its_seats_for_others(void **state)
{
	struct fixture *fixture = *state;
	add_hold(fixture, 2, 2, 2, EXPIRES);
	assert_int_equal(overlaps(fixture), 0);
	add_hold(fixture, 3, 2, 1, EXPIRES - LEDGER_GRACE_MS - 1);
	assert_int_equal(overlaps(fixture), 1);
}

/* The answer to a repeat may come when the hold has lapsed and its seats are another's. */
static void a_hold_acknowledged_after_its_end_proves_nothing(void **state)
{
	struct fixture *fixture = *state;
	add_order(fixture, add_hold(fixture, 2, 4, 3, NOW));
	add_hold(fixture, 3, 4, 3, EXPIRES + 1);
	assert_int_equal(overlaps(fixture), 0);
	add_hold(fixture, 4, 4, 1, NOW + 1); /* nor does it hide a seat sold twice */
	assert_int_equal(overlaps(fixture), 1);
}

/* A page with all seats, the first two of them with these statuses, and seats 2 and 3 with the others. */
static struct response seat_map(struct fixture *fixture, uint32_t from, uint32_t to, const char *claimed, const char *others)
{
	size_t length = (size_t)snprintf(fixture->body, sizeof fixture->body, "{\"data\":[");
	for (uint32_t seat = from; seat < to; seat++)
		length += (size_t)snprintf(fixture->body + length, sizeof fixture->body - length,
		                           "%s{\"seat\":\"A-1-%u\",\"section\":\"A\",\"row\":\"1\",\"price\":2000,\"status\":\"%s\"}",
		                           seat == from ? "" : ",", seat + 1, seat == 2 || seat == 3 ? claimed : others);
	snprintf(fixture->body + length, sizeof fixture->body - length, "],\"next_cursor\":%s}", to == SEATS ? "null" : "\"more\"");
	return (struct response){.status = 200, .body = slice_of(fixture->body)};
}

static uint64_t check_map(struct fixture *fixture, const char *claimed, const char *others, uint64_t at_ms)
{
	checker_release(&fixture->checker);
	assert_int_equal(checker_find_owners(&fixture->checker, at_ms), OK);
	struct response response = seat_map(fixture, 0, SEATS, claimed, others);
	const struct checked_answer answer = {.response = &response, .asked_ms = at_ms, .answered_ms = at_ms};
	assert_int_equal(checker_seat_page(&fixture->checker, 0, &answer).length, 0);
	return take_violations(fixture);
}

static void a_seat_map_agrees_with_what_was_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	fixture->ledger.claims[0].hold.found = STATE_ACTIVE;
	assert_int_equal(check_map(fixture, "held", "available", NOW), 0);
	assert_int_equal(check_map(fixture, "available", "available", NOW), 2);
	assert_int_equal(check_map(fixture, "sold", "available", NOW), 2);
	assert_int_equal(check_map(fixture, "held", "held", NOW), SEATS - 2);
	assert_int_equal(check_map(fixture, "available", "available", EXPIRES), 0);

	add_order(fixture, 0);
	fixture->ledger.claims[0].hold.found = STATE_CONVERTED;
	fixture->ledger.claims[0].order.found = STATE_PENDING;
	assert_int_equal(check_map(fixture, "reserved", "available", NOW), 0);
	assert_int_equal(check_map(fixture, "held", "available", NOW), 2);
	fixture->ledger.claims[0].order.found = STATE_CONFIRMED;
	assert_int_equal(check_map(fixture, "sold", "available", NOW), 0);
	assert_int_equal(check_map(fixture, "reserved", "available", NOW), 2);
	assert_int_equal(check_map(fixture, "available", "available", PAY_BY + 100000), 2);
}

static void seats_of_others_are_nobodys_lie(void **state)
{
	struct fixture *fixture = *state;
	fixture->ledger.claims[0].hold.found = STATE_ACTIVE;
	fixture->checker.is_complete = false;
	assert_int_equal(check_map(fixture, "held", "sold", NOW), 0);
	assert_int_equal(check_map(fixture, "sold", "sold", NOW), 2);
}

static void of_several_servers_one_may_have_done_what_another_refused(void **state)
{
	struct fixture *fixture = *state;
	fixture->ledger.claims[0].hold.found = STATE_ACTIVE;
	assert_int_equal(check_map(fixture, "held", "held", NOW), SEATS - 2);
	fixture->checker.has_strays = true;
	assert_int_equal(check_map(fixture, "held", "held", NOW), 0);
	assert_int_equal(check_map(fixture, "held", "reserved", NOW), SEATS - 2);
	assert_int_equal(check_map(fixture, "held", "sold", NOW), SEATS - 2);
}

static void a_claim_that_nobody_read_may_be_anything(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(check_map(fixture, "held", "available", NOW), 0);
	assert_int_equal(check_map(fixture, "available", "available", NOW), 0);
	assert_int_equal(check_map(fixture, "held", "held", NOW), SEATS - 2);
}

static void an_expired_hold_keeps_its_seats_only_for_the_worker(void **state)
{
	struct fixture *fixture = *state;
	fixture->ledger.claims[0].hold.found = STATE_EXPIRED;
	assert_int_equal(check_map(fixture, "held", "available", EXPIRES + 100), 0);
	assert_int_equal(check_map(fixture, "available", "available", EXPIRES + 100), 0);
	assert_int_equal(check_map(fixture, "held", "available", EXPIRES + LEDGER_GRACE_MS + 1), 2);
}

static void two_owners_of_a_seat_are_found(void **state)
{
	struct fixture *fixture = *state;
	add_hold(fixture, 2, 3, 2, NOW + 1);
	fixture->ledger.claims[0].hold.found = STATE_ACTIVE;
	fixture->ledger.claims[1].hold.found = STATE_ACTIVE;
	assert_int_equal(checker_find_owners(&fixture->checker, NOW), OK);
	assert_int_equal(take_violations(fixture), 1);
}

static void every_seat_is_in_the_map_once(void **state)
{
	struct fixture *fixture = *state;
	fixture->ledger.claims[0].hold.found = STATE_ACTIVE;
	assert_int_equal(checker_find_owners(&fixture->checker, NOW), OK);
	struct response response = seat_map(fixture, 0, 4, "held", "available");
	const struct checked_answer answer = {.response = &response, .asked_ms = NOW, .answered_ms = NOW};
	assert_true(slice_equal_string(checker_seat_page(&fixture->checker, 0, &answer), "more"));
	response = seat_map(fixture, 5, SEATS, "held", "available"); /* seat 4 is missing */
	assert_int_equal(checker_seat_page(&fixture->checker, 0, &answer).length, 0);
	assert_int_equal(take_violations(fixture), 1);
	response = seat_map(fixture, 3, 4, "held", "available"); /* seat 3 comes twice */
	assert_int_equal(checker_seat_page(&fixture->checker, 0, &answer).length, 0);
	assert_int_equal(take_violations(fixture), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hold_that_is_as_acknowledged_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lost_hold_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hold_that_has_changed_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hold_expires_at_its_deadline_and_not_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hold_is_released_only_when_somebody_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_order_stays_as_it_was_settled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_order_that_bills_otherwise_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_replay_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_seat_sold_twice_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_seat_may_be_sold_again_once_it_may_be_free, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lapsed_hold_frees_its_seats_for_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hold_acknowledged_after_its_end_proves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_seat_map_agrees_with_what_was_acknowledged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(seats_of_others_are_nobodys_lie, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_several_servers_one_may_have_done_what_another_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_claim_that_nobody_read_may_be_anything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_expired_hold_keeps_its_seats_only_for_the_worker, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_owners_of_a_seat_are_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_seat_is_in_the_map_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
