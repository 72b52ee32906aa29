/* test_jwt_keyring.c: keys that are published while verifiers work, and which key a token's kid leads to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/jwt.h"

#define NOW_MS UINT64_C(1767323045000)
#define ROUNDS 400
#define TOKEN_LENGTH_MAX 512

struct issuer {
	EVP_PKEY *key;
	char token[TOKEN_LENGTH_MAX];
	size_t length;
};

/* A key, and a token that it signed, with a kid unless that is empty. */
static struct issuer new_issuer(const char *kid)
{
	struct issuer issuer = {.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	static const char claims[] = "{\"sub\":\"ada\",\"exp\":1767326645}";
	char header[128];
	struct buffer token;
	uint8_t signature[64];
	size_t length = sizeof signature;
	int header_length = kid[0] == '\0' ? snprintf(header, sizeof header, "{\"alg\":\"EdDSA\"}")
	                                   : snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid);
	buffer_init(&token, NULL, TOKEN_LENGTH_MAX);
	base64url_append(&token, header, (size_t)header_length);
	buffer_append_byte(&token, '.');
	base64url_append(&token, claims, sizeof claims - 1);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, issuer.key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &length, (const unsigned char *)token.data, token.length), 1);
	EVP_MD_CTX_free(context);
	buffer_append_byte(&token, '.');
	base64url_append(&token, signature, sizeof signature);
	assert_false(token.failed);
	memcpy(issuer.token, token.data, token.length);
	issuer.length = token.length;
	buffer_release(&token);
	return issuer;
}

static void add(struct jwt_keys *keys, const struct issuer *issuer, const char *kid)
{
	assert_int_equal(EVP_PKEY_up_ref(issuer->key), 1);
	assert_int_equal(jwt_keys_add(keys, issuer->key, 1U << JWT_EDDSA, slice_of(kid)), OK);
}

static void publish(struct jwt_keyring *keyring, const struct issuer *issuer, const char *kid)
{
	struct jwt_keys *keys = jwt_keys_new();
	add(keys, issuer, kid);
	jwt_keyring_publish(keyring, keys);
}

static struct jwt_verifier *new_verifier(struct jwt_keyring *keyring)
{
	struct jwt_verifier *verifier = NULL;
	const struct jwt_verifier_options options = {.keyring = keyring, .cache_capacity = 16, .seed = {.k0 = 1, .k1 = 2}};
	assert_int_equal(jwt_verifier_new(&options, &verifier), OK);
	return verifier;
}

static enum jwt_verdict verify(struct jwt_verifier *verifier, const struct issuer *issuer)
{
	struct jwt_claims claims;
	struct slice token = {.data = issuer->token, .length = issuer->length};
	return jwt_verify(verifier, token, NOW_MS, &claims);
}

static void a_remembered_token_is_void_when_its_key_leaves(void **state)
{
	(void)state;
	struct issuer first = new_issuer("a"), second = new_issuer("b");
	struct jwt_keyring keyring;
	jwt_keyring_init(&keyring);
	keyring.are_keys_published = true;
	struct jwt_verifier *verifier = new_verifier(&keyring);
	assert_int_equal(verify(verifier, &first), JWT_KEY_UNKNOWN);
	assert_true(keyring.is_key_missing);
	publish(&keyring, &first, "a");
	assert_int_equal(verify(verifier, &first), JWT_OK);
	assert_int_equal(verify(verifier, &first), JWT_OK);
	publish(&keyring, &second, "b");
	assert_int_equal(verify(verifier, &first), JWT_KEY_UNKNOWN);
	assert_int_equal(verify(verifier, &second), JWT_OK);
	publish(&keyring, &second, "a"); /* another key by the name of the first */
	assert_int_equal(verify(verifier, &first), JWT_SIGNATURE_WRONG);
	jwt_verifier_free(verifier);
	jwt_keyring_release(&keyring);
	EVP_PKEY_free(first.key);
	EVP_PKEY_free(second.key);
}

