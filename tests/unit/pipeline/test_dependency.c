/* test_dependency.c: deadline, bulkhead, breaker and pauses of what is called outside. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pipeline/dependency.h"

#define MS UINT64_C(1000000)
#define NOW (1000000 * MS)

static const struct dependency_options usual = {
	.deadline_ms = 2000, .calls_max = 2, .failures_max = 2, .pause_base_ms = 100, .pause_max_ms = 1000};

static struct dependency dependency;

static int set_up(void **state)
{
	(void)state;
	dependency_init(&dependency, "test", &usual, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dependency_release(&dependency);
	return 0;
}

/* A call that took so long. False: it was refused. */
static bool call(uint64_t now_ns, uint64_t took_ms, enum dependency_answer answer)
{
	struct dependency_call call;
	if (!dependency_begin(&dependency, now_ns, &call))
		return false;
	dependency_end(&dependency, &call, answer, now_ns + took_ms * MS);
	return true;
}

static void a_call_is_told_its_deadline(void **state)
{
	(void)state;
	struct dependency_call made;
	assert_true(dependency_begin(&dependency, NOW, &made));
	assert_int_equal(made.deadline_ns, NOW + 2000 * MS);
	dependency_end(&dependency, &made, DEPENDENCY_SERVED, NOW);
}

static void one_call_more_than_there_may_be_is_refused(void **state)
{
	(void)state;
	struct dependency_call calls[3];
	assert_true(dependency_begin(&dependency, NOW, &calls[0]));
	assert_true(dependency_begin(&dependency, NOW, &calls[1]));
	assert_false(dependency_begin(&dependency, NOW, &calls[2]));
	dependency_end(&dependency, &calls[0], DEPENDENCY_SERVED, NOW);
	assert_true(dependency_begin(&dependency, NOW, &calls[2]));
	dependency_end(&dependency, &calls[1], DEPENDENCY_SERVED, NOW);
	dependency_end(&dependency, &calls[2], DEPENDENCY_SERVED, NOW);
	assert_int_equal(dependency_state(&dependency, NOW), BREAKER_CLOSED);
}

static void failures_open_it_and_one_probe_closes_it(void **state)
{
	(void)state;
	assert_true(call(NOW, 1, DEPENDENCY_FAILED));
	assert_int_equal(dependency_pause_ms(&dependency, NOW), 0);
	assert_true(call(NOW, 0, DEPENDENCY_FAILED));
	uint64_t pause_ms = dependency_pause_ms(&dependency, NOW);
	assert_in_range(pause_ms, 100, 1000);
	assert_false(call(NOW + (pause_ms - 1) * MS, 0, DEPENDENCY_SERVED));
	struct dependency_call probe, other;
	uint64_t then = NOW + pause_ms * MS;
	assert_int_equal(dependency_state(&dependency, then), BREAKER_HALF_OPEN);
	assert_true(dependency_begin(&dependency, then, &probe));
	assert_false(dependency_begin(&dependency, then, &other));
	assert_true(dependency_pause_ms(&dependency, then) > 0);
	dependency_end(&dependency, &probe, DEPENDENCY_SERVED, then);
	assert_int_equal(dependency_state(&dependency, then), BREAKER_CLOSED);
}

static void a_probe_that_finds_nothing_out_leaves_room_for_another(void **state)
{
	(void)state;
	assert_true(call(NOW, 0, DEPENDENCY_FAILED) && call(NOW, 0, DEPENDENCY_FAILED));
	uint64_t then = NOW + 1000 * MS;
	assert_true(call(then, 0, DEPENDENCY_UNDECIDED));
	assert_int_equal(dependency_state(&dependency, then), BREAKER_HALF_OPEN);
	assert_true(call(then, 0, DEPENDENCY_SERVED));
	assert_int_equal(dependency_state(&dependency, then), BREAKER_CLOSED);
}

