/* test_event_file.c: a file is taken apart into its events, however it arrives. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "codec/event_file.h"

#define TEXT_MAX 64

/* A text that comes a few bytes at a time, and may break off. */
struct trickle {
	struct slice rest;
	size_t piece;
	bool breaks; /* at its end it cannot be read */
};

static bool trickle_read(void *context, char *bytes, size_t size, size_t *ret_length)
{
	struct trickle *trickle = context;
	size_t length = trickle->piece < size ? trickle->piece : size;
	length = length < trickle->rest.length ? length : trickle->rest.length;
	if (length == 0 && trickle->breaks)
		return false;
	memcpy(bytes, trickle->rest.data, length);
	trickle->rest.data += length;
	trickle->rest.length -= length;
	*ret_length = length;
	return true;
}

/* The events and faults, as "LINE:COLUMN text|" and "LINE:COLUMN !what|", and the last result. */
static void take_apart(struct slice text, size_t piece, bool breaks, char *ret_seen, size_t size, enum event_file_result *ret_last)
{
	struct trickle trickle = {.rest = text, .piece = piece, .breaks = breaks};
	const struct event_file_source source = {.read = trickle_read, .context = &trickle};
	struct event_file *file;
	assert_int_equal(event_file_new(&source, TEXT_MAX, &file), OK);
	size_t length = 0;
	ret_seen[0] = '\0';
	for (;;) {
		struct event_text event;
		struct file_fault fault;
		*ret_last = event_file_next(file, &event, &fault);
		if (*ret_last > EVENT_FILE_FAULT)
			break;
		bool is_event = *ret_last == EVENT_FILE_EVENT;
		struct file_place place = is_event ? event.place : fault.place;
		int written =
			is_event ? snprintf(ret_seen + length, size - length, "%d:%d %.*s|", (int)place.line, (int)place.column,
		                            SLICE_PRINT(event.text))
				 : snprintf(ret_seen + length, size - length, "%d:%d !%s|", (int)place.line, (int)place.column, fault.what);
		assert_true(written > 0 && (size_t)written < size - length);
		length += (size_t)written;
	}
	assert_int_equal(event_file_next(file, &(struct event_text){0}, &(struct file_fault){0}), EVENT_FILE_END);
	event_file_free(file);
}

static void expect(const char *text, const char *expected)
{
	static const size_t pieces[] = {1, 3, 1000};
	for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
		char seen[2048];
		enum event_file_result last;
		take_apart(slice_of(text), pieces[i], false, seen, sizeof seen, &last);
		assert_string_equal(seen, expected);
		assert_int_equal(last, EVENT_FILE_END);
	}
}

static void lines_are_events(void **state)
{
	(void)state;
	expect("", "");
	expect(" \n\t\r\n", "");
	expect("{}", "1:1 {}|");
	expect("{}\n{\"a\":1}\n", "1:1 {}|2:1 {\"a\":1}|");
	expect("\n  {} \r\n\r\n{}", "2:3 {}|4:1 {}|");
	expect("\xef\xbb\xbf{}\n7", "1:1 {}|2:1 7|");
	expect("nonsense\n{}\n", "1:1 nonsense|2:1 {}|");
}

static void a_wrong_line_spoils_no_other(void **state)
{
	(void)state;
	expect("{}\n{\"a\":\n{}\n", "1:1 {}|2:1 {\"a\":|3:1 {}|");
	expect("{\"a\":1\n{\"b\":2}\n", "1:1 {\"a\":1|2:1 {\"b\":2}|");
	expect("{\"a\":\"1\n\n {\"b\":2}\n", "1:1 {\"a\":\"1|3:2 {\"b\":2}|");
}

static void objects_may_have_many_lines(void **state)
{
	(void)state;
	expect("{\n\"a\": 1\n}\n", "1:1 {\n\"a\": 1\n}|");
	expect("{\n\"a\": \"}\\\"{\"}\n{\"b\":[{}]\n}", "1:1 {\n\"a\": \"}\\\"{\"}|3:1 {\"b\":[{}]\n}|");
	expect("{\"sections\":[\n{\"a\":1},\n{}]}", "1:1 {\"sections\":[\n{\"a\":1},\n{}]}|");
	expect("{\n\"a\": 1\n", "1:1 {\n\"a\": 1|");
	expect("{\n\"a\"}}", "1:1 {\n\"a\"}|2:5 !a value is missing|");
}

static void an_array_has_events(void **state)
{
	(void)state;
	expect("[]", "");
	expect(" [ {\"a\":[1,2]},\n7, \"]\" ] \n", "1:4 {\"a\":[1,2]}|2:1 7|2:4 \"]\"|");
	expect("[{} {}]", "1:2 {}|1:5 !a comma or a closing bracket is missing|");
	expect("[{},]", "1:2 {}|1:5 !a value is missing|");
	expect("[,]", "1:2 !a value is missing|");
	expect("[{},", "1:2 {}|1:5 !the text ends inside the array|");
	expect("[", "1:2 !the text ends inside the array|");
	expect("[1]\nx", "1:2 1|2:1 !there is more behind the array|");
	expect("[{\"a\":\"b]", "1:2 {\"a\":\"b]|1:10 !the text ends inside the array|");
}

static void an_event_too_long_is_not_kept(void **state)
{
	(void)state;
	char text[512], item[TEXT_MAX + 2] = {0};
	memset(item, '7', TEXT_MAX + 1);
	snprintf(text, sizeof text, "{}\n%s\n{}\n", item);
	expect(text, "1:1 {}|2:1 !the event is too long|3:1 {}|");
	snprintf(text, sizeof text, "[%s,1]", item);
	expect(text, "1:2 !the event is too long|");
	item[TEXT_MAX] = '\0';
	snprintf(text, sizeof text, "{}\n%s\n", item);
	char expected[512];
	snprintf(expected, sizeof expected, "1:1 {}|2:1 %s|", item);
	expect(text, expected);
}

static void a_failed_read_is_not_the_end_of_the_file(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "{}\n{\"a\"", "[", "[{}", "[{},", "[{}]", "{\n\"a\"", "{}\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		char seen[512];
		enum event_file_result last;
		take_apart(slice_of(texts[i]), 2, true, seen, sizeof seen, &last);
		assert_int_equal(last, EVENT_FILE_UNREADABLE);
		assert_null(strchr(seen, '!'));
	}
}

static void a_place_in_an_event_is_a_place_in_the_file(void **state)
{
	(void)state;
	const struct event_text event = {.text = SLICE("{\n \"a\"\n}"), .place = {.line = 7, .column = 5}};
	struct file_place place = event_text_place(&event, 0);
	assert_true(place.line == 7 && place.column == 5);
	place = event_text_place(&event, 1);
	assert_true(place.line == 7 && place.column == 6);
	place = event_text_place(&event, 3);
	assert_true(place.line == 8 && place.column == 2);
	place = event_text_place(&event, event.text.length);
	assert_true(place.line == 9 && place.column == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_events),
		cmocka_unit_test(a_wrong_line_spoils_no_other),
		cmocka_unit_test(objects_may_have_many_lines),
		cmocka_unit_test(an_array_has_events),
		cmocka_unit_test(an_event_too_long_is_not_kept),
		cmocka_unit_test(a_failed_read_is_not_the_end_of_the_file),
		cmocka_unit_test(a_place_in_an_event_is_a_place_in_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
