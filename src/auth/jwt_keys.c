/* jwt_keys.c: the set, its keys from PEM, and what each kind of key must be. */
#include "auth/jwt_keys.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"

static const char *const algorithm_names[JWT_ALGORITHM_COUNT] = {
	[JWT_HS256] = "HS256", [JWT_RS256] = "RS256", [JWT_PS256] = "PS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA",
};

enum jwt_algorithm jwt_algorithm_of(struct slice name)
{
	for (enum jwt_algorithm algorithm = JWT_HS256; algorithm < JWT_ALGORITHM_COUNT; algorithm++) {
		if (slice_equal_string(name, algorithm_names[algorithm]))
			return algorithm;
	}
	return JWT_ALGORITHM_COUNT;
}

struct jwt_keys *jwt_keys_new(void)
{
	struct jwt_keys *keys = calloc(1, sizeof *keys);
	if (keys != NULL)
		atomic_init(&keys->references, 1);
	return keys;
}

struct jwt_keys *jwt_keys_retain(struct jwt_keys *keys)
{
	assert(keys != NULL);

	atomic_fetch_add(&keys->references, 1);
	return keys;
}

void jwt_keys_release(struct jwt_keys *keys)
{
	if (keys == NULL || atomic_fetch_sub(&keys->references, 1) != 1)
		return;
	for (uint32_t i = 0; i < keys->count; i++)
		EVP_PKEY_free(keys->keys[i].key);
	free(keys);
}

/* The algorithms that a key of this kind may have; 0 when it may not be used at all. */
static uint32_t algorithms_of(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA")) {
		int bits = EVP_PKEY_get_bits(key);
		return bits < JWT_RSA_BITS_MIN || bits > JWT_RSA_BITS_MAX ? 0 : 1U << JWT_RS256 | 1U << JWT_PS256;
	}
	if (EVP_PKEY_is_a(key, "EC")) {
		char group[32];
		size_t length;
		bool is_p256 = EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1 && strcmp(group, "prime256v1") == 0;
		return is_p256 ? 1U << JWT_ES256 : 0;
	}
	return EVP_PKEY_is_a(key, "ED25519") ? 1U << JWT_EDDSA : 0;
}

static bool make_mark(EVP_PKEY *key, uint32_t algorithms, uint8_t mark[static JWT_KEY_MARK_LENGTH])
{
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);
	if (length <= 0)
		return false;
	struct digest digest;
	uint8_t hash[DIGEST_LENGTH];
	bool is_made = digest_init(&digest) == OK;
	if (is_made) {
		const struct slice parts[] = {{.data = (const char *)der, .length = (size_t)length},
		                              {.data = (const char *)&algorithms, .length = sizeof algorithms}};
		digest_compute(&digest, parts, ARRAY_LENGTH(parts), hash);
		memcpy(mark, hash, JWT_KEY_MARK_LENGTH);
		digest_release(&digest);
	}
	OPENSSL_free(der);
	return is_made;
}

enum error jwt_keys_add(struct jwt_keys *keys, EVP_PKEY *key, uint32_t algorithms, struct slice kid)
{
	assert(keys != NULL && key != NULL);
	assert(kid.length <= JWT_KID_LENGTH_MAX);

	enum error error = OK;
	if (algorithms == 0 || (algorithms & ~algorithms_of(key)) != 0)
		error = ERR_CORRUPT;
	else if (keys->count == JWT_KEYS_MAX)
		error = ERR_LIMIT;
	struct jwt_public_key added = {.key = key, .algorithms = algorithms, .kid_length = (uint8_t)kid.length};
	if (error == OK && !make_mark(key, algorithms, added.mark))
		error = ERR_NO_MEMORY;
	if (error != OK) {
		EVP_PKEY_free(key);
		return error;
	}
	if (kid.length > 0)
		memcpy(added.kid, kid.data, kid.length);
	keys->keys[keys->count++] = added;
	return OK;
}

static enum error add_pem_block(struct jwt_keys *keys, struct slice block)
{
	BIO *text = BIO_new_mem_buf(block.data, (int)block.length);
	if (text == NULL)
		return ERR_NO_MEMORY;
	EVP_PKEY *key = PEM_read_bio_PUBKEY(text, NULL, NULL, NULL);
	BIO_free(text);
	ERR_clear_error();
	return key == NULL ? ERR_CORRUPT : jwt_keys_add(keys, key, algorithms_of(key), (struct slice){0});
}

/* Block by block: OpenSSL's error at the end of the text differs between its releases. */
static enum error add_pem_blocks(struct jwt_keys *keys, struct slice rest)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END PUBLIC KEY-----";
	for (;;) {
		const char *start = memmem(rest.data, rest.length, begin, sizeof begin - 1);
		if (start == NULL)
			return keys->count > 0 ? OK : ERR_CORRUPT;
		rest.length -= (size_t)(start - rest.data);
		rest.data = start;
		if (keys->count == JWT_KEYS_TRIED_MAX)
			return ERR_CORRUPT;
		const char *stop = memmem(rest.data, rest.length, end, sizeof end - 1);
		if (stop == NULL)
			return ERR_CORRUPT;
		size_t length = (size_t)(stop - start) + sizeof end - 1;
		enum error error = add_pem_block(keys, (struct slice){.data = start, .length = length});
		if (error != OK)
			return error;
		rest = (struct slice){.data = start + length, .length = rest.length - length};
	}
}

enum error jwt_keys_from_pem(struct slice pem, struct jwt_keys **ret_keys)
{
	assert(pem.data != NULL && ret_keys != NULL);

	static const char private_key[] = "PRIVATE KEY-----";
	if (pem.length > JWT_JWKS_LENGTH_MAX || memmem(pem.data, pem.length, private_key, sizeof private_key - 1) != NULL)
		return ERR_CORRUPT;
	struct jwt_keys *keys = jwt_keys_new();
	enum error error = keys == NULL ? ERR_NO_MEMORY : add_pem_blocks(keys, pem);
	if (error != OK) {
		jwt_keys_release(keys);
		return error;
	}
	*ret_keys = keys;
	return OK;
}
