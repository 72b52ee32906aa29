/* test_timers.c: the watch of the machine's timers counts while it runs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "bench/timers.h"

/* Too large for a stack with sanitizers. */
static struct timers timers;

static void timers_are_watched_until_the_end(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) { /* the second begins anew */
		timers.late.count = 0;
		for (long ms = 50; timers.late.count == 0 && ms < 60000; ms *= 2) { /* a busy machine may not run the watch at once */
			assert_int_equal(timers_start(&timers), OK);
			nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
			timers_stop(&timers);
		}
		assert_true(timers.late.count >= 1);
		assert_true(latency_histogram_quantile(&timers.late, 500) <= timers.late.maximum);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_are_watched_until_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
