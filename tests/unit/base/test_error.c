/* test_error.c: the table of error.def. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void every_error_is_described(void **state)
{
	(void)state;
	for (enum error error = OK + 1; error < ERROR_COUNT; error++) {
		assert_memory_equal(error_name(error), "ERR_", 4);
		assert_in_range(error_status(error), 400, 599);
		assert_true(strlen(error_slug(error)) > 0);
		assert_true(strlen(error_title(error)) > 0);
	}
}

static void a_type_is_the_base_and_the_slug(void **state)
{
	(void)state;
	assert_string_equal(error_type(ERR_SEATS_TAKEN), "https://tro.example/problems/seats-taken");
	assert_string_equal(error_slug(ERR_SEATS_TAKEN), "seats-taken");
	assert_string_equal(error_name(ERR_SEATS_TAKEN), "ERR_SEATS_TAKEN");
}

static void an_exceeded_quota_has_the_registered_type(void **state)
{
	(void)state;
	assert_string_equal(error_type(ERR_RATE_LIMITED), PROBLEM_TYPE_QUOTA_EXCEEDED);
	assert_int_equal(error_status(ERR_RATE_LIMITED), 429);
}

static void errors_that_pass_are_retryable(void **state)
{
	(void)state;
	assert_true(error_is_retryable(ERR_OVERLOADED));
	assert_true(error_is_retryable(ERR_STORE_UNAVAILABLE));
	assert_false(error_is_retryable(ERR_SEATS_TAKEN));
	assert_false(error_is_retryable(OK));
}

static void errors_that_clients_never_see_render_as_internal(void **state)
{
	(void)state;
	static const enum error hidden[] = {ERR_SYSTEM, ERR_CORRUPT, ERR_LIMIT};
	for (size_t i = 0; i < ARRAY_LENGTH(hidden); i++) {
		assert_int_equal(error_status(hidden[i]), 500);
		assert_string_equal(error_type(hidden[i]), error_type(ERR_INTERNAL));
		assert_int_equal(error_told(hidden[i]), ERR_INTERNAL);
	}
	assert_int_equal(error_told(ERR_NO_MEMORY), ERR_OVERLOADED);
	assert_string_equal(error_type(ERR_NO_MEMORY), error_type(ERR_OVERLOADED));
	assert_int_equal(error_told(ERR_SEATS_TAKEN), ERR_SEATS_TAKEN);
	assert_int_equal(error_told(OK), OK);
}

static void ok_is_zero_and_200(void **state)
{
	(void)state;
	assert_int_equal(OK, 0);
	assert_int_equal(error_status(OK), 200);
	assert_string_equal(error_name(OK), "OK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_is_described),
		cmocka_unit_test(a_type_is_the_base_and_the_slug),
		cmocka_unit_test(an_exceeded_quota_has_the_registered_type),
		cmocka_unit_test(errors_that_pass_are_retryable),
		cmocka_unit_test(errors_that_clients_never_see_render_as_internal),
		cmocka_unit_test(ok_is_zero_and_200),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
