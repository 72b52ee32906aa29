/* test_base64url.c: one spelling for each byte string. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "auth/base64url.h"

static void bytes_are_written_and_read_back(void **state)
{
	(void)state;
	static const struct {
		struct slice bytes;
		struct slice text;
	} pairs[] = {
		{SLICE(""), SLICE("")},
		{SLICE("f"), SLICE("Zg")},
		{SLICE("fo"), SLICE("Zm8")},
		{SLICE("foo"), SLICE("Zm9v")},
		{SLICE("foob"), SLICE("Zm9vYg")},
		{SLICE("fooba"), SLICE("Zm9vYmE")},
		{SLICE("foobar"), SLICE("Zm9vYmFy")},
		{SLICE("\xfb\xff\xfe"), SLICE("-__-")},
		{SLICE("\0"), SLICE("AA")},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		struct buffer buffer;
		buffer_init(&buffer, NULL, 64);
		base64url_append(&buffer, pairs[i].bytes.data, pairs[i].bytes.length);
		assert_true(slice_equal(buffer_slice(&buffer), pairs[i].text));
		buffer_release(&buffer);

		uint8_t bytes[16];
		assert_int_equal(base64url_decoded_length(pairs[i].text.length), pairs[i].bytes.length);
		assert_true(base64url_decode(pairs[i].text, bytes));
		assert_memory_equal(bytes, pairs[i].bytes.data, pairs[i].bytes.length);
	}
}

static void any_other_spelling_is_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"Zg==",  "Zm8=", "Zh",    "Zm9",      "Zm+v", "Zm/v", "Z",
	                                      "Zm9vY", "Zm 8", "Zm8\n", "Zm9v\x80", "====", "Zm9v."};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		uint8_t bytes[16];
		if (base64url_decode(slice_of(refused[i]), bytes))
			fail_msg("taken: %s", refused[i]);
	}
	uint8_t bytes[16];
	assert_false(base64url_decode(SLICE("Zm\0v"), bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_written_and_read_back),
		cmocka_unit_test(any_other_spelling_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
