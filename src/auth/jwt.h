/* jwt.h: verifies JSON Web Tokens (RFC 7519, RFC 8725), which say who asks, and makes some for development.
 *
 * Each key fixes its algorithms; a token that names any other is refused. The verifier reads only `alg` and `kid` of a token before it
 * has verified the signature. Claims other than those below are ignored. A verifier remembers the tokens that it has verified until they
 * expire or their key leaves the keyring. One thread uses it: make one for each event loop. */
#pragma once

#include <stdint.h>

#include "auth/jwt_claims.h"
#include "auth/jwt_keyring.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

#define JWT_SECRET_LENGTH_MIN 32 /* RFC 7518, section 3.2 */

/* The key with which jwt_sign signs. */
struct jwt_key {
	enum jwt_algorithm algorithm; /* JWT_HS256 */
	struct slice secret;          /* at least JWT_SECRET_LENGTH_MIN bytes */
};

struct jwt_verifier_options {
	struct jwt_keyring *keyring; /* borrowed; with at least one secret, own key, or keys that are published */
	uint64_t leeway_ms;
	struct slice issuer;     /* empty: not checked */
	struct slice audience;   /* empty: not checked */
	uint32_t cache_capacity; /* tokens remembered, a power of two of at least 4; tokens over 2 KiB are not */
	struct hash_seed seed;   /* random: nobody outside may guess it */
};

struct jwt_verifier;

/* Copies the issuer and the audience. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error jwt_verifier_new(const struct jwt_verifier_options *options, struct jwt_verifier **ret_verifier);
void jwt_verifier_free(struct jwt_verifier *verifier);
/* *ret_claims is untouched unless JWT_OK. */
must_check enum jwt_verdict jwt_verify(struct jwt_verifier *verifier, struct slice token, uint64_t now_ms, struct jwt_claims *ret_claims);

/* The claims of a token to be made. */
struct jwt_grant {
	struct slice user;
	struct slice scope;    /* space-separated; empty: none */
	struct slice issuer;   /* empty: none */
	struct slice audience; /* empty: none */
	uint64_t issued_at_ms;
	uint64_t expires_at_ms;
};

/* Appends an HS256 token. ERR_NO_MEMORY, ERR_LIMIT when it would be longer than JWT_TOKEN_LENGTH_MAX, ERR_SYSTEM. */
must_check enum error jwt_sign(const struct jwt_key *key, const struct jwt_grant *grant, struct buffer *token);
