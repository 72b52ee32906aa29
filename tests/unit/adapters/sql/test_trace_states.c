/* test_trace_states.c: lines that were damaged cost their event its tracestate and nothing else. */
#include "adapters/sql/trace_states.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define RECORDS 4

static void expect(const char *lines, const char *const expected[static RECORDS])
{
	struct arena arena;
	struct event_record records[RECORDS] = {0};
	arena_init(&arena, 4096, 65536);
	trace_states_read(slice_of(lines), &arena, records, RECORDS);
	for (uint32_t i = 0; i < RECORDS; i++)
		assert_true(slice_equal_string(records[i].trace_state, expected[i]));
	arena_release(&arena);
}

static void each_record_has_its_line(void **state)
{
	(void)state;
	expect("a=1\n\nb=2,c=3\n\n", (const char *const[]){"a=1", "", "b=2,c=3", ""});
}

static void no_lines_are_no_tracestates(void **state)
{
	(void)state;
	expect("", (const char *const[]){"", "", "", ""});
}

static void damaged_lines_are_none(void **state)
{
	(void)state;
	expect("A=1\na=\xff\nb=2\nc", (const char *const[]){"", "", "b=2", ""});
	expect("a=1", (const char *const[]){"", "", "", ""});
	expect("a=1\nb=2\nc=3\nd=4\ne=5\n", (const char *const[]){"a=1", "b=2", "c=3", "d=4"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_has_its_line),
		cmocka_unit_test(no_lines_are_no_tracestates),
		cmocka_unit_test(damaged_lines_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
