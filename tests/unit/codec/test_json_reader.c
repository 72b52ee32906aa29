/* test_json_reader.c: JSON and texts that are none, and the walk over JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/json_reader.h"

static bool check(struct slice text)
{
	/* A copy of exact size, so that the address sanitizer sees a read past the end. */
	char *copy = malloc(text.length == 0 ? 1 : text.length);
	assert_non_null(copy);
	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	struct json_value value;
	struct json_problem problem = {0};
	bool is_json = json_check((struct slice){.data = copy, .length = text.length}, &value, &problem);
	assert_true(is_json || (problem.what != NULL && problem.offset <= text.length));
	free(copy);
	return is_json;
}

static struct json_value checked(const char *text)
{
	struct json_value value;
	struct json_problem problem;
	if (!json_check(slice_of(text), &value, &problem))
		fail_msg("%s at %zu: %s", problem.what, problem.offset, text);
	return value;
}

static void well_formed_text_is_accepted(void **state)
{
	(void)state;
	static const char *const accepted[] = {"{}",
	                                       "[]",
	                                       "null",
	                                       "true",
	                                       "false",
	                                       "0",
	                                       "-0",
	                                       "12",
	                                       "-1.5e+10",
	                                       "0.1E-2",
	                                       "1e999",
	                                       "123456789012345678901234567890",
	                                       "\"\"",
	                                       " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : null }\n",
	                                       "[[],{},\"\",0]",
	                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
	                                       "\"\\ud83d\\ude00\"",
	                                       "\"\x7f\"",
	                                       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	                                       "{\"\":1}",
	                                       "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}",
	                                       "{\"a\":1,\"A\":2,\"aa\":3,\"\\u0062\":4}",
	                                       "\"\\uFFFF\\ufdd0\""};
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		if (!check(slice_of(accepted[i])))
			fail_msg("refused: %s", accepted[i]);
	}
}

static void texts_other_than_json_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"",
	                                      " ",
	                                      "{",
	                                      "}",
	                                      "[",
	                                      "]",
	                                      "[1,",
	                                      "[1,]",
	                                      "[,1]",
	                                      "[1 2]",
	                                      "[1]]",
	                                      "{]",
	                                      "[}",
	                                      "{\"a\"}",
	                                      "{\"a\":}",
	                                      "{\"a\":1,}",
	                                      "{,}",
	                                      "{1:2}",
	                                      "{\"a\" 1}",
	                                      "{\"a\":1 \"b\":2}",
	                                      "{'a':1}",
	                                      "{a:1}",
	                                      "nul",
	                                      "nulll",
	                                      "True",
	                                      "NaN",
	                                      "Infinity",
	                                      "-Infinity",
	                                      "undefined",
	                                      "-",
	                                      "+1",
	                                      "01",
	                                      "-01",
	                                      "1.",
	                                      ".5",
	                                      "1.e1",
	                                      "1e",
	                                      "1e+",
	                                      "0x10",
	                                      "1_000",
	                                      "--1",
	                                      "\"",
	                                      "\"\\",
	                                      "\"\\x41\"",
	                                      "\"\\u12\"",
	                                      "\"\\u12G4\"",
	                                      "\"\\'\"",
	                                      "\"a\nb\"",
	                                      "\"\t\"",
	                                      "{} {}",
	                                      "1 2",
	                                      "[] x",
	                                      "/* */ {}",
	                                      "{} // no",
	                                      "\xef\xbb\xbf{}",
	                                      "\"\xff\"",
	                                      "\"\xc3\"",
	                                      "\"\xc0\xaf\"",
	                                      "\"\xed\xa0\x80\"",
	                                      "\"\xf4\x90\x80\x80\"",
	                                      "\"\\u0000\"",
	                                      "{\"\\u0000\":1}",
	                                      "\"\\ud800\"",
	                                      "\"\\udc00\"",
	                                      "\"\\ud800\\u0041\"",
	                                      "\"\\ud800\\ud800\"",
	                                      "\"\\ud800x\"",
	                                      "\"\\ud83d\\ude0\"",
	                                      "[\"a\",\n1:2]",
	                                      "\v1",
	                                      "\f1",
	                                      "\xa0 1"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (check(slice_of(refused[i])))
			fail_msg("accepted: %s", refused[i]);
	}
	assert_false(check(SLICE("{}\0")));
	assert_false(check(SLICE("\"a\0b\"")));
	assert_false(check(SLICE("\0")));
	assert_false(check((struct slice){0}));
}

