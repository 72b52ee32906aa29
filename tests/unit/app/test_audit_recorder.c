/* test_audit_recorder.c: floods cost a bounded number of records, and the rest is counted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/audit_recorder.h"
#include "base/list.h"
#include "pipeline/worker.h"
#include "tests/support/fake_time.h"

#define KEPT_MAX 256

struct fake_audit {
	struct audit port;
	enum store_result answer;
	uint32_t count;
	uint32_t prunings;
	struct {
		enum audit_kind kind;
		char action[64], actor[AUDIT_TEXT_MAX + 1];
		uint32_t repeats;
	} records[KEPT_MAX];
};

static enum store_result fake_append(struct audit *port, const struct audit_record *records, uint32_t count)
{
	struct fake_audit *audit = container_of(port, struct fake_audit, port);
	assert_true(count <= AUDIT_RECORDS_PER_SECOND);
	if (audit->answer != STORE_OK)
		return audit->answer;
	for (uint32_t i = 0; i < count; i++) {
		assert_true(audit->count < KEPT_MAX);
		(void)snprintf(audit->records[audit->count].action, sizeof audit->records[0].action, "%.*s",
		               SLICE_PRINT(records[i].action));
		(void)snprintf(audit->records[audit->count].actor, sizeof audit->records[0].actor, "%.*s", SLICE_PRINT(records[i].actor));
		audit->records[audit->count].kind = records[i].kind;
		audit->records[audit->count++].repeats = records[i].repeats;
	}
	return STORE_OK;
}

static enum store_result fake_prune(struct audit *port, uint32_t kept)
{
	assert_int_equal(kept, AUDIT_REFUSED_KEPT);
	container_of(port, struct fake_audit, port)->prunings++;
	return STORE_OK;
}

static const struct audit_operations audit_operations = {.append = fake_append, .prune = fake_prune};
static struct fake_clock clock_now;
static struct fake_random random_numbers;

static int set_up(void **state)
{
	struct fake_audit *audit = calloc(1, sizeof *audit);
	audit->port.operations = &audit_operations;
	fake_clock_init(&clock_now, 1000000);
	fake_random_init(&random_numbers, 1);
	*state = audit;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static struct audit_recorder *recorder_of(struct fake_audit *audit)
{
	struct audit_recorder *recorder;
	const struct audit_recorder_options options = {.audit = &audit->port, .clock = &clock_now.base, .random = &random_numbers.base};
	assert_int_equal(audit_recorder_new(&options, &recorder), OK);
	return recorder;
}

static void note(struct audit_recorder *recorder, enum audit_kind kind, uint32_t number)
{
	char address[32];
	(void)snprintf(address, sizeof address, "192.0.2.%u", number);
	const struct audit_record record = {
		.kind = kind, .action = SLICE("POST /v1/events"), .address = slice_of(address), .result = SLICE("401")};
	audit_recorder_note(recorder, &record);
}

static uint64_t repeats_of_all(const struct fake_audit *audit)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < audit->count; i++)
		sum += audit->records[i].repeats;
	return sum;
}

static void counts_the_same_thing_in_one_record(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	for (uint32_t i = 0; i < 5000; i++)
		note(recorder, AUDIT_REFUSED, 1);
	assert_int_equal(audit_recorder_step(recorder), WORKER_UNTIL_WOKEN);
	assert_int_equal(audit->count, 1);
	assert_int_equal(audit->records[0].repeats, 5000);
	audit_recorder_free(recorder);
}

static void a_flood_makes_few_records_and_all_is_counted(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	for (uint32_t i = 0; i < 10000; i++)
		note(recorder, AUDIT_REFUSED, i);
	assert_int_equal(audit_recorder_step(recorder), AUDIT_PAUSE_MS);
	assert_true(audit->count <= AUDIT_RECORDS_PER_SECOND);
	assert_string_equal(audit->records[audit->count - 1].action, "left out");
	assert_int_equal(audit->records[audit->count - 1].kind, AUDIT_REFUSED);
	while (audit_recorder_step(recorder) != WORKER_UNTIL_WOKEN)
		;
	assert_true(audit->count <= AUDIT_REFUSED_WAITING_MAX + 1);
	assert_int_equal(repeats_of_all(audit), 10000);
	audit_recorder_free(recorder);
}

static void a_flood_does_not_crowd_out_operators(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	for (uint32_t i = 0; i < 1000; i++)
		note(recorder, AUDIT_REFUSED, i);
	note(recorder, AUDIT_ACTION, 1);
	audit_recorder_finish(recorder);
	bool is_there = false;
	for (uint32_t i = 0; i < audit->count; i++)
		is_there = is_there || audit->records[i].kind == AUDIT_ACTION;
	assert_true(is_there);
	assert_int_equal(repeats_of_all(audit), 1001);
	audit_recorder_free(recorder);
}

static void actions_that_find_no_place_are_counted_as_actions(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	for (uint32_t i = 0; i < 1000; i++)
		note(recorder, AUDIT_REFUSED, i);
	for (uint32_t i = 0; i < 100; i++)
		note(recorder, AUDIT_ACTION, i);
	audit_recorder_finish(recorder);
	uint32_t actions = 0;
	for (uint32_t i = 0; i < audit->count; i++)
		actions += audit->records[i].kind == AUDIT_ACTION ? audit->records[i].repeats : 0;
	assert_int_equal(actions, 100);
	assert_int_equal(repeats_of_all(audit), 1100);
	audit_recorder_free(recorder);
}

static void the_recorder_tries_again_after_the_store_refused(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	audit->answer = STORE_DOWN;
	note(recorder, AUDIT_ACTION, 1);
	assert_int_equal(audit_recorder_step(recorder), AUDIT_PAUSE_MS);
	assert_int_equal(audit->count, 0);
	audit->answer = STORE_OK;
	assert_int_equal(audit_recorder_step(recorder), WORKER_UNTIL_WOKEN);
	assert_int_equal(audit->count, 1);
	audit_recorder_free(recorder);
}

static void texts_are_cut_and_printable(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	char text[2 * AUDIT_TEXT_MAX];
	memset(text, 'x', sizeof text);
	struct audit_record record = {.kind = AUDIT_ACTION, .actor = {.data = text, .length = sizeof text}};
	audit_recorder_note(recorder, &record);
	record.actor = SLICE("ada\nforged");
	audit_recorder_note(recorder, &record);
	audit_recorder_finish(recorder);
	assert_int_equal(strlen(audit->records[0].actor), AUDIT_TEXT_MAX);
	assert_string_equal(audit->records[1].actor, "ada");
	audit_recorder_free(recorder);
}

static void old_refusals_are_pruned_now_and_then(void **state)
{
	struct fake_audit *audit = *state;
	struct audit_recorder *recorder = recorder_of(audit);
	note(recorder, AUDIT_REFUSED, 1);
	(void)audit_recorder_step(recorder);
	assert_int_equal(audit->prunings, 1); /* an earlier process may have left some */
	note(recorder, AUDIT_REFUSED, 2);
	(void)audit_recorder_step(recorder);
	assert_int_equal(audit->prunings, 1);
	audit_recorder_free(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_the_same_thing_in_one_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flood_makes_few_records_and_all_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flood_does_not_crowd_out_operators, set_up, tear_down),
		cmocka_unit_test_setup_teardown(actions_that_find_no_place_are_counted_as_actions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_recorder_tries_again_after_the_store_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_are_cut_and_printable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_refusals_are_pruned_now_and_then, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("audit recorder", tests, NULL, NULL);
}
