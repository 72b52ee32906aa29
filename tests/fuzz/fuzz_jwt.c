/* fuzz_jwt.c: any bytes as a token, and as the header and payload of one that is rightly signed: "header LF payload". */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/base64url.h"
#include "auth/digest.h"
#include "auth/jwt.h"
#include "base/utf8.h"

#define NOW_MS UINT64_C(1767323045000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice secret = {.data = "0123456789abcdef0123456789abcdef", .length = 32};

static struct jwt_verifier *new_verifier(void)
{
	struct jwt_verifier *verifier;
	static struct jwt_keyring keyring;
	jwt_keyring_init(&keyring);
	keyring.secrets[keyring.secret_count++] = secret;
	const struct jwt_verifier_options options = {
		.keyring = &keyring, .issuer = SLICE("issuer"), .audience = SLICE("tro"), .cache_capacity = 4, .seed = {.k0 = 1, .k1 = 2}};
	if (jwt_verifier_new(&options, &verifier) != OK)
		abort();
	return verifier;
}

static void sign(struct slice header, struct slice payload, struct buffer *token)
{
	struct hmac hmac;
	uint8_t code[DIGEST_LENGTH];
	base64url_append(token, header.data, header.length);
	buffer_append_byte(token, '.');
	base64url_append(token, payload.data, payload.length);
	if (hmac_init(&hmac, secret) != OK)
		abort();
	struct slice covered = buffer_slice(token);
	hmac_compute(&hmac, &covered, 1, code);
	hmac_release(&hmac);
	buffer_append_byte(token, '.');
	base64url_append(token, code, sizeof code);
}

static void verify_signed(struct jwt_verifier *verifier, struct slice text)
{
	struct slice payload = text;
	struct slice header;
	struct buffer token;
	if (!slice_cut(&payload, '\n', &header))
		return;
	buffer_init(&token, NULL, (size_t)4 << 20);
	sign(header, payload, &token);
	struct jwt_claims claims, again;
	enum jwt_verdict verdict = jwt_verify(verifier, buffer_slice(&token), NOW_MS, &claims);
	assert(verdict != JWT_SIGNATURE_WRONG);
	assert(jwt_verify(verifier, buffer_slice(&token), NOW_MS, &again) == verdict);
	if (verdict == JWT_OK) {
		assert(claims.user_length >= 1 && claims.user_length <= JWT_USER_LENGTH_MAX && utf8_is_printable(jwt_user(&claims)));
		assert(claims.expires_at_ms > NOW_MS && claims.not_before_ms <= NOW_MS);
		assert(slice_equal(jwt_user(&claims), jwt_user(&again)) && claims.scopes == again.scopes);
		assert(jwt_verify(verifier, buffer_slice(&token), claims.expires_at_ms, &again) == JWT_EXPIRED);
	}
	buffer_release(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_verifier *verifier;
	if (verifier == NULL)
		verifier = new_verifier();
	struct slice text = {.data = (const char *)data, .length = size};
	struct jwt_claims claims;
	assert(jwt_verify(verifier, text, NOW_MS, &claims) != JWT_OK);
	verify_signed(verifier, text);
	return 0;
}
