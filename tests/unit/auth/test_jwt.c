/* test_jwt.c: tokens that are accepted, and those that are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "auth/base64url.h"
#include "auth/digest.h"
#include "auth/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_MS UINT64_C(1767323045000)
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define EXP "\"exp\":1767323046"

static const struct jwt_key key = {.algorithm = JWT_HS256, .secret = {.data = SECRET, .length = sizeof SECRET - 1}};

static struct jwt_keyring secret_keyring = {
	.secrets = {{.data = SECRET, .length = sizeof SECRET - 1}}, .secret_count = 1, .mutex = PTHREAD_MUTEX_INITIALIZER};

static struct jwt_verifier *verifier_of(const char *issuer, const char *audience)
{
	struct jwt_verifier *verifier = NULL;
	const struct jwt_verifier_options options = {.keyring = &secret_keyring,
	                                             .issuer = slice_of(issuer),
	                                             .audience = slice_of(audience),
	                                             .cache_capacity = 4,
	                                             .seed = {.k0 = 1, .k1 = 2}};
	assert_int_equal(jwt_verifier_new(&options, &verifier), OK);
	return verifier;
}

/* A token of any header and payload, rightly signed. */
static void make_token(struct buffer *token, struct slice header, struct slice payload)
{
	buffer_init(token, NULL, 64 * 1024);
	base64url_append(token, header.data, header.length);
	buffer_append_byte(token, '.');
	base64url_append(token, payload.data, payload.length);
	struct hmac hmac;
	uint8_t code[DIGEST_LENGTH];
	assert_int_equal(hmac_init(&hmac, key.secret), OK);
	hmac_compute(&hmac, &(struct slice){.data = token->data, .length = token->length}, 1, code);
	hmac_release(&hmac);
	buffer_append_byte(token, '.');
	base64url_append(token, code, sizeof code);
}

static enum jwt_verdict verdict_with(struct jwt_verifier *verifier, const char *header, const char *payload, struct jwt_claims *claims)
{
	struct buffer token;
	make_token(&token, slice_of(header), slice_of(payload));
	enum jwt_verdict verdict = jwt_verify(verifier, buffer_slice(&token), NOW_MS, claims);
	buffer_release(&token);
	jwt_verifier_free(verifier);
	return verdict;
}

static enum jwt_verdict verdict_of(const char *header, const char *payload)
{
	struct jwt_claims claims;
	return verdict_with(verifier_of(NULL, NULL), header, payload, &claims);
}

static void a_signed_token_is_verified(void **state)
{
	(void)state;
	const struct jwt_grant grant = {.user = SLICE("alice"),
	                                .scope = SLICE("tro:service other tro:admin"),
	                                .issuer = SLICE("https://issuer.example"),
	                                .audience = SLICE("tro"),
	                                .issued_at_ms = NOW_MS,
	                                .expires_at_ms = NOW_MS + 60000};
	struct buffer token;
	buffer_init(&token, NULL, JWT_TOKEN_LENGTH_MAX);
	assert_int_equal(jwt_sign(&key, &grant, &token), OK);

	struct jwt_verifier *verifier = verifier_of("https://issuer.example", "tro");
	struct jwt_claims claims;
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_OK);
	assert_true(slice_equal_string(jwt_user(&claims), "alice"));
	assert_int_equal(claims.scopes, JWT_SCOPE_ADMIN | JWT_SCOPE_SERVICE);
	assert_true(claims.expires_at_ms == NOW_MS + 60000);
	jwt_verifier_free(verifier);
	buffer_release(&token);
}

