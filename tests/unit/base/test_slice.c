/* test_slice.c: comparing slices. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/slice.h"

static void equal_means_the_same_bytes(void **state)
{
	(void)state;
	assert_true(slice_equal(SLICE("A-1"), slice_of("A-1")));
	assert_false(slice_equal(SLICE("A-1"), SLICE("A-2")));
	assert_false(slice_equal(SLICE("A-1"), SLICE("A-10")));
	assert_true(slice_equal_string(SLICE("A-1"), "A-1"));
	assert_true(slice_equal((struct slice){0}, SLICE("")));
	assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
}

static void nothing_is_empty(void **state)
{
	(void)state;
	assert_true(slice_is_empty(slice_of(NULL)));
	assert_true(slice_is_empty(SLICE("")));
	assert_false(slice_is_empty(SLICE("\0")));
}

static void order_is_by_bytes_and_prefixes_come_first(void **state)
{
	(void)state;
	assert_true(slice_compare(SLICE("A-1"), SLICE("A-2")) < 0);
	assert_true(slice_compare(SLICE("A-1"), SLICE("A-10")) < 0);
	assert_true(slice_compare(SLICE("A-10"), SLICE("A-1")) > 0);
	assert_true(slice_compare(SLICE("\xc3"), SLICE("z")) > 0);
	assert_true(slice_compare((struct slice){0}, SLICE("a")) < 0);
	assert_int_equal(slice_compare(SLICE("x"), SLICE("x")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_means_the_same_bytes),
		cmocka_unit_test(nothing_is_empty),
		cmocka_unit_test(order_is_by_bytes_and_prefixes_come_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