static void every_prefix_of_a_text_is_refused(void **state)
{
	(void)state;
	struct slice whole = SLICE("{\"a\":[true,false,null,-1.5e+3,\"\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"b\":{}}");
	assert_true(check(whole));
	for (size_t length = 0; length < whole.length; length++)
		assert_false(check((struct slice){.data = whole.data, .length = length}));
}

static void a_name_is_refused_the_second_time(void **state)
{
	(void)state;
	static const char *const refused[] = {"{\"a\":1,\"a\":1}",
	                                      "{\"a\":1,\"\\u0061\":1}",
	                                      "{\"\\u0061\":1,\"b\":2,\"\\u0061\":1}",
	                                      "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
	                                      "{\"\\/\":1,\"/\":2}",
	                                      "{\"\":1,\"\":1}",
	                                      "[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]",
	                                      "{\"x\":{\"y\":1},\"z\":{\"y\":2},\"x\":3}"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (check(slice_of(refused[i])))
			fail_msg("accepted: %s", refused[i]);
	}
}

static void depth_and_members_have_their_maximum(void **state)
{
	(void)state;
	char deep[2 * (JSON_DEPTH_MAX + 1)];
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_true(check((struct slice){.data = deep + 1, .length = 2 * JSON_DEPTH_MAX}));
	assert_false(check((struct slice){.data = deep, .length = sizeof deep}));

	char brackets[64 * 1024];
	memset(brackets, '[', sizeof brackets);
	assert_false(check((struct slice){.data = brackets, .length = sizeof brackets}));

	char members[16 * (JSON_MEMBERS_MAX + 1)];
	size_t length = 0;
	for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
		length += (size_t)snprintf(members + length, sizeof members - length, "%s\"m%d\":%d", i == 0 ? "{" : ",", i, i);
	members[length] = '}';
	assert_false(check((struct slice){.data = members, .length = length + 1}));
	length = (size_t)(strrchr(members, ',') - members);
	members[length] = '}';
	assert_true(check((struct slice){.data = members, .length = length + 1}));
}

static void a_problem_says_where(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *what;
		size_t offset;
	} cases[] = {
		{"{\"a\":1 \"b\":2}", "a comma or a closing brace is missing", 7},
		{"{\"a\":1,\"a\":2}", "a name is repeated", 7},
		{"[1,2", "a comma or a closing bracket is missing", 4},
		{"[1]x", "there is more after the value", 3},
		{"[NaN]", "a value is missing", 1},
		{"", "a value is missing", 0},
		{"\"\xff\"", "the text is not UTF-8", 1},
		{"\"abc", "the text ends inside a string", 4},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct json_value value;
		struct json_problem problem;
		assert_false(json_check(slice_of(cases[i].text), &value, &problem));
		assert_string_equal(problem.what, cases[i].what);
		assert_int_equal(problem.offset, cases[i].offset);
	}
}

