/* test_word_search.c: words, where they are found, and the expressions that say the same. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/word_search.h"

static void blanks_stand_between_words(void **state)
{
	(void)state;
	struct slice rest = SLICE("  a.b\t\nc "), word;
	assert_true(word_search_next(&rest, &word));
	assert_true(slice_equal_string(word, "a.b"));
	assert_true(word_search_next(&rest, &word));
	assert_true(slice_equal_string(word, "c"));
	assert_false(word_search_next(&rest, &word));
	assert_false(word_search_next(&rest, &word));
	rest = (struct slice){0};
	assert_false(word_search_next(&rest, &word));
}

static void words_are_found_where_words_begin(void **state)
{
	static const struct {
		const char *text, *words;
		bool is_found;
	} cases[] = {
		{"The Magic Flute", "mag FLU", true},
		{"The Magic Flute", "agic", false},
		{"The Magic Flute", "flute magic the", true},
		{"The Magic Flute", "flutes", false},
		{"The Magic Flute", "", true},
		{"", "", true},
		{"", "a", false},
		{"a", "ab", false},
		{"x1", "1", false},
		{"x-1", "1", true},
		{"100%", "%", true},
		{"100%", "100%", true},
		{"100%", "0%", false},
		{"a\xc2\xa0"
	         "b",
	         "b", true}, /* a blank that breaks no line */
		{"\xc2\xbb"
	         "b\xc2\xab",
	         "b", true}, /* quotation marks */
		{"\xc3\x9f"
	         "b",
	         "b", false}, /* a letter */
		{"\xe6\xad\x8c\xe5\x8a\x87", "\xe6\xad\x8c", true},
		{"\xc5\xb8", "\xc3\xbf", true},
		{"\xc3\x97", "\xc3\xb7", false}, /* no case of each other, though 32 apart */
		{"\xcf\x83", "\xce\xa3", true},
		{"\xd1\x92", "\xd0\x82", true},
		{"\xe1\xba\xbf", "\xe1\xba\xbe", true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		if (word_search_matches(slice_of(cases[i].words), slice_of(cases[i].text)) != cases[i].is_found)
			fail_msg("'%s' in '%s'", cases[i].words, cases[i].text);
}

static void bytes_that_no_text_has_match_nothing(void **state)
{
	(void)state;
	assert_false(word_search_is_possible(SLICE("a\0b")));
	assert_false(word_search_is_possible(SLICE("a b\xff")));
	assert_true(word_search_is_possible(SLICE("a $where")));
	assert_true(word_search_is_possible((struct slice){0}));
	assert_false(word_search_matches(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(word_search_matches(SLICE("a\xff"), SLICE("a\xff")));
}

static void expect_pattern(const char *word, const char *end)
{
	struct buffer pattern;
	buffer_init(&pattern, NULL, 65536);
	word_search_pattern(slice_of(word), &pattern);
	assert_false(pattern.failed);
	assert_null(memchr(pattern.data, ' ', pattern.length));
	size_t length = strlen(end);
	assert_true(pattern.length >= length);
	assert_memory_equal(pattern.data + pattern.length - length, end, length);
	bool has_start = pattern.data[0] == '(';
	assert_int_equal(has_start, pattern.length > length);
	buffer_release(&pattern);
}

static void an_expression_means_nothing_but_the_word(void **state)
{
	(void)state;
	expect_pattern("a1", "[aA]1");
	expect_pattern("\xc3\x84\xc3\x9f", "[\xc3\xa4\xc3\x84]\xc3\x9f");
	expect_pattern("$w", "\\$[wW]");
	expect_pattern(".*", "\\.\\*");
	expect_pattern("^[a-b](c)?+{}|\\", "\\^\\[[aA]\\-[bB]\\]\\([cC]\\)\\?\\+\\{\\}\\|\\\\");
	expect_pattern("%_'", "\\%\\_\\'");
}

/* Every character that is folded has one other case, which folds back. */
static void cases_come_in_pairs(void **state)
{
	(void)state;
	uint32_t pairs = 0;
	for (uint32_t character = 'A'; character < 0x2000; character++) {
		char text[4], *at;
		struct buffer pattern;
		if (character >= 0x80 && character < 0xa0)
			continue;
		struct slice word = {.data = text, .length = utf8_encode(character, text)};
		assert_true(word_search_matches(word, word));
		buffer_init(&pattern, NULL, 65536);
		word_search_pattern(word, &pattern);
		buffer_append_byte(&pattern, '\0');
		at = strrchr(pattern.data, '[');
		bool has_cases = at != NULL && pattern.data[pattern.length - 2] == ']' && strchr(at, '-') == NULL && at[1] != '\\';
		if (has_cases) {
			struct slice cases = {.data = at + 1, .length = strlen(at) - 2};
			size_t first = utf8_character_length(cases.data, cases.length);
			struct slice small = {.data = cases.data, .length = first};
			struct slice capital = {.data = cases.data + first, .length = cases.length - first};
			assert_int_equal(utf8_character_count(cases), 2);
			assert_true(slice_equal(word, small) || slice_equal(word, capital));
			assert_true(word_search_matches(small, capital) && word_search_matches(capital, small));
			pairs++;
		}
		buffer_release(&pattern);
	}
	assert_true(pairs > 600 && pairs % 2 == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_stand_between_words),
		cmocka_unit_test(words_are_found_where_words_begin),
		cmocka_unit_test(bytes_that_no_text_has_match_nothing),
		cmocka_unit_test(an_expression_means_nothing_but_the_word),
		cmocka_unit_test(cases_come_in_pairs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
