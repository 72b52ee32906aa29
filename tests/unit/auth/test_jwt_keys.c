/* test_jwt_keys.c: key sets: keys that are taken, keys that are left out, and the example of RFC 8037. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "auth/base64url.h"
#include "auth/jwt_claims.h"
#include "auth/jwt_keys.h"

#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_KEY "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\""

static void the_example_of_rfc_8037_has_a_good_signature(void **state)
{
	(void)state;
	static const char covered[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	static const char text[] = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	uint8_t signature[64];
	struct jwt_keys *keys = NULL;
	assert_true(base64url_decode(slice_of(text), signature));
	assert_int_equal(jwt_keys_from_jwks(SLICE("{\"keys\":[{" ED_KEY "}]}"), &keys), OK);
	assert_int_equal(keys->count, 1);
	assert_int_equal(keys->keys[0].algorithms, 1U << JWT_EDDSA);
	struct slice bytes = {.data = (const char *)signature, .length = sizeof signature};
	assert_int_equal(jwt_key_verify(&keys->keys[0], JWT_EDDSA, slice_of(covered), bytes), JWT_OK);
	signature[5] ^= 1;
	assert_int_equal(jwt_key_verify(&keys->keys[0], JWT_EDDSA, slice_of(covered), bytes), JWT_SIGNATURE_WRONG);
	jwt_keys_release(keys);
}

static void keys_that_cannot_verify_are_left_out(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		"[]",
		"{}",
		"{\"keys\":[]}",
		"{\"keys\":[1,null,{}]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[{" ED_KEY ",\"alg\":\"HS256\"}]}",
		"{\"keys\":[{" ED_KEY ",\"alg\":\"RS256\"}]}",
		"{\"keys\":[{" ED_KEY ",\"use\":\"enc\"}]}",
		"{\"keys\":[{" ED_KEY ",\"key_ops\":[\"sign\"]}]}",
		"{\"keys\":[{" ED_KEY ",\"d\":\"AAAA\"}]}",
		"{\"keys\":[{" ED_KEY ",\"kid\":\"\"}]}",
		"{\"keys\":[{" ED_KEY ",\"x\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ED_X "\",\"y\":\"" ED_X "\"}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct jwt_keys *keys = NULL;
		if (jwt_keys_from_jwks(slice_of(refused[i]), &keys) != ERR_CORRUPT)
			fail_msg("taken: %s", refused[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_8037_has_a_good_signature),
		cmocka_unit_test(keys_that_cannot_verify_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
