/* fuzz_jwks.c: any bytes as a key set, and as PEM. A key that is taken is public, strong, pinned to algorithms, and survives a token. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwt_claims.h"
#include "auth/jwt_keys.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const struct jwt_public_key *key)
{
	static const char bytes[512];
	assert(key->algorithms != 0 && key->algorithms >> JWT_ALGORITHM_COUNT == 0);
	assert((key->algorithms & 1U << JWT_HS256) == 0);
	assert(key->kid_length <= JWT_KID_LENGTH_MAX);
	assert(!EVP_PKEY_is_a(key->key, "RSA") || EVP_PKEY_get_bits(key->key) >= JWT_RSA_BITS_MIN);
	for (enum jwt_algorithm algorithm = JWT_RS256; algorithm < JWT_ALGORITHM_COUNT; algorithm++) {
		if ((key->algorithms & 1U << algorithm) == 0)
			continue;
		struct slice zeros = {.data = bytes, .length = algorithm == JWT_ES256 || algorithm == JWT_EDDSA ? 64 : 256};
		/* Of Ed25519 a key of small order takes zeros for a signature of some texts: the issuer alone could publish one. */
		bool is_taken = jwt_key_verify(key, algorithm, SLICE("e30.e30"), zeros) == JWT_OK;
		assert(!is_taken || algorithm == JWT_EDDSA);
	}
}

static void check_keys(struct jwt_keys *keys, bool are_named)
{
	assert(keys->count >= 1 && keys->count <= JWT_KEYS_MAX);
	for (uint32_t i = 0; i < keys->count; i++) {
		check_key(&keys->keys[i]);
		assert(are_named || keys->keys[i].kid_length == 0);
	}
	jwt_keys_release(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {.data = size == 0 ? "" : (const char *)data, .length = size};
	struct jwt_keys *keys = NULL;
	enum error error = jwt_keys_from_jwks(text, &keys);
	assert((error == OK) == (keys != NULL));
	if (error == OK)
		check_keys(keys, true);
	keys = NULL;
	error = jwt_keys_from_pem(text, &keys);
	assert((error == OK) == (keys != NULL));
	if (error == OK)
		check_keys(keys, false);
	return 0;
}
