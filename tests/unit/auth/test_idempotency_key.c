/* test_idempotency_key.c: one key, two spellings; and what is kept of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "auth/idempotency_key.h"

static void bare_and_quoted_are_the_same_key(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"0123456789abcdef", "\"0123456789abcdef\""},
		{"  0123456789abcdef\t", " \"0123456789abcdef\" "},
		{"a \"quoted\" and a \\", "\"a \\\"quoted\\\" and a \\\\\""},
		{"key;with=semicolon,comma", "\"key;with=semicolon,comma\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		struct idempotency_key bare, quoted;
		assert_true(idempotency_key_parse(slice_of(pairs[i][0]), &bare));
		assert_true(idempotency_key_parse(slice_of(pairs[i][1]), &quoted));
		assert_int_equal(bare.length, quoted.length);
		assert_memory_equal(bare.text, quoted.text, bare.length);
	}
}

static void other_keys_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"",
	                                      "   ",
	                                      "short",
	                                      "0123456789abcde",
	                                      "\"0123456789abcde\"",
	                                      "\"0123456789abcdef",
	                                      "\"",
	                                      "\"\"",
	                                      "\"0123456789abcdef\"; a=1",
	                                      "\"0123456789abcdef\"x",
	                                      "\"0123456789abcdef\"\"",
	                                      "\"0123456789abcdef\\\"",
	                                      "\"0123456789\\abcdef\"",
	                                      "0123456789abcde\x7f",
	                                      "0123456789abcdef\x01",
	                                      "\"0123456789abcdef\t\"",
	                                      "0123456789abcdef\xc3\xa9",
	                                      "01234567\n9abcdef0"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct idempotency_key key = {.length = 77};
		if (idempotency_key_parse(slice_of(refused[i]), &key))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(key.length, 77);
	}
	struct idempotency_key key;
	assert_false(idempotency_key_parse(SLICE("0123456789abcdef\0"), &key));
	assert_false(idempotency_key_parse((struct slice){0}, &key));
}

static void a_key_has_16_to_255_characters(void **state)
{
	(void)state;
	char text[2 * 256 + 2];
	struct idempotency_key key;
	memset(text, 'k', sizeof text);
	for (size_t length = 0; length <= 256; length++)
		assert_int_equal(idempotency_key_parse((struct slice){.data = text, .length = length}, &key),
		                 length >= 16 && length <= 255);
	/* Escapes do not count. */
	text[0] = '"';
	for (size_t i = 0; i < 255; i++) {
		text[1 + 2 * i] = '\\';
		text[2 + 2 * i] = '"';
	}
	text[511] = '"';
	assert_true(idempotency_key_parse((struct slice){.data = text, .length = 512}, &key));
	assert_int_equal(key.length, 255);
}

static void the_hash_is_the_callers_own(void **state)
{
	(void)state;
	struct digest digest;
	struct idempotency_key key;
	uint8_t hash[IDEMPOTENCY_HASH_LENGTH], other[IDEMPOTENCY_HASH_LENGTH];
	/* printf 'alice\0000123456789abcdef' | sha256sum */
	static const uint8_t expected[] = {0xc7, 0x60, 0x5b, 0x73, 0xd1, 0x7a, 0xab, 0xe9, 0x6a, 0xf1, 0xa8, 0x72, 0x0d, 0x4a, 0x48, 0xab};
	assert_int_equal(digest_init(&digest), OK);
	assert_true(idempotency_key_parse(SLICE("0123456789abcdef"), &key));
	idempotency_hash(&digest, SLICE("alice"), &key, hash);
	assert_memory_equal(hash, expected, sizeof expected);
	idempotency_hash(&digest, SLICE("bob"), &key, other);
	assert_memory_not_equal(hash, other, sizeof hash);
	digest_release(&digest);
}

static void the_fingerprint_covers_method_path_and_body(void **state)
{
	(void)state;
	struct digest digest;
	uint8_t first[IDEMPOTENCY_HASH_LENGTH], other[IDEMPOTENCY_HASH_LENGTH];
	/* printf 'POST /v1/holds\n{}' | sha256sum */
	static const uint8_t expected[] = {0xce, 0xc0, 0xe3, 0xc0, 0xca, 0x06, 0xe3, 0x6b, 0x7d, 0xf0, 0x9e, 0x1b, 0x03, 0xeb, 0x15, 0xf5};
	assert_int_equal(digest_init(&digest), OK);
	idempotency_fingerprint(&digest, SLICE("POST"), SLICE("/v1/holds"), SLICE("{}"), first);
	assert_memory_equal(first, expected, sizeof expected);
	idempotency_fingerprint(&digest, SLICE("POST"), SLICE("/v1/orders"), SLICE("{}"), other);
	assert_memory_not_equal(first, other, sizeof first);
	idempotency_fingerprint(&digest, SLICE("POST"), SLICE("/v1/holds"), SLICE("{ }"), other);
	assert_memory_not_equal(first, other, sizeof first);
	idempotency_fingerprint(&digest, SLICE("POST"), SLICE("/v1/holds"), (struct slice){0}, other);
	assert_memory_not_equal(first, other, sizeof first);
	digest_release(&digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_and_quoted_are_the_same_key),
		cmocka_unit_test(other_keys_are_refused),
		cmocka_unit_test(a_key_has_16_to_255_characters),
		cmocka_unit_test(the_hash_is_the_callers_own),
		cmocka_unit_test(the_fingerprint_covers_method_path_and_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
