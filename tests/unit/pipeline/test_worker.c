/* test_worker.c: waits, wakes, spacing and stop, with real threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "pipeline/worker.h"

struct counting {
	_Atomic uint32_t steps;
	sem_t stepped;
	uint64_t wait_ms;
};

static uint64_t count_step(void *context)
{
	struct counting *counting = context;
	counting->steps++;
	sem_post(&counting->stepped);
	return counting->wait_ms;
}

static struct worker *worker_for(struct counting *counting, uint32_t spacing_ms)
{
	sem_init(&counting->stepped, 0, 0);
	struct worker_options options = {.name = "worker-test", .step = count_step, .context = counting, .spacing_ms = spacing_ms};
	struct worker *worker;
	assert_int_equal(worker_new(&options, &worker), OK);
	return worker;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void steps_follow_each_other_after_the_wait_they_asked_for(void **state)
{
	(void)state;
	struct counting counting = {.wait_ms = 5};
	uint64_t begin_ms = now_ms();
	struct worker *worker = worker_for(&counting, 0);
	for (uint32_t i = 0; i < 5; i++)
		sem_wait(&counting.stepped);
	assert_true(now_ms() - begin_ms >= 20);
	worker_free(worker);
}

static void woken_worker_does_not_wait_any_longer(void **state)
{
	(void)state;
	struct counting counting = {.wait_ms = WORKER_UNTIL_WOKEN};
	struct worker *worker = worker_for(&counting, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		sem_wait(&counting.stepped);
		worker_wake(worker);
	}
	worker_free(worker);
	assert_true(counting.steps >= 1000);
}

static void wakes_within_the_spacing_are_served_together(void **state)
{
	(void)state;
	struct counting counting = {.wait_ms = WORKER_UNTIL_WOKEN};
	struct worker *worker = worker_for(&counting, 50);
	uint64_t begin_ms = now_ms();
	do
		worker_wake(worker);
	while (now_ms() - begin_ms < 200);
	worker_free(worker);
	assert_in_range(counting.steps, 2, (now_ms() - begin_ms) / 50 + 1);
}

static void stop_ends_the_longest_wait_and_waking_is_harmless_after(void **state)
{
	(void)state;
	struct counting counting = {.wait_ms = WORKER_UNTIL_WOKEN};
	struct worker *worker = worker_for(&counting, 1000000);
	sem_wait(&counting.stepped);
	uint64_t begin_ms = now_ms();
	worker_stop(worker);
	assert_true(now_ms() - begin_ms < 10000);
	worker_wake(worker);
	assert_int_equal(counting.steps, 1);
	worker_free(worker);
	worker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_follow_each_other_after_the_wait_they_asked_for),
		cmocka_unit_test(woken_worker_does_not_wait_any_longer),
		cmocka_unit_test(wakes_within_the_spacing_are_served_together),
		cmocka_unit_test(stop_ends_the_longest_wait_and_waking_is_harmless_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
