/* test_descriptor_reserve.c: descriptors are kept, spent one by one, and taken again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/descriptor_reserve.h"

#define CAPACITY 4

/* The number that the next one would have. */
static int next_descriptor(void)
{
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(next >= 0);
	close(next);
	return next;
}

static void spends_what_it_has_and_no_more(void **state)
{
	(void)state;
	struct descriptor_reserve reserve = {0};
	int before = next_descriptor();
	assert_int_equal(descriptor_reserve_init(&reserve, CAPACITY), OK);
	assert_int_equal(next_descriptor(), before + CAPACITY);
	for (int left = CAPACITY - 1; left >= 0; left--) {
		assert_true(descriptor_reserve_spend(&reserve));
		assert_int_equal(next_descriptor(), before + left);
	}
	assert_false(descriptor_reserve_spend(&reserve));
	descriptor_reserve_refill(&reserve);
	assert_int_equal(next_descriptor(), before + CAPACITY);
	descriptor_reserve_release(&reserve);
	assert_int_equal(next_descriptor(), before);
}

static void takes_no_more_than_there_are(void **state)
{
	(void)state;
	struct descriptor_reserve reserve = {0};
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = next_descriptor();
	struct rlimit low = {.rlim_cur = (rlim_t)next + 2, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(descriptor_reserve_init(&reserve, CAPACITY), ERR_SYSTEM);
	assert_int_equal(next_descriptor(), next);

	low.rlim_cur = (rlim_t)next + CAPACITY;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(descriptor_reserve_init(&reserve, CAPACITY), OK);
	assert_int_equal(dup(0), -1);
	assert_true(descriptor_reserve_spend(&reserve));
	int taken = dup(0);
	assert_true(taken >= 0);
	descriptor_reserve_refill(&reserve); /* there is none */
	assert_int_equal(reserve.count, CAPACITY - 1);
	close(taken);
	descriptor_reserve_refill(&reserve);
	assert_int_equal(reserve.count, CAPACITY);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	descriptor_reserve_release(&reserve);
}

static void an_empty_one_gives_nothing(void **state)
{
	(void)state;
	struct descriptor_reserve reserve = {0};
	descriptor_reserve_refill(&reserve);
	assert_false(descriptor_reserve_spend(&reserve));
	descriptor_reserve_release(&reserve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spends_what_it_has_and_no_more),
		cmocka_unit_test(takes_no_more_than_there_are),
		cmocka_unit_test(an_empty_one_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
