/* jwt_signature.c: RFC 7518, sections 3.3 to 3.5 and RFC 8037, section 3.1, on EVP. */
#include <assert.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "auth/jwt_keys.h"

#define ES256_LENGTH 64 /* r and s, 32 bytes each */
#define ES256_DER_MAX 80

/* r and s as DER has them. Answers the length; 0: there is no memory, or the signature has another length. */
static size_t es256_to_der(struct slice signature, unsigned char der[static ES256_DER_MAX])
{
	if (signature.length != ES256_LENGTH)
		return 0;
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

bool jwt_key_verify(const struct jwt_public_key *key, enum jwt_algorithm algorithm, struct slice covered, struct slice signature)
{
	assert((key->algorithms & 1U << algorithm) != 0);
	assert(covered.data != NULL && signature.data != NULL);

	unsigned char der[ES256_DER_MAX];
	const unsigned char *bytes = (const unsigned char *)signature.data;
	size_t length = signature.length;
	if (algorithm == JWT_ES256) {
		bytes = der;
		length = es256_to_der(signature, der);
	}
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL; /* the context's */
	const char *digest = algorithm == JWT_EDDSA ? NULL : "SHA256";
	bool is_good = context != NULL && length > 0 && EVP_DigestVerifyInit_ex(context, &how, digest, NULL, NULL, key->key, NULL) == 1;
	if (is_good && algorithm == JWT_PS256)
		is_good = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		          EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	is_good = is_good && EVP_DigestVerify(context, bytes, length, (const unsigned char *)covered.data, covered.length) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_good;
}
