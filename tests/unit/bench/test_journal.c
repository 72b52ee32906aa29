/* test_journal.c: a ledger comes back from its journal as it was. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/journal.h"
#include "bench/journal_read.h"
#include "bench/ledger.h"

#define NOW UINT64_C(1790000000000)

struct fixture {
	char path[64];
	struct journal journal;
	struct ledger ledger;
};

static struct uuid id(uint8_t number)
{
	return (struct uuid){.bytes = {[6] = 0x70, [8] = 0x80, [15] = number}};
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	snprintf(fixture->path, sizeof fixture->path, "/tmp/test_journal.XXXXXX");
	close(mkstemp(fixture->path));
	assert_int_equal(journal_open(&fixture->journal, fixture->path, NOW), OK);
	fixture->ledger.journal = &fixture->journal;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	journal_close(&fixture->journal);
	ledger_release(&fixture->ledger);
	unlink(fixture->path);
	free(fixture);
	return 0;
}

static uint32_t add_hold(struct ledger *ledger, uint8_t number, uint32_t first_seat)
{
	const struct claim claim = {
		.hold = {.id = id(number), .deadline_ms = NOW + 300000, .body_hash = INT64_MAX},
		.key = id((uint8_t)(number + 100)),
		.event = ledger->event_count - 1,
		.user = 999999,
		.first_seat = first_seat,
		.seat_count = 3,
	};
	uint32_t index = UINT32_MAX;
	assert_int_equal(ledger_hold(ledger, &claim, NOW + number, &index), OK);
	return index;
}

static void add_order(struct ledger *ledger, uint32_t index, uint8_t number)
{
	const struct fact order = {.id = id(number), .deadline_ms = NOW + 900000, .body_hash = 12345};
	assert_int_equal(ledger_asked(ledger, index, STATE_CONVERTED, NOW + 50), OK);
	assert_int_equal(ledger_order(ledger, index, &order, NOW + 60), OK);
}

/* One claim in each state that there is. */
static void fill(struct ledger *ledger)
{
	struct uuid event_id = id(200);
	assert_int_equal(ledger_add_event(ledger, &event_id, 20000), OK);
	add_hold(ledger, 1, 0);
	uint32_t released = add_hold(ledger, 2, 3);
	assert_int_equal(ledger_asked(ledger, released, STATE_RELEASED, NOW + 70), OK);
	assert_int_equal(ledger_settled(ledger, released, STATE_RELEASED, NOW + 71), OK);
	uint32_t unanswered = add_hold(ledger, 3, 6);
	assert_int_equal(ledger_asked(ledger, unanswered, STATE_RELEASED, NOW + 72), OK);
	add_order(ledger, add_hold(ledger, 4, 9), 50);
	static const enum claim_state ends[] = {STATE_CONFIRMED, STATE_FAILED, STATE_CANCELLED, STATE_EXPIRED};
	for (uint8_t i = 0; i < 4; i++) {
		uint32_t index = add_hold(ledger, (uint8_t)(5 + i), 12 + 3u * i);
		add_order(ledger, index, (uint8_t)(51 + i));
		if (ends[i] != STATE_EXPIRED)
			assert_int_equal(ledger_asked(ledger, index, ends[i], NOW + 80), OK);
		assert_int_equal(ledger_settled(ledger, index, ends[i], NOW + 90), OK);
	}
}

static void assert_same_fact(const struct fact *one, const struct fact *other)
{
	assert_true(uuid_equal(&one->id, &other->id));
	assert_true(one->deadline_ms == other->deadline_ms);
	assert_true(one->body_hash == other->body_hash);
	assert_int_equal(one->acknowledged, other->acknowledged);
	assert_int_equal(one->possible, other->possible);
}

static void assert_same_claim(const struct claim *one, const struct claim *other)
{
	assert_same_fact(&one->hold, &other->hold);
	assert_same_fact(&one->order, &other->order);
	assert_true(uuid_equal(&one->key, &other->key));
	assert_int_equal(one->user, other->user);
	assert_int_equal(one->first_seat, other->first_seat);
	assert_int_equal(one->seat_count, other->seat_count);
	assert_true(one->from_ms == other->from_ms);
	assert_true(one->until_ms == other->until_ms);
}

