/* test_routes.c: the table of routes: every row says who may use it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/routes.h"

static void every_route_says_who_may_use_it(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < api_route_count; i++) {
		if (api_routes[i].access == HTTP_ACCESS_NOT_SAID)
			fail_msg("%s says nothing", api_routes[i].path);
	}
}

static void no_route_that_changes_something_is_for_anybody(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < api_route_count; i++) {
		bool is_change = api_routes[i].method != HTTP_GET && api_routes[i].method != HTTP_HEAD;
		if (is_change && api_routes[i].access == HTTP_ACCESS_PUBLIC)
			fail_msg("%s is open", api_routes[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_says_who_may_use_it),
		cmocka_unit_test(no_route_that_changes_something_is_for_anybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
