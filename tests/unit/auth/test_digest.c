/* test_digest.c: published vectors, and that an object can be used again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/hmac.h>
#include <string.h>

#include "auth/digest.h"
#include "base/hex.h"

static void expect_hex(const uint8_t bytes[static DIGEST_LENGTH], const char *digits)
{
	char text[2 * DIGEST_LENGTH + 1];
	*hex_encode(bytes, DIGEST_LENGTH, text) = '\0';
	assert_string_equal(text, digits);
}

static void sha256_is_that_of_fips_180(void **state)
{
	(void)state;
	struct digest digest;
	uint8_t hash[DIGEST_LENGTH];
	assert_int_equal(digest_init(&digest), OK);
	for (int i = 0; i < 2; i++) {
		digest_compute(&digest, (const struct slice[]){SLICE("a"), SLICE(""), SLICE("bc")}, 3, hash);
		expect_hex(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		digest_compute(&digest, NULL, 0, hash);
		expect_hex(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	}
	digest_release(&digest);
	digest_release(&digest);
}

static void hmac_is_that_of_rfc_4231(void **state)
{
	(void)state;
	struct hmac hmac;
	uint8_t code[DIGEST_LENGTH];
	assert_int_equal(hmac_init(&hmac, SLICE("Jefe")), OK);
	for (int i = 0; i < 2; i++) {
		hmac_compute(&hmac, (const struct slice[]){SLICE("what do ya want "), SLICE("for nothing?")}, 2, code);
		expect_hex(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	}
	hmac_release(&hmac);
	hmac_release(&hmac);

	char key[131]; /* a block has 64 bytes: a longer key is hashed first */
	memset(key, 0xaa, sizeof key);
	assert_int_equal(hmac_init(&hmac, (struct slice){.data = key, .length = sizeof key}), OK);
	hmac_compute(&hmac, &SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), 1, code);
	expect_hex(code, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_release(&hmac);
}

static void hmac_is_that_of_openssl(void **state)
{
	(void)state;
	char bytes[200];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(7 * i);
	for (size_t length = 1; length <= 130; length++) {
		struct hmac hmac;
		uint8_t code[DIGEST_LENGTH], expected[DIGEST_LENGTH];
		assert_int_equal(hmac_init(&hmac, (struct slice){.data = bytes, .length = length}), OK);
		hmac_compute(&hmac, &(struct slice){.data = bytes + 1, .length = length}, 1, code);
		assert_non_null(HMAC(EVP_sha256(), bytes, (int)length, (unsigned char *)bytes + 1, length, expected, NULL));
		assert_memory_equal(code, expected, sizeof code);
		hmac_release(&hmac);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_that_of_fips_180),
		cmocka_unit_test(hmac_is_that_of_rfc_4231),
		cmocka_unit_test(hmac_is_that_of_openssl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