static void a_ledger_comes_back_as_it_was(void **state)
{
	struct fixture *fixture = *state;
	fill(&fixture->ledger);
	struct ledger read = {0};
	uint64_t line = 0;
	assert_int_equal(journal_read(fixture->path, &read, &line), OK);
	assert_int_equal(read.event_count, 1);
	assert_int_equal(read.events[0].seats, 20000);
	assert_int_equal(read.claim_count, fixture->ledger.claim_count);
	for (uint32_t i = 0; i < read.claim_count; i++)
		assert_same_claim(&read.claims[i], &fixture->ledger.claims[i]);
	ledger_release(&read);
}

static void runs_that_follow_one_another_are_kept_apart(void **state)
{
	struct fixture *fixture = *state;
	fill(&fixture->ledger);
	uint32_t claims = fixture->ledger.claim_count;
	journal_close(&fixture->journal);
	ledger_release(&fixture->ledger);
	assert_int_equal(journal_open(&fixture->journal, fixture->path, NOW + 1000), OK);
	fixture->ledger.journal = &fixture->journal;
	fill(&fixture->ledger);

	struct ledger read = {0};
	uint64_t line;
	assert_int_equal(journal_read(fixture->path, &read, &line), OK);
	assert_int_equal(read.event_count, 2);
	assert_int_equal(read.claim_count, 2 * claims);
	assert_int_equal(read.claims[claims].event, 1);
	for (uint32_t i = 0; i < claims; i++)
		assert_same_claim(&read.claims[i], &read.claims[claims + i]);
	ledger_release(&read);
}

static void append(const struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->path, "a");
	fputs(text, file);
	fclose(file);
}

static void a_torn_last_line_is_passed_over(void **state)
{
	struct fixture *fixture = *state;
	fill(&fixture->ledger);
	append(fixture, "{\"fact\":\"hold\",\"at\":17900");
	struct ledger read = {0};
	uint64_t line;
	assert_int_equal(journal_read(fixture->path, &read, &line), OK);
	assert_int_equal(read.claim_count, fixture->ledger.claim_count);
	ledger_release(&read);
}

static void a_broken_journal_is_refused_with_the_line(void **state)
{
	static const char *const lines[] = {
		"nonsense\n",
		"[]\n",
		"{\"fact\":\"rumour\",\"at\":1}\n",
		"{\"fact\":\"event\",\"event_id\":\"00000000-0000-7000-8000-000000000001\"}\n",
		"{\"fact\":\"event\",\"event_id\":\"00000000-0000-7000-8000-000000000001\",\"seats\":1000001}\n",
		"{\"fact\":\"settled\",\"at\":1,\"claim\":99,\"hold_id\":\"00000000-0000-7000-8000-000000000001\",\"state\":\"CONFIRMED\"}"
		"\n",
		"{\"fact\":\"settled\",\"at\":1,\"claim\":0,\"hold_id\":\"00000000-0000-7000-8000-000000000099\",\"state\":\"CONFIRMED\"}"
		"\n",
		"{\"fact\":\"settled\",\"at\":-1,\"claim\":0,\"hold_id\":\"00000000-0000-7000-8000-000000000001\",\"state\":\"CONFIRMED\"}"
		"\n",
		"{\"fact\":\"settled\",\"at\":1,\"claim\":0,\"hold_id\":\"00000000-0000-7000-8000-000000000001\",\"state\":\"WON\"}\n",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		set_up(state);
		struct fixture *fixture = *state;
		struct uuid event_id = id(200);
		assert_int_equal(ledger_add_event(&fixture->ledger, &event_id, 10), OK);
		add_hold(&fixture->ledger, 1, 0);
		append(fixture, lines[i]);
		struct ledger read = {0};
		uint64_t line = 0;
		assert_int_equal(journal_read(fixture->path, &read, &line), ERR_CORRUPT);
		assert_int_equal(line, 4);
		ledger_release(&read);
		tear_down(state);
	}
}

static void a_missing_file_is_a_system_error(void **state)
{
	(void)state;
	struct ledger read = {0};
	uint64_t line;
	assert_int_equal(journal_read("/nonexistent/journal", &read, &line), ERR_SYSTEM);
	struct journal journal;
	assert_int_equal(journal_open(&journal, "/nonexistent/journal", NOW), ERR_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_ledger_comes_back_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(runs_that_follow_one_another_are_kept_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_torn_last_line_is_passed_over, set_up, tear_down),
		cmocka_unit_test(a_broken_journal_is_refused_with_the_line),
		cmocka_unit_test(a_missing_file_is_a_system_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
