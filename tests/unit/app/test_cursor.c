/* test_cursor.c: cursors read back to where they were, and nothing else is one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "app/cursor.h"

static struct query seats_behind(uint64_t after)
{
	return (struct query){.kind = QUERY_SEATS, .id = {{1, 2, 3}}, .limit = 10, .after = after};
}

static void cursor_reads_back_to_its_place(void **state)
{
	(void)state;
	static const uint64_t places[] = {1, 255, 256, UINT32_MAX, UINT64_MAX};
	for (uint32_t i = 0; i < ARRAY_LENGTH(places); i++) {
		const struct query from = seats_behind(places[i]);
		char text[CURSOR_TEXT_LENGTH + 1];
		cursor_format(&from, text);
		struct query query = seats_behind(0);
		assert_int_equal(cursor_parse(slice_of(text), &query), OK);
		assert_int_equal(query.after, places[i]);
		assert_false(query.has_after_id);
	}
	const struct query from = {.kind = QUERY_EVENTS, .after_id = {{9, 8, 7}}};
	char text[CURSOR_TEXT_LENGTH + 1];
	cursor_format(&from, text);
	struct query query = {.kind = QUERY_EVENTS};
	assert_int_equal(cursor_parse(slice_of(text), &query), OK);
	assert_true(query.has_after_id);
	assert_true(uuid_equal(&query.after_id, &from.after_id));
	assert_int_equal(query.after, 0);
}

static void cursor_is_good_for_its_list_alone(void **state)
{
	(void)state;
	const struct query from = seats_behind(42);
	char text[CURSOR_TEXT_LENGTH + 1];
	cursor_format(&from, text);
	struct query other_event = seats_behind(0);
	other_event.id.bytes[15] = 1;
	assert_int_equal(cursor_parse(slice_of(text), &other_event), ERR_CURSOR_INVALID);
	struct query other_kind = seats_behind(0);
	other_kind.kind = QUERY_HOLD_HISTORY;
	assert_int_equal(cursor_parse(slice_of(text), &other_kind), ERR_CURSOR_INVALID);
	assert_int_equal(other_kind.after, 0);
}

static void every_changed_character_is_noticed(void **state)
{
	(void)state;
	const struct query from = seats_behind(42);
	char text[CURSOR_TEXT_LENGTH + 1];
	cursor_format(&from, text);
	for (uint32_t i = 0; i < CURSOR_TEXT_LENGTH; i++) {
		for (uint32_t j = 0; j < 128; j++) {
			char changed[CURSOR_TEXT_LENGTH + 1];
			(void)snprintf(changed, sizeof changed, "%s", text);
			changed[i] = (char)j;
			bool is_same = changed[i] == text[i] || (text[i] >= 'a' && changed[i] == text[i] - 'a' + 'A');
			struct query query = seats_behind(0);
			assert_int_equal(cursor_parse((struct slice){.data = changed, .length = CURSOR_TEXT_LENGTH}, &query),
			                 is_same ? OK : ERR_CURSOR_INVALID);
		}
	}
}

static void an_invalid_cursor_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
	                                    "1",
	                                    "null",
	                                    "0",
	                                    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	                                    "000000000000000000000000000000000000000000000000"};
	for (uint32_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct query query = seats_behind(0);
		assert_int_equal(cursor_parse(slice_of(texts[i]), &query), ERR_CURSOR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cursor_reads_back_to_its_place),
		cmocka_unit_test(cursor_is_good_for_its_list_alone),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(an_invalid_cursor_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
