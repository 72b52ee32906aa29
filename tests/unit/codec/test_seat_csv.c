/* test_seat_csv.c: comma-separated seats become the JSON of a body, and keep their places. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "codec/json_locate.h"
#include "codec/seat_csv.h"
#include "domain/limits.h"

#define HEAD "seat,section,row,price\n"

struct told {
	char text[1024];
	uint32_t count;
	uint32_t count_max;
};

static bool tell(void *context, const struct file_fault *fault)
{
	struct told *told = context;
	size_t length = strlen(told->text);
	snprintf(told->text + length, sizeof told->text - length, "%d:%d %s|", (int)fault->place.line, (int)fault->place.column,
	         fault->what);
	told->count++;
	return told->count < told->count_max;
}

struct fixture {
	struct arena arena;
	struct told told;
	struct seat_csv seats;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.told.count_max = 100};
	arena_init(&fixture.arena, 65536, (size_t)256 * 1024 * 1024);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	arena_release(&fixture->arena);
	return 0;
}

static enum error read_text(struct fixture *fixture, struct slice text)
{
	fixture->told.text[0] = '\0';
	fixture->told.count = 0;
	return seat_csv_read(text, &fixture->arena, tell, &fixture->told, &fixture->seats);
}

static void expect_json(struct fixture *fixture, const char *text, const char *expected)
{
	assert_int_equal(read_text(fixture, slice_of(text)), OK);
	assert_true(slice_equal_string(fixture->seats.json, expected));
	assert_string_equal(fixture->told.text, "");
}

static void expect_faults(struct fixture *fixture, struct slice text, const char *expected)
{
	assert_int_equal(read_text(fixture, text), ERR_VALIDATION);
	assert_string_equal(fixture->told.text, expected);
}

static void rows_become_seats(void **state)
{
	struct fixture *fixture = *state;
	expect_json(fixture, HEAD, "[]");
	expect_json(fixture, HEAD "A,B,C,1", "[{\"seat\":\"A\",\"section\":\"B\",\"row\":\"C\",\"price\":1}]");
	expect_json(fixture, "\xef\xbb\xbfseat,section,row,price\r\n\r\nA,,,1\r\n\r\n", "[{\"seat\":\"A\",\"price\":1}]");
	expect_json(fixture, "\"seat\",section,row,\"price\"\n\"a \"\"b\"\", c\",\"x\ny\",,\"2\"\n",
	            "[{\"seat\":\"a \\\"b\\\", c\",\"section\":\"x\\ny\",\"price\":2}]");
	expect_json(fixture, HEAD ",,,\nA\rB,,,1\n", "[{\"seat\":\"\",\"price\":\"\"},{\"seat\":\"A\\rB\",\"price\":1}]");
	assert_int_equal(fixture->seats.count, 2);
}

static void a_price_that_is_no_number_is_left_to_the_rules(void **state)
{
	struct fixture *fixture = *state;
	expect_json(fixture, HEAD "A,,,12.50\nB,,,-1\nC,,,x\nD,,, 7\nE,,,{}\nF,,,1e3\n",
	            "[{\"seat\":\"A\",\"price\":12.50},{\"seat\":\"B\",\"price\":-1},{\"seat\":\"C\",\"price\":\"x\"},"
	            "{\"seat\":\"D\",\"price\":7},{\"seat\":\"E\",\"price\":\"{}\"},{\"seat\":\"F\",\"price\":1e3}]");
	expect_json(fixture, HEAD "A,,,1111111111111111111111111111111111111111111111\n",
	            "[{\"seat\":\"A\",\"price\":\"1111111111111111111111111111111111111111111111\"}]");
}

static void faults_name_their_line_and_column(void **state)
{
	static const char header[] = "1:1 the first line must be seat,section,row,price, with commas between the names|";
	static const char fields[] = "2:1 a line must have four fields: seat,section,row,price|";
	struct fixture *fixture = *state;
	expect_faults(fixture, SLICE(""), header);
	expect_faults(fixture, SLICE("seat,price\nA,,1\n"), header);
	expect_faults(fixture, SLICE("seat;section;row;price\nA;;;1\nB;;;1\n"), header);
	expect_faults(fixture, SLICE("seat,row,section,price\nA,,,1\n"), header);
	expect_faults(fixture, SLICE(HEAD "A,,1\n"), fields);
	expect_faults(fixture, SLICE(HEAD "A,\"B\nC"), "2:3 the text ends inside a quoted field|");
	expect_faults(fixture, SLICE(HEAD "A,\"B\nC\"D,,1\nE\"F,,,1\nG,,,1\n"),
	              "3:3 a comma or the end of the line must follow the closing quote|4:2 a field with a quote must be quoted|");
	expect_faults(fixture, SLICE(HEAD "A\0B,,,1\nC,\xff,,1\n"), "2:1 U+0000 is not accepted|3:3 the text is not UTF-8|");
}

static void nobody_is_told_more_than_is_wanted(void **state)
{
	struct fixture *fixture = *state;
	fixture->told.count_max = 2;
	assert_int_equal(read_text(fixture, SLICE(HEAD "A\nB\nC\n")), ERR_VALIDATION);
	assert_int_equal(fixture->told.count, 2);
}

static void more_seats_than_an_event_has_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct buffer text;
	buffer_init(&text, NULL, (size_t)64 * 1024 * 1024);
	buffer_append_string(&text, HEAD);
	for (uint32_t i = 0; i < SEATS_PER_EVENT_MAX; i++)
		buffer_append_format(&text, "%u,,,1\n", i);
	assert_int_equal(read_text(fixture, buffer_slice(&text)), OK);
	assert_int_equal(fixture->seats.count, SEATS_PER_EVENT_MAX);
	arena_clear(&fixture->arena);
	buffer_append_string(&text, "x,,,1\n");
	assert_int_equal(read_text(fixture, buffer_slice(&text)), ERR_LIMIT);
	buffer_release(&text);
}

static void expect_place(const struct seat_csv *seats, const char *pointer, uint64_t line, uint64_t column)
{
	struct file_place place = {0};
	assert_int_equal(seat_csv_locate(seats, slice_of(pointer), &place), line > 0);
	assert_true(place.line == line && place.column == column);
}

static void a_pointer_leads_to_its_field(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_text(fixture, SLICE(HEAD "A,B,C,1\n\n\"D\nE\",F,G,2\n")), OK);
	const struct seat_csv *seats = &fixture->seats;
	expect_place(seats, "/seats/0", 2, 1);
	expect_place(seats, "/seats/0/seat", 2, 1);
	expect_place(seats, "/seats/0/section", 2, 3);
	expect_place(seats, "/seats/0/price", 2, 7);
	expect_place(seats, "/seats/1/seat", 4, 1);
	expect_place(seats, "/seats/1/price", 5, 8);
	expect_place(seats, "/seats/1/colour", 4, 1);
	expect_place(seats, "/seats/2", 0, 0);
	expect_place(seats, "/seats", 0, 0);
	expect_place(seats, "/seats/", 0, 0);
	expect_place(seats, "/seats/x", 0, 0);
	expect_place(seats, "/seats/99999999999999999999999", 0, 0);
	expect_place(seats, "/name", 0, 0);
}

static void a_pointer_leads_to_its_value(void **state)
{
	(void)state;
	static const struct {
		const char *pointer, *expected;
	} cases[] = {
		{"", "{\"a\":[1,{\"b\":2}],\"x/y~z\":3,\"\":4}"},
		{"/a", "[1,{\"b\":2}]"},
		{"/a/0", "1"},
		{"/a/1/b", "2"},
		{"/a/1/c", "{\"b\":2}"},
		{"/a/1/b/d", "2"},
		{"/a/2", "[1,{\"b\":2}]"},
		{"/a/x", "[1,{\"b\":2}]"},
		{"/a/99999999999999999999", "[1,{\"b\":2}]"},
		{"/x~1y~0z", "3"},
		{"/", "4"},
		{"/nowhere/at/all", "{\"a\":[1,{\"b\":2}],\"x/y~z\":3,\"\":4}"},
	};
	struct json_value body;
	struct json_problem problem;
	assert_true(json_check(slice_of(cases[0].expected), &body, &problem));
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_true(slice_equal_string(json_locate(body, slice_of(cases[i].pointer)).text, cases[i].expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_become_seats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_price_that_is_no_number_is_left_to_the_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(faults_name_their_line_and_column, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_told_more_than_is_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_seats_than_an_event_has_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pointer_leads_to_its_field, set_up, tear_down),
		cmocka_unit_test(a_pointer_leads_to_its_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