static void an_undecided_call_neither_opens_nor_forgives(void **state)
{
	(void)state;
	assert_true(call(NOW, 0, DEPENDENCY_FAILED));
	for (int i = 0; i < 10; i++)
		assert_true(call(NOW, 5000, DEPENDENCY_UNDECIDED));
	assert_true(call(NOW, 0, DEPENDENCY_FAILED));
	assert_int_equal(dependency_state(&dependency, NOW), BREAKER_OPEN);
}

static void pauses_differ_grow_and_begin_anew_after_a_success(void **state)
{
	(void)state;
	uint64_t now = NOW, sum_ms = 0, least_ms = UINT64_MAX, most_ms = 0;
	assert_true(call(now, 0, DEPENDENCY_FAILED));
	for (int i = 0; i < 50; i++) {
		assert_true(call(now, 0, DEPENDENCY_FAILED));
		uint64_t pause_ms = dependency_pause_ms(&dependency, now);
		assert_in_range(pause_ms, 100, 1000);
		least_ms = pause_ms < least_ms ? pause_ms : least_ms;
		most_ms = pause_ms > most_ms ? pause_ms : most_ms;
		sum_ms += pause_ms;
		now += pause_ms * MS;
	}
	assert_true(most_ms - least_ms > 300 && sum_ms / 50 > 300);
	assert_true(call(now, 0, DEPENDENCY_SERVED));
	assert_true(call(now, 0, DEPENDENCY_FAILED) && call(now, 0, DEPENDENCY_FAILED));
	assert_in_range(dependency_pause_ms(&dependency, now), 100, 900); /* twice drawn from the base on */
}

static void a_failure_that_was_not_waited_for_counts_for_nothing_where_that_is_so(void **state)
{
	(void)state;
	dependency.options.slow_ms = 1000;
	for (int i = 0; i < 5; i++)
		assert_true(call(NOW, 10, DEPENDENCY_FAILED));
	assert_int_equal(dependency_state(&dependency, NOW), BREAKER_CLOSED);
	assert_true(call(NOW, 1000, DEPENDENCY_FAILED) && call(NOW, 1000, DEPENDENCY_FAILED));
	assert_int_equal(dependency_state(&dependency, NOW + 1000 * MS), BREAKER_OPEN);
}

static void the_watcher_may_be_the_probe(void **state)
{
	(void)state;
	assert_true(call(NOW, 0, DEPENDENCY_FAILED) && call(NOW, 0, DEPENDENCY_FAILED));
	dependency_watch(&dependency);
	assert_true(dependency_hold(&dependency));
	dependency_close(&dependency);
	assert_int_equal(dependency_state(&dependency, NOW), BREAKER_CLOSED);
	assert_true(call(NOW, 0, DEPENDENCY_SERVED));
}

static void the_status_shows_the_last_report(void **state)
{
	(void)state;
	struct dependency_status status;
	dependency_status(&dependency, NOW, &status);
	assert_false(status.is_used);
	dependency_tell(&dependency, false, "the cable is out");
	dependency_watch(&dependency);
	assert_true(dependency_hold(&dependency));
	dependency_status(&dependency, NOW, &status);
	assert_true(status.is_used && !status.is_up && status.state == BREAKER_OPEN);
	assert_string_equal(status.problem, "the cable is out");
	dependency_tell(&dependency, true, "");
	dependency_release_hold(&dependency);
	dependency_status(&dependency, NOW, &status);
	assert_true(status.is_up && status.state == BREAKER_CLOSED);
	assert_string_equal(status.problem, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_told_its_deadline),
		TEST(one_call_more_than_there_may_be_is_refused),
		TEST(failures_open_it_and_one_probe_closes_it),
		TEST(a_probe_that_finds_nothing_out_leaves_room_for_another),
		TEST(an_undecided_call_neither_opens_nor_forgives),
		TEST(pauses_differ_grow_and_begin_anew_after_a_success),
		TEST(a_failure_that_was_not_waited_for_counts_for_nothing_where_that_is_so),
		TEST(the_watcher_may_be_the_probe),
		TEST(the_status_shows_the_last_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