static void the_example_of_rfc_7515_has_a_good_signature(void **state)
{
	(void)state;
	static const char example[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
				      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
				      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	static const char secret_text[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	uint8_t secret[64];
	assert_true(base64url_decode(slice_of(secret_text), secret));
	struct jwt_keyring keyring;
	jwt_keyring_init(&keyring);
	keyring.secrets[keyring.secret_count++] = (struct slice){.data = (const char *)secret, .length = sizeof secret};
	const struct jwt_verifier_options options = {.keyring = &keyring, .cache_capacity = 4};
	struct jwt_verifier *verifier;
	struct jwt_claims claims;
	assert_int_equal(jwt_verifier_new(&options, &verifier), OK);
	assert_int_equal(jwt_verify(verifier, slice_of(example), 0, &claims), JWT_CLAIMS_INVALID); /* it has no sub */
	jwt_verifier_free(verifier);
}

static void headers_that_ask_for_more_are_refused(void **state)
{
	(void)state;
	static const char payload[] = "{\"sub\":\"a\"," EXP "}";
	assert_int_equal(verdict_of(HEADER, payload), JWT_OK);
	assert_int_equal(verdict_of("{\"alg\":\"HS256\",\"kid\":\"1\",\"other\":{}}", payload), JWT_OK);
	static const char *const not_supported[] = {"{}",
	                                            "{\"alg\":\"none\"}",
	                                            "{\"alg\":\"None\"}",
	                                            "{\"alg\":\"hs256\"}",
	                                            "{\"alg\":\"HS384\"}",
	                                            "{\"alg\":\"RS256\"}",
	                                            "{\"alg\":null}",
	                                            "{\"alg\":[\"HS256\"]}",
	                                            "{\"alg\":\"\"}",
	                                            "{\"ALG\":\"HS256\"}",
	                                            "{\"alg\":\"HS256\",\"zip\":\"DEF\"}",
	                                            "{\"alg\":\"HS256\",\"crit\":[]}",
	                                            "{\"alg\":\"HS256\",\"b64\":true}",
	                                            "{\"alg\":\"HS256\",\"kid\":7}",
	                                            "{\"alg\":\"HS256\",\"jku\":\"https://x.example\"}",
	                                            "{\"alg\":\"HS256\",\"x5u\":\"https://x.example\"}",
	                                            "{\"alg\":\"HS256\",\"jwk\":{}}",
	                                            "{\"alg\":\"HS256\",\"\\u007aip\":\"DEF\"}"};
	for (size_t i = 0; i < ARRAY_LENGTH(not_supported); i++)
		assert_int_equal(verdict_of(not_supported[i], payload), JWT_NOT_SUPPORTED);
	static const char *const malformed[] = {
		"", "[]", "\"HS256\"", "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"} ,", "{alg:HS256}"};
	for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++)
		assert_int_equal(verdict_of(malformed[i], payload), JWT_MALFORMED);
}

static void claims_must_be_there_and_of_their_form(void **state)
{
	(void)state;
	static const char *const accepted[] = {
		"{\"sub\":\"a\",\"exp\":9223372036854775807}",
		"{\"sub\":\"a\"," EXP ",\"scp\":[\"tro:admin\"]}",
		"{\"sub\":\"a\"," EXP ",\"nbf\":1767323045}",
		"{\"sub\":\"a\"," EXP ",\"nbf\":-5}",
		"{\"sub\":\"a\"," EXP ",\"iat\":1,\"scope\":\"\",\"iss\":3,\"aud\":null}",
		"{\"sub\":\"\\u00e9\"," EXP ",\"scope\":\"  a  b \"}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		if (verdict_of(HEADER, accepted[i]) != JWT_OK)
			fail_msg("refused: %s", accepted[i]);
	}
	static const char *const invalid[] = {
		"{}",
		"{\"sub\":\"a\"}",
		"{" EXP "}",
		"{\"sub\":\"\"," EXP "}",
		"{\"sub\":7," EXP "}",
		"{\"sub\":null," EXP "}",
		"{\"sub\":[\"a\"]," EXP "}",
		"{\"sub\":\"a\\nb\"," EXP "}",
		"{\"sub\":\"a\\u007f\"," EXP "}",
		"{\"sub\":\"a\",\"exp\":\"1767323046\"}",
		"{\"sub\":\"a\",\"exp\":null}",
		"{\"sub\":\"a\",\"exp\":1767323046.5}",
		"{\"sub\":\"a\",\"exp\":2e9}",
		"{\"sub\":\"a\"," EXP ",\"iat\":\"1\"}",
		"{\"sub\":\"a\"," EXP ",\"nbf\":1.5}",
		"{\"sub\":\"a\"," EXP ",\"scp\":\"tro:admin\"}",
		"{\"sub\":\"a\"," EXP ",\"scp\":[1]}",
		"{\"sub\":\"a\",\"exp\":1e999}",
		"{\"sub\":\"a\"," EXP ",\"nbf\":\"0\"}",
		"{\"sub\":\"a\"," EXP ",\"scope\":[\"tro:admin\"]}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++) {
		if (verdict_of(HEADER, invalid[i]) != JWT_CLAIMS_INVALID)
			fail_msg("not invalid: %s", invalid[i]);
	}
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\",\"sub\":\"b\"," EXP "}"), JWT_MALFORMED);
	assert_int_equal(verdict_of(HEADER, "[]"), JWT_MALFORMED);
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"\xff\"," EXP "}"), JWT_MALFORMED);
}