static void members_and_items_come_in_order(void **state)
{
	(void)state;
	struct json_value body = checked(" { \"first\" : [ 1 , \"]},\" , {\"x\":[]} , [[]] ] ,\"second\":{}, \"third\" : true } ");
	struct json_walk walk = json_walk(body);
	struct json_value name, value, item;
	assert_true(json_next_member(&walk, &name, &value));
	assert_true(json_string_equal(name, SLICE("first")));
	struct json_walk items = json_walk(value);
	static const char *const expected[] = {"1", "\"]},\"", "{\"x\":[]}", "[[]]"};
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		assert_true(json_next_item(&items, &item));
		assert_true(slice_equal_string(item.text, expected[i]));
	}
	assert_false(json_next_item(&items, &item));
	assert_true(json_next_member(&walk, &name, &value));
	assert_int_equal(json_kind(value), JSON_KIND_OBJECT);
	struct json_walk nothing = json_walk(value);
	assert_false(json_next_member(&nothing, &name, &item));
	assert_true(json_next_member(&walk, &name, &value));
	assert_true(json_to_boolean(value));
	assert_false(json_next_member(&walk, &name, &value));

	assert_true(json_member(body, SLICE("third"), &value));
	assert_int_equal(json_kind(value), JSON_KIND_BOOLEAN);
	assert_false(json_member(body, SLICE("fourth"), &value));
	walk = json_walk(checked("[ ]"));
	assert_false(json_next_item(&walk, &item));
}

static void strings_come_without_their_escapes(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256, 1024);
	struct json_value plain = checked("\"A-1-1\"");
	struct slice text = json_to_string(plain, &arena);
	assert_ptr_equal(text.data, plain.text.data + 1);
	assert_true(slice_equal_string(text, "A-1-1"));

	struct json_value escaped = checked("\"\\u00e9 \\\"\\\\\\/\\b\\f\\n\\r\\t \\ud83d\\ude00 \\u20ac \xc3\xa9\"");
	text = json_to_string(escaped, &arena);
	assert_true(slice_equal_string(text, "\xc3\xa9 \"\\/\b\f\n\r\t \xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa9"));
	assert_true(json_string_equal(escaped, text));
	assert_false(json_string_equal(escaped, SLICE("\xc3\xa9")));
	assert_true(json_string_equal(checked("\"\\u0061b\""), SLICE("ab")));
	assert_false(json_string_equal(checked("\"\\u0061b\""), SLICE("abc")));
	assert_false(json_string_equal(checked("\"\\u0061b\""), SLICE("a")));
	arena_release(&arena);

	arena_init(&arena, 1, 1);
	assert_null(json_to_string(escaped, &arena).data);
	arena_release(&arena);
}

static void integers_are_exact_or_refused(void **state)
{
	(void)state;
	int64_t integer = 7;
	assert_true(json_to_integer(checked("9223372036854775807"), &integer));
	assert_true(integer == INT64_MAX);
	assert_true(json_to_integer(checked("-9223372036854775808"), &integer));
	assert_true(integer == INT64_MIN);
	assert_true(json_to_integer(checked("-0"), &integer));
	assert_int_equal(integer, 0);
	static const char *const refused[] = {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "100000000000000000000000"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		assert_false(json_to_integer(checked(refused[i]), &integer));
	assert_int_equal(integer, 0);
}

static uint64_t cpu_ns_to_check(const char *text, size_t length)
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 20; i++) {
		struct timespec start, end;
		struct json_value value;
		struct json_problem problem;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		assert_true(json_check((struct slice){.data = text, .length = length}, &value, &problem));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		uint64_t taken = (uint64_t)((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec);
		least = taken < least ? taken : least;
	}
	return least;
}

/* JSON_MEMBERS_MAX strings that differ in their last characters only, all escapes before. As names of one object or as an array's items. */
static size_t write_strings(char *text, size_t length, bool are_names)
{
	size_t escapes = (length / JSON_MEMBERS_MAX - 12) / 6;
	size_t at = 0;
	for (int i = 0; i < JSON_MEMBERS_MAX; i++) {
		text[at++] = i > 0 ? ',' : are_names ? '{' : '[';
		text[at++] = '"';
		for (size_t j = 0; j < escapes; j++, at += 6)
			memcpy(text + at, "\\u0061", 6);
		at += (size_t)snprintf(text + at, 16, are_names ? "%03d\":1" : "%03d\"", i);
	}
	text[at++] = are_names ? '}' : ']';
	return at;
}

