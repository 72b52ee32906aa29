/* test_utf8.c: every well-formed character, and the ill-formed ones that decoders have taken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/attributes.h"
#include "base/utf8.h"

/* Encodes without asking whether the result is allowed; returns its length. */
static size_t encode(uint32_t point, char text[static 4])
{
	if (point < 0x80) {
		text[0] = (char)point;
		return 1;
	}
	size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--) {
		text[i] = (char)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	text[0] = (char)((0xf00 >> length) | point);
	return length;
}

static void every_character_is_taken_and_no_surrogate(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point++) {
		char text[4];
		size_t length = encode(point, text);
		bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
		if (utf8_character_length(text, length) != (is_surrogate ? 0 : length))
			fail_msg("U+%04X", point);
		if (length > 1 && utf8_character_length(text, length - 1) != 0)
			fail_msg("U+%04X cut off", point);
	}
}

static void ill_formed_text_is_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"\x80",             /* a continuation alone */
		"\xc0\x80",         /* an overlong zero */
		"\xc1\xbf",         /* overlong */
		"\xe0\x9f\xbf",     /* overlong */
		"\xf0\x8f\xbf\xbf", /* overlong */
		"\xed\xa0\x80",     /* a surrogate */
		"\xf4\x90\x80\x80", /* U+110000 */
		"\xf5\x80\x80\x80",
		"\xff",
		"\xc3", /* cut off */
		"\xe2\x82",
		"\xf0\x9f\x8e",
		"\xc3(", /* no continuation */
		"\xe2(\xa1",
		"\xe2\x82(",
		"\xf0(\x8c\xbc",
		"\xf0\x9f(\xbc",
		"\xf0\x9f\x8e(",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (utf8_is_valid(slice_of(refused[i])) || utf8_is_printable(slice_of(refused[i])))
			fail_msg("taken: row %zu", i);
	}
	assert_false(utf8_is_valid(SLICE("fine until \xff here")));
	assert_int_equal(utf8_character_length("", 0), 0);
}

static void well_formed_text_is_taken(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(SLICE("")));
	assert_true(utf8_is_valid(SLICE("Zürich – 東京 🎟")));
	assert_true(utf8_is_valid(SLICE("with\0zero\n")));
	assert_true(utf8_is_printable(SLICE("Zürich – 東京 🎟")));
}

static void control_characters_are_not_printable(void **state)
{
	(void)state;
	assert_false(utf8_is_printable(SLICE("a\0b")));
	assert_false(utf8_is_printable(SLICE("a\nb")));
	assert_false(utf8_is_printable(SLICE("a\x1f")));
	assert_false(utf8_is_printable(SLICE("a\x7f")));
	assert_false(utf8_is_printable(SLICE("a\xc2\x80")));
	assert_false(utf8_is_printable(SLICE("a\xc2\x9f")));
	assert_true(utf8_is_printable(SLICE("a\xc2\xa0")));
	assert_true(utf8_is_printable(SLICE(" ~")));
}

static void lines_may_have_line_feeds_and_no_other_control_character(void **state)
{
	(void)state;
	assert_true(utf8_is_printable_lines(SLICE("Erster Akt\nPause\n\nZürich\n")));
	assert_false(utf8_is_printable_lines(SLICE("a\r\nb")));
	assert_false(utf8_is_printable_lines(SLICE("a\tb")));
	assert_false(utf8_is_printable_lines(SLICE("a\xc2\x85")));
}

static void control_characters_are_masked(void **state)
{
	(void)state;
	char text[] = "a\nb\x1b[1m\x7fZ\xc3\xbcrich~ ";
	utf8_mask_controls(text);
	assert_string_equal(text, "a?b?[1m?Z\xc3\xbcrich~ ");
}

static void characters_are_counted_and_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(utf8_character_count(SLICE("")), 0);
	assert_int_equal(utf8_character_count(SLICE("abc")), 3);
	assert_int_equal(utf8_character_count(SLICE("Zürich – 東京 🎟")), 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_taken_and_no_surrogate),
		cmocka_unit_test(ill_formed_text_is_refused),
		cmocka_unit_test(well_formed_text_is_taken),
		cmocka_unit_test(control_characters_are_not_printable),
		cmocka_unit_test(lines_may_have_line_feeds_and_no_other_control_character),
		cmocka_unit_test(control_characters_are_masked),
		cmocka_unit_test(characters_are_counted_and_not_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