static void a_user_has_at_most_128_bytes(void **state)
{
	(void)state;
	char payload[256];
	char user[JWT_USER_LENGTH_MAX + 2] = {0};
	memset(user, 'u', JWT_USER_LENGTH_MAX);
	snprintf(payload, sizeof payload, "{\"sub\":\"%s\"," EXP "}", user);
	assert_int_equal(verdict_of(HEADER, payload), JWT_OK);
	user[JWT_USER_LENGTH_MAX] = 'u';
	snprintf(payload, sizeof payload, "{\"sub\":\"%s\"," EXP "}", user);
	assert_int_equal(verdict_of(HEADER, payload), JWT_CLAIMS_INVALID);
}

static void times_are_kept_without_leeway(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\",\"exp\":1767323045}"), JWT_EXPIRED);
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\",\"exp\":0}"), JWT_EXPIRED);
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\",\"exp\":-1}"), JWT_EXPIRED);
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\"," EXP ",\"nbf\":1767323046}"), JWT_NOT_YET_VALID);
	assert_int_equal(verdict_of(HEADER, "{\"sub\":\"a\"," EXP ",\"nbf\":9223372036854775807}"), JWT_NOT_YET_VALID);
}

static void issuer_and_audience_count_when_configured(void **state)
{
	(void)state;
	static const struct {
		const char *payload;
		enum jwt_verdict verdict;
	} cases[] = {
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\",\"aud\":\"t\"}", JWT_OK},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\",\"aud\":[\"x\",3,\"t\"]}", JWT_OK},
		{"{\"sub\":\"a\"," EXP ",\"aud\":\"t\"}", JWT_ISSUER_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"I\",\"aud\":\"t\"}", JWT_ISSUER_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":[\"i\"],\"aud\":\"t\"}", JWT_ISSUER_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\"}", JWT_AUDIENCE_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\",\"aud\":\"tt\"}", JWT_AUDIENCE_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\",\"aud\":[]}", JWT_AUDIENCE_WRONG},
		{"{\"sub\":\"a\"," EXP ",\"iss\":\"i\",\"aud\":{\"t\":\"t\"}}", JWT_AUDIENCE_WRONG},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct jwt_claims claims;
		assert_int_equal(verdict_with(verifier_of("i", "t"), HEADER, cases[i].payload, &claims), cases[i].verdict);
	}
}

/* Each changed byte of a good token makes it a bad one: nothing in it may be spelt in two ways. */
static void no_byte_can_be_changed(void **state)
{
	(void)state;
	struct jwt_verifier *verifier = verifier_of(NULL, NULL);
	struct jwt_claims claims;
	struct buffer token;
	make_token(&token, SLICE(HEADER), SLICE("{\"sub\":\"a\"," EXP "}"));
	for (size_t i = 0; i < token.length; i++) {
		for (int bit = 0; bit < 8; bit++) {
			token.data[i] = (char)(token.data[i] ^ 1 << bit);
			assert_int_not_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_OK);
			token.data[i] = (char)(token.data[i] ^ 1 << bit);
		}
	}
	for (size_t length = 0; length < token.length; length++)
		assert_int_not_equal(jwt_verify(verifier, (struct slice){.data = token.data, .length = length}, NOW_MS, &claims), JWT_OK);
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_OK);
	buffer_append_byte(&token, '=');
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_MALFORMED);
	buffer_release(&token);
	jwt_verifier_free(verifier);
}

static void texts_other_than_tokens_are_malformed(void **state)
{
	(void)state;
	struct jwt_verifier *verifier = verifier_of(NULL, NULL);
	struct jwt_claims claims;
	static const char *const malformed[] = {"", ".", "..", "...", "a.b.c", "eyJhbGciOiJub25lIn0", "a.b.c.d", "Bearer x.y.z"};
	for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++)
		assert_int_equal(jwt_verify(verifier, slice_of(malformed[i]), NOW_MS, &claims), JWT_MALFORMED);
	/* "none" with an empty signature */
	assert_int_equal(jwt_verify(verifier, SLICE("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."), NOW_MS, &claims), JWT_NOT_SUPPORTED);

	struct buffer token;
	buffer_init(&token, NULL, 100 * 1024);
	for (int i = 0; i < 100 * 1024; i++)
		buffer_append_byte(&token, 'A');
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_MALFORMED);
	buffer_release(&token);
	jwt_verifier_free(verifier);
}

