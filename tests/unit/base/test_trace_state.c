/* A tracestate is handed on whole, shortened by whole members, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace_state.h"

static void reads_as(struct slice field, const char *expected)
{
	char text[TRACE_STATE_LENGTH_MAX];
	size_t length = trace_state_read(&field, 1, text);
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(text, expected, length);
}

static void a_tracestate_that_the_standard_allows_is_handed_on(void **state)
{
	(void)state;
	reads_as(SLICE("congo=t61rcWkgMzE"), "congo=t61rcWkgMzE");
	reads_as(SLICE("rojo=00f067aa0ba902b7 ,\t congo=t61rcWkgMzE"), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
	reads_as(SLICE("a=1,, ,b=2,"), "a=1,b=2");
	reads_as(SLICE("fw529a3039@dt=FfAA,0a_-*/=!\"#$%&'()*+-./:;<>?@[]^_`{|}~"),
	         "fw529a3039@dt=FfAA,0a_-*/=!\"#$%&'()*+-./:;<>?@[]^_`{|}~");
	reads_as(SLICE("a= b c"), "a= b c");
	reads_as(SLICE(""), "");
	reads_as(SLICE(" , "), "");
}

static void of_what_is_malformed_nothing_is(void **state)
{
	(void)state;
	static const char *const malformed[] = {"congo",      "=1",    "a=",    "A=1",  "a=1,a=2", "a=1;b=2=", "a=\x01",
	                                        "a=\xc3\xa4", "_a=1",  "@a=1",  "a@=1", "a@1b=1",  "a@b@c=1",  "a@sixteen-long-abc=1",
	                                        "a b=1",      "a=1,b", "a=1\tb"};
	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
		reads_as(slice_of(malformed[i]), "");
	char text[TRACE_STATE_LENGTH_MAX], members[33 * 8] = "", value[600];
	for (int i = 0; i < 33; i++)
		snprintf(members + strlen(members), 8, "k%02d=v,", i);
	struct slice field = slice_of(members);
	assert_int_equal(trace_state_read(&field, 1, text), 0);
	field.length -= 6; /* 32 of them, with a comma behind */
	assert_int_equal(trace_state_read(&field, 1, text), 32 * 6 - 1);
	memset(value, 'a', sizeof value);
	value[1] = '=';
	field = (struct slice){.data = value, .length = 2 + 257};
	assert_int_equal(trace_state_read(&field, 1, text), 0);
	field.length = 2 + 256;
	assert_int_equal(trace_state_read(&field, 1, text), 2 + 256);
}

static void several_fields_are_one_list(void **state)
{
	(void)state;
	char text[TRACE_STATE_LENGTH_MAX];
	const struct slice fields[] = {SLICE("a=1,b=2"), SLICE(""), SLICE("c=3")}, twice[] = {SLICE("a=1"), SLICE("a=2")};
	assert_int_equal(trace_state_read(fields, 3, text), 11);
	assert_memory_equal(text, "a=1,b=2,c=3", 11);
	assert_int_equal(trace_state_read(twice, 2, text), 0);
	assert_int_equal(trace_state_read(NULL, 0, text), 0);
}

/* The list has members of so many bytes. */
static size_t read_lengths(const size_t *lengths, size_t count, char text[static TRACE_STATE_LENGTH_MAX])
{
	char list[4096];
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		memset(list + at, 'v', lengths[i]);
		list[at] = (char)('a' + i);
		list[at + 1] = '=';
		at += lengths[i];
		list[at++] = ',';
	}
	struct slice field = {.data = list, .length = at};
	return trace_state_read(&field, 1, text);
}

static void a_tracestate_too_long_loses_long_members_first_and_then_the_last(void **state)
{
	(void)state;
	char text[TRACE_STATE_LENGTH_MAX];
	assert_int_equal(read_lengths((const size_t[]){200, 200, 110}, 3, text), TRACE_STATE_LENGTH_MAX);
	assert_int_equal(read_lengths((const size_t[]){200, 128, 200, 100}, 4, text), 200 + 128 + 100 + 2); /* the last of the long ones */
	assert_memory_equal(text + 200, ",b=", 3);
	assert_memory_equal(text + 200 + 1 + 128, ",d=", 3);
	assert_int_equal(read_lengths((const size_t[]){128, 128, 128, 128, 1 + 2}, 5, text), 3 * 128 + 2);
	assert_memory_equal(text + 2 * 129, "c=", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tracestate_that_the_standard_allows_is_handed_on),
		cmocka_unit_test(of_what_is_malformed_nothing_is),
		cmocka_unit_test(several_fields_are_one_list),
		cmocka_unit_test(a_tracestate_too_long_loses_long_members_first_and_then_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
