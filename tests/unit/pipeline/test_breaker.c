/* test_breaker.c: the three states and who may try. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/attributes.h"
#include "pipeline/breaker.h"

static void only_consecutive_failures_open_it(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 3, 100);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(breaker_allows(&breaker, 1000));
		breaker_failed(&breaker, 1000);
		assert_true(breaker_allows(&breaker, 1000));
		breaker_failed(&breaker, 1000);
		breaker_succeeded(&breaker);
	}
	assert_int_equal(breaker_state(&breaker, 1000), BREAKER_CLOSED);
	for (uint32_t i = 0; i < 3; i++)
		breaker_failed(&breaker, 1000);
	assert_int_equal(breaker_state(&breaker, 1000), BREAKER_OPEN);
	assert_false(breaker_allows(&breaker, 1000));
}

static void after_the_pause_one_try_decides(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 1, 100);
	breaker_failed(&breaker, 1000);
	assert_false(breaker_allows(&breaker, 1099));
	assert_int_equal(breaker_state(&breaker, 1100), BREAKER_HALF_OPEN);
	assert_true(breaker_allows(&breaker, 1100));
	assert_false(breaker_allows(&breaker, 1100));

	breaker_failed(&breaker, 1150);
	assert_false(breaker_allows(&breaker, 1249));
	assert_true(breaker_allows(&breaker, 1250));
	breaker_succeeded(&breaker);
	assert_int_equal(breaker_state(&breaker, 1250), BREAKER_CLOSED);
	assert_true(breaker_allows(&breaker, 1250));
	assert_true(breaker_allows(&breaker, 1250));
}

static void older_clock_reading_does_not_half_open_it(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 1, 100);
	breaker_failed(&breaker, 1000);
	assert_int_equal(breaker_state(&breaker, 999), BREAKER_OPEN);
}

static void *try_once(void *context)
{
	struct breaker *breaker = context;
	return breaker_allows(breaker, 2000) ? breaker : NULL;
}

static void of_many_threads_one_tries(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 1, 100);
	breaker_failed(&breaker, 1000);
	pthread_t threads[8];
	for (uint32_t i = 0; i < ARRAY_LENGTH(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try_once, &breaker), 0);
	uint32_t tries = 0;
	for (uint32_t i = 0; i < ARRAY_LENGTH(threads); i++) {
		void *allowed;
		pthread_join(threads[i], &allowed);
		tries += allowed != NULL;
	}
	assert_int_equal(tries, 1);
}

static void while_it_is_held_nobody_tries(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 3, 100);
	breaker_watch(&breaker);
	assert_true(breaker_hold(&breaker));
	assert_int_equal(breaker_state(&breaker, 1000000), BREAKER_OPEN);
	assert_false(breaker_allows(&breaker, 1000000));
	breaker_succeeded(&breaker); /* one that began before */
	assert_false(breaker_allows(&breaker, 1000000));
	breaker_release(&breaker);
	assert_int_equal(breaker_state(&breaker, 1000000), BREAKER_CLOSED);
}

static void a_success_is_worth_more_than_what_was_looked_for_meanwhile(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 3, 100);
	breaker_watch(&breaker);
	breaker_succeeded(&breaker);
	assert_false(breaker_hold(&breaker));
	assert_true(breaker_allows(&breaker, 1000));
	breaker_watch(&breaker);
	assert_true(breaker_hold(&breaker));
}

static void releasing_closes_only_what_is_held(void **state)
{
	(void)state;
	struct breaker breaker;
	breaker_init(&breaker, 1, 100);
	breaker_failed(&breaker, 1000);
	breaker_release(&breaker);
	assert_int_equal(breaker_state(&breaker, 1000), BREAKER_OPEN);
	assert_true(breaker_hold(&breaker));
	breaker_release(&breaker);
	assert_int_equal(breaker_state(&breaker, 1000), BREAKER_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_consecutive_failures_open_it),
		cmocka_unit_test(after_the_pause_one_try_decides),
		cmocka_unit_test(older_clock_reading_does_not_half_open_it),
		cmocka_unit_test(of_many_threads_one_tries),
		cmocka_unit_test(while_it_is_held_nobody_tries),
		cmocka_unit_test(a_success_is_worth_more_than_what_was_looked_for_meanwhile),
		cmocka_unit_test(releasing_closes_only_what_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