static void the_longest_token_is_verified(void **state)
{
	(void)state;
	char scope[6100];
	memset(scope, ' ', sizeof scope);
	struct jwt_grant grant = {.user = SLICE("a"), .expires_at_ms = NOW_MS + 1000};
	struct jwt_verifier *verifier = verifier_of(NULL, NULL);
	struct jwt_claims claims;
	struct buffer token;
	buffer_init(&token, NULL, 2 * JWT_TOKEN_LENGTH_MAX);
	size_t accepted = 0, refused = 0;
	for (grant.scope = (struct slice){scope, 6000}; grant.scope.length <= sizeof scope; grant.scope.length++) {
		buffer_clear(&token);
		enum error error = jwt_sign(&key, &grant, &token);
		assert_int_equal(error, token.length > JWT_TOKEN_LENGTH_MAX ? ERR_LIMIT : OK);
		enum jwt_verdict verdict = jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims);
		assert_int_equal(verdict, error == OK ? JWT_OK : JWT_MALFORMED);
		*(error == OK ? &accepted : &refused) += 1;
	}
	assert_true(accepted > 0 && refused > 0);
	grant.scope = (struct slice){scope, sizeof scope};
	grant.user = grant.scope;
	assert_int_equal(jwt_sign(&key, &grant, &token), ERR_LIMIT);
	buffer_release(&token);
	jwt_verifier_free(verifier);
}

static void a_remembered_token_still_expires(void **state)
{
	(void)state;
	struct jwt_verifier *verifier = verifier_of(NULL, NULL);
	struct jwt_claims claims;
	struct buffer token;
	make_token(&token, SLICE(HEADER), SLICE("{\"sub\":\"a\",\"nbf\":1767323045," EXP "}"));
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_OK);
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS + 999, &claims), JWT_OK);
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS + 1000, &claims), JWT_EXPIRED);
	assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS - 1, &claims), JWT_NOT_YET_VALID);
	buffer_release(&token);
	jwt_verifier_free(verifier);
}

static void more_tokens_than_are_remembered_are_all_verified(void **state)
{
	(void)state;
	struct jwt_verifier *verifier = verifier_of(NULL, NULL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 50; i++) {
			char user[32];
			snprintf(user, sizeof user, "user-%d", i);
			const struct jwt_grant grant = {.user = slice_of(user), .expires_at_ms = NOW_MS + 1000};
			struct jwt_claims claims;
			struct buffer token;
			buffer_init(&token, NULL, JWT_TOKEN_LENGTH_MAX);
			assert_int_equal(jwt_sign(&key, &grant, &token), OK);
			for (int again = 0; again < 2; again++) {
				assert_int_equal(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims), JWT_OK);
				assert_true(slice_equal_string(jwt_user(&claims), user));
			}
			buffer_release(&token);
		}
	}
	jwt_verifier_free(verifier);
	jwt_verifier_free(NULL);
}

static void every_verdict_has_a_text(void **state)
{
	(void)state;
	for (enum jwt_verdict verdict = JWT_OK; verdict <= JWT_AUDIENCE_WRONG; verdict++)
		assert_non_null(jwt_verdict_text(verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_token_is_verified),
		cmocka_unit_test(the_example_of_rfc_7515_has_a_good_signature),
		cmocka_unit_test(headers_that_ask_for_more_are_refused),
		cmocka_unit_test(claims_must_be_there_and_of_their_form),
		cmocka_unit_test(a_user_has_at_most_128_bytes),
		cmocka_unit_test(times_are_kept_without_leeway),
		cmocka_unit_test(issuer_and_audience_count_when_configured),
		cmocka_unit_test(no_byte_can_be_changed),
		cmocka_unit_test(texts_other_than_tokens_are_malformed),
		cmocka_unit_test(the_longest_token_is_verified),
		cmocka_unit_test(a_remembered_token_still_expires),
		cmocka_unit_test(more_tokens_than_are_remembered_are_all_verified),
		cmocka_unit_test(every_verdict_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
