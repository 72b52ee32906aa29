/* jwt_jwks.c: RFC 7517 and RFC 7518, section 6: a key set's JSON to keys. */
#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/jwt_keys.h"
#include "base/arena.h"
#include "codec/json_reader.h"

#define COORDINATE_LENGTH 32

struct number {
	size_t length;
	uint8_t bytes[JWT_RSA_BITS_MAX / 8];
};

/* A member that is a string of base64url. */
static bool read_number(struct json_value jwk, struct slice name, struct number *number)
{
	struct json_value value;
	if (!json_member(jwk, name, &value) || json_kind(value) != JSON_KIND_STRING)
		return false;
	struct slice text = {.data = value.text.data + 1, .length = value.text.length - 2}; /* an escape is not base64url */
	number->length = base64url_decoded_length(text.length);
	return number->length > 0 && number->length <= sizeof number->bytes && base64url_decode(text, number->bytes);
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	return key;
}

static EVP_PKEY *rsa_key(struct json_value jwk)
{
	struct number n, e;
	if (!read_number(jwk, SLICE("n"), &n) || !read_number(jwk, SLICE("e"), &e) || e.length > 8)
		return NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_bin2bn(n.bytes, (int)n.length, NULL);
	BIGNUM *exponent = BN_bin2bn(e.bytes, (int)e.length, NULL);
	/* With an even exponent or 1 anybody can sign. */
	if (builder != NULL && modulus != NULL && exponent != NULL && BN_is_odd(exponent) && !BN_is_one(exponent) && BN_is_odd(modulus) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		key = key_from("RSA", builder);
	OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
	return key;
}

static EVP_PKEY *p256_key(struct json_value jwk)
{
	struct number x, y;
	if (!read_number(jwk, SLICE("x"), &x) || x.length != COORDINATE_LENGTH || !read_number(jwk, SLICE("y"), &y) ||
	    y.length != COORDINATE_LENGTH)
		return NULL;
	uint8_t point[1 + 2 * COORDINATE_LENGTH] = {4}; /* uncompressed */
	memcpy(point + 1, x.bytes, COORDINATE_LENGTH);
	memcpy(point + 1 + COORDINATE_LENGTH, y.bytes, COORDINATE_LENGTH);
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
		key = key_from("EC", builder);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static EVP_PKEY *ed25519_key(struct json_value jwk)
{
	struct number x;
	if (!read_number(jwk, SLICE("x"), &x) || x.length != COORDINATE_LENGTH)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.bytes, x.length);
}

static bool has_text(struct json_value object, struct slice name, struct slice text)
{
	struct json_value value;
	return json_member(object, name, &value) && json_kind(value) == JSON_KIND_STRING && json_string_equal(value, text);
}

/* Whether the key is a public one that says nothing against verifying signatures. */
static bool may_verify(struct json_value jwk)
{
	struct json_value value, item;
	if (json_member(jwk, SLICE("d"), &value) || json_member(jwk, SLICE("k"), &value))
		return false;
	if (json_member(jwk, SLICE("use"), &value) && !has_text(jwk, SLICE("use"), SLICE("sig")))
		return false;
	if (!json_member(jwk, SLICE("key_ops"), &value))
		return true;
	if (json_kind(value) != JSON_KIND_ARRAY)
		return false;
	struct json_walk walk = json_walk(value);
	while (json_next_item(&walk, &item)) {
		if (json_kind(item) == JSON_KIND_STRING && json_string_equal(item, SLICE("verify")))
			return true;
	}
	return false;
}

/* *algorithm: `alg`, or the type's default. False: `alg` is not one that is served. */
static bool read_algorithm(struct json_value jwk, enum jwt_algorithm *algorithm)
{
	struct json_value value;
	if (!json_member(jwk, SLICE("alg"), &value))
		return true;
	if (json_kind(value) != JSON_KIND_STRING)
		return false;
	*algorithm = jwt_algorithm_of((struct slice){.data = value.text.data + 1, .length = value.text.length - 2});
	return *algorithm != JWT_HS256 && *algorithm != JWT_ALGORITHM_COUNT;
}

/* *ret_kid: empty when there is none. */
static bool read_kid(struct json_value jwk, struct arena *arena, struct slice *ret_kid)
{
	struct json_value value;
	*ret_kid = (struct slice){0};
	if (!json_member(jwk, SLICE("kid"), &value))
		return true;
	if (json_kind(value) != JSON_KIND_STRING)
		return false;
	*ret_kid = json_to_string(value, arena);
	return ret_kid->length > 0 && ret_kid->length <= JWT_KID_LENGTH_MAX;
}

static enum error add_jwk(struct jwt_keys *keys, struct json_value jwk, struct arena *arena)
{
	struct slice kid;
	if (json_kind(jwk) != JSON_KIND_OBJECT || !may_verify(jwk) || !read_kid(jwk, arena, &kid))
		return ERR_CORRUPT;
	EVP_PKEY *key = NULL;
	enum jwt_algorithm algorithm = JWT_ALGORITHM_COUNT;
	if (has_text(jwk, SLICE("kty"), SLICE("RSA"))) {
		algorithm = JWT_RS256;
		key = rsa_key(jwk);
	} else if (has_text(jwk, SLICE("kty"), SLICE("EC")) && has_text(jwk, SLICE("crv"), SLICE("P-256"))) {
		algorithm = JWT_ES256;
		key = p256_key(jwk);
	} else if (has_text(jwk, SLICE("kty"), SLICE("OKP")) && has_text(jwk, SLICE("crv"), SLICE("Ed25519"))) {
		algorithm = JWT_EDDSA;
		key = ed25519_key(jwk);
	}
	if (key == NULL)
		return ERR_CORRUPT;
	if (!read_algorithm(jwk, &algorithm)) {
		EVP_PKEY_free(key);
		return ERR_CORRUPT;
	}
	return jwt_keys_add(keys, key, 1U << algorithm, kid);
}

enum error jwt_keys_from_jwks(struct slice json, struct jwt_keys **ret_keys)
{
	assert(json.data != NULL || json.length == 0);
	assert(ret_keys != NULL);

	struct json_value set, list, jwk;
	struct json_problem problem;
	if (json.length > JWT_JWKS_LENGTH_MAX || !json_check(json, &set, &problem) || json_kind(set) != JSON_KIND_OBJECT ||
	    !json_member(set, SLICE("keys"), &list) || json_kind(list) != JSON_KIND_ARRAY)
		return ERR_CORRUPT;
	struct jwt_keys *keys = jwt_keys_new();
	if (keys == NULL)
		return ERR_NO_MEMORY;
	struct arena arena; /* for kids with escapes, which are rare */
	arena_init(&arena, 256, JWT_JWKS_LENGTH_MAX);
	struct json_walk walk = json_walk(list);
	enum error error = OK;
	while (error != ERR_NO_MEMORY && keys->count < JWT_KEYS_MAX && json_next_item(&walk, &jwk))
		error = add_jwk(keys, jwk, &arena);
	arena_release(&arena);
	ERR_clear_error();
	if (error != ERR_NO_MEMORY && keys->count > 0) {
		*ret_keys = keys;
		return OK;
	}
	jwt_keys_release(keys);
	return error == ERR_NO_MEMORY ? error : ERR_CORRUPT;
}
