/* jwt_signature.c: RFC 7518, sections 3.3 to 3.5 and RFC 8037, section 3.1, on EVP. */
#include <assert.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "auth/jwt_claims.h"
#include "auth/jwt_keys.h"

#define ES256_LENGTH 64 /* r and s, 32 bytes each */
#define ES256_DER_MAX 80

/* r and s of ES256_LENGTH bytes as DER has them. Answers the length; 0: there is no memory. */
static size_t es256_to_der(struct slice signature, unsigned char der[static ES256_DER_MAX])
{
	assert(signature.length == ES256_LENGTH);
	const unsigned char *bytes = (const unsigned char *)signature.data;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, ES256_LENGTH / 2, NULL);
	BIGNUM *s = BN_bin2bn(bytes + ES256_LENGTH / 2, ES256_LENGTH / 2, NULL);
	int length = 0;
	if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL; /* the pair owns them */
		length = i2d_ECDSA_SIG(pair, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return length > 0 ? (size_t)length : 0;
}

/* Empties the queue of this thread's errors. Whether one of them says, or can only come of it, that there was no memory: then OpenSSL has
 * not verified the signature, and answers as if it were wrong. */
static bool take_errors(void)
{
	bool lacked_memory = false;
	for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
		int library = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
		lacked_memory |= reason == ERR_R_MALLOC_FAILURE || (library == ERR_LIB_BN && reason == BN_R_TOO_MANY_TEMPORARY_VARIABLES) ||
		                 (library == ERR_LIB_EVP && reason == EVP_R_NOT_ABLE_TO_COPY_CTX);
	}
	return lacked_memory;
}

/* jwt_keys_add has refused keys that do not fit their algorithms, so this fails for want of memory only. */
static bool set_up(EVP_MD_CTX *context, const struct jwt_public_key *key, enum jwt_algorithm algorithm)
{
	EVP_PKEY_CTX *how = NULL; /* the context's */
	const char *digest = algorithm == JWT_EDDSA ? NULL : "SHA256";
	if (context == NULL || EVP_DigestVerifyInit_ex(context, &how, digest, NULL, NULL, key->key, NULL) != 1)
		return false;
	EVP_MD_CTX_set_flags(context, EVP_MD_CTX_FLAG_FINALISE); /* it is used once: no copy, whose failure would not be told */
	return algorithm != JWT_PS256 || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
	                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
}

enum jwt_verdict jwt_key_verify(const struct jwt_public_key *key, enum jwt_algorithm algorithm, struct slice covered,
                                struct slice signature)
{
	assert((key->algorithms & 1U << algorithm) != 0);
	assert(covered.data != NULL && signature.data != NULL);

	unsigned char der[ES256_DER_MAX];
	const unsigned char *bytes = (const unsigned char *)signature.data;
	size_t length = signature.length;
	if (algorithm == JWT_ES256) {
		if (length != ES256_LENGTH)
			return JWT_SIGNATURE_WRONG;
		bytes = der;
		length = es256_to_der(signature, der);
	}
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum jwt_verdict verdict = JWT_NO_MEMORY;
	if ((length > 0 || algorithm != JWT_ES256) && set_up(context, key, algorithm))
		verdict = EVP_DigestVerify(context, bytes, length, (const unsigned char *)covered.data, covered.length) == 1
		                  ? JWT_OK
		                  : JWT_SIGNATURE_WRONG;
	EVP_MD_CTX_free(context);
	bool lacked_memory = take_errors();
	return verdict == JWT_SIGNATURE_WRONG && lacked_memory ? JWT_NO_MEMORY : verdict;
}
