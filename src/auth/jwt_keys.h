/* jwt_keys.h: public keys that tokens are verified with: from PEM, or from a JSON Web Key Set (RFC 7517).
 *
 * Each key says which algorithms it allows; a token has no say in that. A set does not change once it is made; threads share it. */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define JWT_KEYS_MAX 32
#define JWT_KEYS_TRIED_MAX 8 /* of one set, for one token; PEM has no names, so no more blocks are taken */
#define JWT_KID_LENGTH_MAX 128
#define JWT_JWKS_LENGTH_MAX (64 * 1024)
#define JWT_RSA_BITS_MIN 2048 /* RFC 7518, section 3.3 */
#define JWT_RSA_BITS_MAX 8192
#define JWT_KEY_MARK_LENGTH 16

enum jwt_algorithm {
	JWT_HS256,
	JWT_RS256,
	JWT_PS256,
	JWT_ES256,
	JWT_EDDSA,
	JWT_ALGORITHM_COUNT,
};

/* JWT_ALGORITHM_COUNT when the name is none of theirs. */
enum jwt_algorithm jwt_algorithm_of(struct slice name);

struct jwt_public_key {
	EVP_PKEY *key;
	uint32_t algorithms;               /* bits: 1 << enum jwt_algorithm */
	uint8_t mark[JWT_KEY_MARK_LENGTH]; /* the same for the same key and algorithms, whatever set they are in */
	uint8_t kid_length;                /* 0: the key has no name */
	char kid[JWT_KID_LENGTH_MAX];
};

struct jwt_keys {
	_Atomic uint32_t references;
	uint32_t count;
	struct jwt_public_key keys[JWT_KEYS_MAX];
};

static inline struct slice jwt_key_kid(const struct jwt_public_key *key)
{
	return (struct slice){.data = key->kid, .length = key->kid_length};
}

/* One or more PUBLIC KEY blocks: RSA (allows RS256 and PS256), P-256 (ES256) or Ed25519 (EdDSA). ERR_CORRUPT when a block is of
 * another kind, an RSA key has fewer than JWT_RSA_BITS_MIN or more than JWT_RSA_BITS_MAX bits, there is none, there are more than
 * JWT_KEYS_TRIED_MAX, or there is a private key. ERR_NO_MEMORY. */
must_check enum error jwt_keys_from_pem(struct slice pem, struct jwt_keys **ret_keys);
/* A key set's JSON, at most JWT_JWKS_LENGTH_MAX. A key allows its `alg`, or its type's default without one. Certificates of a key
 * (x5c, x5t) are not read, nor is x5u: the key is its own members. Keys that cannot verify here are left out: `oct`, private ones, those
 * for encryption, of other curves, weak, or malformed; keys beyond JWT_KEYS_MAX, too.
 * ERR_CORRUPT: it is no key set, or no usable key is in it. ERR_NO_MEMORY. */
must_check enum error jwt_keys_from_jwks(struct slice json, struct jwt_keys **ret_keys);
struct jwt_keys *jwt_keys_retain(struct jwt_keys *keys);
/* Takes NULL. */
void jwt_keys_release(struct jwt_keys *keys);

/* Adds the key, whose reference passes to the set, also on failure. ERR_CORRUPT: the key does not fit the algorithms, or is weak;
 * ERR_LIMIT: the set is full. Private to auth. */
must_check enum error jwt_keys_add(struct jwt_keys *keys, EVP_PKEY *key, uint32_t algorithms, struct slice kid);
/* An empty set with one reference; NULL out of memory. Private to auth. */
struct jwt_keys *jwt_keys_new(void);
