/* digest.c: see digest.h.
 *
 * OpenSSL 3 would have this done by EVP, which allocates for each hash and each code, and so could fail in the middle of a request. The
 * functions that it calls deprecated do not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>

/* The hash that was begun, with the parts behind what it has. */
static void finish(const SHA256_CTX *begun, const struct slice *parts, uint32_t count, uint8_t *hash)
{
	assert(begun != NULL && hash != NULL);
	assert(parts != NULL || count == 0);

	SHA256_CTX context = *begun;
	bool is_done = true;
	for (uint32_t i = 0; i < count; i++)
		is_done = is_done && SHA256_Update(&context, parts[i].data, parts[i].length) == 1;
	is_done = is_done && SHA256_Final(hash, &context) == 1;
	assert(is_done); /* they check nothing that could be otherwise */
}

enum error digest_init(struct digest *digest)
{
	assert(digest != NULL);
	return SHA256_Init(&digest->begun) == 1 ? OK : ERR_NO_MEMORY;
}

void digest_release(struct digest *digest)
{
	*digest = (struct digest){0};
}

void digest_compute(const struct digest *digest, const struct slice *parts, uint32_t count, uint8_t hash[static DIGEST_LENGTH])
{
	assert(digest->begun.md_len == DIGEST_LENGTH);
	finish(&digest->begun, parts, count, hash);
}

static bool begin_padded(SHA256_CTX *context, const uint8_t key[static SHA256_CBLOCK], uint8_t padding)
{
	uint8_t block[SHA256_CBLOCK];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = key[i] ^ padding;
	bool is_done = SHA256_Init(context) == 1 && SHA256_Update(context, block, sizeof block) == 1;
	OPENSSL_cleanse(block, sizeof block);
	return is_done;
}

enum error hmac_init(struct hmac *hmac, struct slice secret)
{
	assert(hmac != NULL);
	assert(secret.length > 0);

	struct digest digest;
	uint8_t key[SHA256_CBLOCK] = {0};
	enum error error = digest_init(&digest);
	if (error != OK)
		return error;
	if (secret.length > sizeof key)
		digest_compute(&digest, &secret, 1, key);
	else
		memcpy(key, secret.data, secret.length);
	bool is_done = begin_padded(&hmac->inner, key, 0x36) && begin_padded(&hmac->outer, key, 0x5c);
	OPENSSL_cleanse(key, sizeof key);
	return is_done ? OK : ERR_NO_MEMORY;
}

void hmac_release(struct hmac *hmac)
{
	OPENSSL_cleanse(hmac, sizeof *hmac);
}

void hmac_compute(const struct hmac *hmac, const struct slice *parts, uint32_t count, uint8_t code[static DIGEST_LENGTH])
{
	assert(hmac->inner.md_len == DIGEST_LENGTH);
	uint8_t hash[DIGEST_LENGTH];
	finish(&hmac->inner, parts, count, hash);
	finish(&hmac->outer, &(struct slice){.data = (const char *)hash, .length = sizeof hash}, 1, code);
}
