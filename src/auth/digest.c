/* digest.c: looking up an algorithm in OpenSSL 3 costs more than hashing a short text, so it happens once. */
#include "auth/digest.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

enum error digest_init(struct digest *digest)
{
	assert(digest != NULL);

	EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (algorithm == NULL || context == NULL) {
		EVP_MD_CTX_free(context);
		EVP_MD_free(algorithm);
		return ERR_NO_MEMORY;
	}
	*digest = (struct digest){.algorithm = algorithm, .context = context};
	return OK;
}

void digest_release(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	EVP_MD_free(digest->algorithm);
	*digest = (struct digest){0};
}

void digest_compute(struct digest *digest, const struct slice *parts, uint32_t count, uint8_t hash[static DIGEST_LENGTH])
{
	assert(digest->context != NULL);
	assert(parts != NULL || count == 0);

	bool is_done = EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL) == 1;
	for (uint32_t i = 0; i < count; i++)
		is_done = is_done && EVP_DigestUpdate(digest->context, parts[i].data, parts[i].length) == 1;
	is_done = is_done && EVP_DigestFinal_ex(digest->context, hash, NULL) == 1;
	assert(is_done);
}

enum error hmac_init(struct hmac *hmac, struct slice secret)
{
	assert(hmac != NULL);
	assert(secret.length > 0);

	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
	EVP_MAC_free(algorithm); /* the context holds on to it */
	char hash_name[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash_name, 0),
		OSSL_PARAM_construct_end(),
	};
	if (context == NULL || EVP_MAC_init(context, (const unsigned char *)secret.data, secret.length, parameters) != 1) {
		EVP_MAC_CTX_free(context);
		return ERR_NO_MEMORY;
	}
	hmac->context = context;
	return OK;
}

void hmac_release(struct hmac *hmac)
{
	EVP_MAC_CTX_free(hmac->context);
	*hmac = (struct hmac){0};
}

void hmac_compute(struct hmac *hmac, const struct slice *parts, uint32_t count, uint8_t code[static DIGEST_LENGTH])
{
	assert(hmac->context != NULL);
	assert(parts != NULL || count == 0);

	size_t length = 0;
	bool is_done = EVP_MAC_init(hmac->context, NULL, 0, NULL) == 1; /* again, with the key it has */
	for (uint32_t i = 0; i < count; i++)
		is_done = is_done && EVP_MAC_update(hmac->context, (const unsigned char *)parts[i].data, parts[i].length) == 1;
	is_done = is_done && EVP_MAC_final(hmac->context, code, &length, DIGEST_LENGTH) == 1;
	assert(is_done && length == DIGEST_LENGTH);
}