/* Keys without a name are tried for every token: that their signature is another one says nothing about the key that the token names. */
static void an_unknown_key_is_missed_beside_keys_without_a_name(void **state)
{
	(void)state;
	struct issuer own = new_issuer(""), kidless = new_issuer(""), named = new_issuer("a"), later = new_issuer("b"),
		      forger = new_issuer("a");
	struct jwt_keyring keyring;
	jwt_keyring_init(&keyring);
	keyring.are_keys_published = true;
	keyring.own = jwt_keys_new();
	add(keyring.own, &own, "");
	publish(&keyring, &named, "a");
	struct jwt_verifier *verifier = new_verifier(&keyring);
	assert_int_equal(verify(verifier, &own), JWT_OK);
	assert_int_equal(verify(verifier, &named), JWT_OK);
	assert_int_equal(verify(verifier, &forger), JWT_SIGNATURE_WRONG);
	assert_false(keyring.is_key_missing);
	assert_int_equal(verify(verifier, &later), JWT_SIGNATURE_WRONG);
	assert_true(keyring.is_key_missing);

	keyring.is_key_missing = false;
	publish(&keyring, &own, "");
	assert_int_equal(verify(verifier, &own), JWT_OK);
	assert_false(keyring.is_key_missing);
	assert_int_equal(verify(verifier, &kidless), JWT_SIGNATURE_WRONG);
	assert_true(keyring.is_key_missing);
	jwt_verifier_free(verifier);
	jwt_keyring_release(&keyring);
	EVP_PKEY_free(own.key);
	EVP_PKEY_free(kidless.key);
	EVP_PKEY_free(named.key);
	EVP_PKEY_free(later.key);
	EVP_PKEY_free(forger.key);
}

static void the_key_of_a_kid_is_found_behind_many_without_a_name(void **state)
{
	(void)state;
	struct issuer other = new_issuer(""), named = new_issuer("named");
	struct jwt_keyring keyring;
	jwt_keyring_init(&keyring);
	keyring.are_keys_published = true;
	keyring.own = jwt_keys_new();
	struct jwt_keys *published = jwt_keys_new();
	for (uint32_t i = 0; i < JWT_KEYS_TRIED_MAX; i++)
		add(keyring.own, &other, "");
	for (uint32_t i = 0; i < JWT_KEYS_TRIED_MAX; i++)
		add(published, &other, "");
	add(published, &named, "named");
	jwt_keyring_publish(&keyring, published);
	struct jwt_verifier *verifier = new_verifier(&keyring);
	assert_int_equal(verify(verifier, &named), JWT_OK);
	assert_int_equal(verify(verifier, &other), JWT_OK);
	jwt_verifier_free(verifier);
	jwt_keyring_release(&keyring);
	EVP_PKEY_free(other.key);
	EVP_PKEY_free(named.key);
}

struct loop {
	struct jwt_keyring *keyring;
	const struct issuer *steady;   /* its key is always there */
	const struct issuer *changing; /* its key comes and goes */
	_Atomic bool *is_over;
	uint32_t wrong;
};

static void *run_loop(void *context)
{
	struct loop *loop = context;
	struct jwt_verifier *verifier = new_verifier(loop->keyring);
	while (!atomic_load(loop->is_over)) {
		enum jwt_verdict verdict = verify(verifier, loop->changing);
		loop->wrong += verify(verifier, loop->steady) != JWT_OK;
		loop->wrong += verdict != JWT_OK && verdict != JWT_KEY_UNKNOWN;
	}
	loop->wrong += verify(verifier, loop->changing) != JWT_KEY_UNKNOWN;
	jwt_verifier_free(verifier);
	return NULL;
}

static void keys_change_while_threads_verify(void **state)
{
	(void)state;
	struct issuer steady = new_issuer("steady"), changing = new_issuer("changing");
	struct jwt_keyring keyring;
	_Atomic bool is_over = false;
	jwt_keyring_init(&keyring);
	keyring.are_keys_published = true;
	publish(&keyring, &steady, "steady");
	struct loop loops[3];
	pthread_t threads[ARRAY_LENGTH(loops)];
	for (size_t i = 0; i < ARRAY_LENGTH(loops); i++) {
		loops[i] = (struct loop){.keyring = &keyring, .steady = &steady, .changing = &changing, .is_over = &is_over};
		assert_int_equal(pthread_create(&threads[i], NULL, run_loop, &loops[i]), 0);
	}
	for (uint32_t i = 0; i <= ROUNDS; i++) {
		struct jwt_keys *keys = jwt_keys_new();
		add(keys, &steady, "steady");
		if (i % 2 == 1)
			add(keys, &changing, "changing");
		jwt_keyring_publish(&keyring, keys);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < ARRAY_LENGTH(loops); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(loops[i].wrong, 0);
	}
	jwt_keyring_release(&keyring);
	EVP_PKEY_free(steady.key);
	EVP_PKEY_free(changing.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_remembered_token_is_void_when_its_key_leaves),
		cmocka_unit_test(an_unknown_key_is_missed_beside_keys_without_a_name),
		cmocka_unit_test(the_key_of_a_kid_is_found_behind_many_without_a_name),
		cmocka_unit_test(keys_change_while_threads_verify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