static void names_cost_no_more_than_a_few_times_what_values_cost(void **state)
{
	(void)state;
	static char names[64 * 1024], values[64 * 1024];
	size_t names_length = write_strings(names, sizeof names, true);
	size_t values_length = write_strings(values, sizeof values, false);
	uint64_t names_ns = cpu_ns_to_check(names, names_length), values_ns = cpu_ns_to_check(values, values_length);
	if (names_ns > 12 * values_ns)
		fail_msg("64 KiB of names took %" PRIu64 " ns, of values %" PRIu64 " ns", names_ns, values_ns);
}

#define MEMBER_LENGTH_MAX 128

/* Appends the member n<number>; its name is spelt with an escape when asked. */
static size_t append_member(char *at, uint32_t number, bool is_escaped, const char *value)
{
	return (size_t)snprintf(at, MEMBER_LENGTH_MAX, "%s\"%s%u\":%s", number == 0 ? "" : ",", is_escaped ? "\\u006e" : "n", number,
	                        value);
}

/* Objects of few members are compared, of more hashed: both, and what changes from one to the other in the middle. */
static void a_name_is_found_again_in_an_object_of_any_size(void **state)
{
	(void)state;
	static const char *const inner[] = {"0", "{\"n0\":0}",
	                                    "{\"n0\":0,\"n1\":0,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0}"};
	char text[4096];
	for (uint32_t count = 1; count <= 24; count++) {
		for (uint32_t case_number = 0; case_number < 3 * (count + 1); case_number++) {
			uint32_t repeated = case_number / 3; /* count: none */
			size_t length = 0;
			text[length++] = '{';
			for (uint32_t i = 0; i < count; i++)
				length += append_member(text + length, i, i % 3 == 1, inner[(i + case_number) % 3]);
			if (repeated < count)
				length += (size_t)snprintf(text + length, MEMBER_LENGTH_MAX, ",\"%s%u\":1",
				                           case_number % 2 == 0 ? "\\u006E" : "n", repeated);
			text[length++] = '}';
			struct json_value value;
			struct json_problem problem;
			bool is_good = json_check((struct slice){.data = text, .length = length}, &value, &problem);
			assert_int_equal(is_good, repeated == count);
			if (!is_good)
				assert_string_equal(problem.what, "a name is repeated");
		}
	}
}

static void a_long_name_is_found_again_however_it_is_spelt(void **state)
{
	(void)state;
	char plain[200], text[2048];
	for (size_t length = 55; length < 140; length++) {
		size_t at = 0;
		memset(plain, 'a', length);
		plain[length] = '\0';
		/* An escape of two bytes first, so that a character lies across the end of a piece. */
		at += (size_t)snprintf(text + at, sizeof text - at, "{\"%s\xc3\xa9%s\":1,\"", plain, plain);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s\\u00e9%s\":2}", plain, plain);
		struct json_value value;
		struct json_problem problem;
		assert_false(json_check((struct slice){.data = text, .length = at}, &value, &problem));
		assert_string_equal(problem.what, "a name is repeated");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_text_is_accepted),
		cmocka_unit_test(texts_other_than_json_are_refused),
		cmocka_unit_test(every_prefix_of_a_text_is_refused),
		cmocka_unit_test(a_name_is_refused_the_second_time),
		cmocka_unit_test(depth_and_members_have_their_maximum),
		cmocka_unit_test(a_problem_says_where),
		cmocka_unit_test(members_and_items_come_in_order),
		cmocka_unit_test(strings_come_without_their_escapes),
		cmocka_unit_test(integers_are_exact_or_refused),
		cmocka_unit_test(names_cost_no_more_than_a_few_times_what_values_cost),
		cmocka_unit_test(a_name_is_found_again_in_an_object_of_any_size),
		cmocka_unit_test(a_long_name_is_found_again_however_it_is_spelt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
