/* jwt.h: who is asking: JSON Web Tokens (RFC 7519, RFC 8725), verified and, for development, made.
 *
 * Each key fixes its algorithms; a token that names another is refused, whatever it is. Of a token only `alg` and `kid` are used before
 * its signature is known to be good. Claims other than those below are ignored. A verifier also remembers the tokens it has verified,
 * until they expire or their key leaves the keyring. It is used by one thread: make one for each event loop. */
#pragma once

#include <stdint.h>

#include "auth/jwt_keyring.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

#define JWT_TOKEN_LENGTH_MAX 8192
#define JWT_HEADER_LENGTH_MAX 1024 /* bytes, decoded */
#define JWT_USER_LENGTH_MAX 128
#define JWT_SECRET_LENGTH_MIN 32 /* RFC 7518, section 3.2 */

/* What jwt_sign signs with. */
struct jwt_key {
	enum jwt_algorithm algorithm; /* JWT_HS256 */
	struct slice secret;          /* at least JWT_SECRET_LENGTH_MIN bytes */
};

/* Bits of jwt_claims.scopes; other scopes are ignored. */
enum jwt_scope {
	JWT_SCOPE_ADMIN = 1,   /* tro:admin */
	JWT_SCOPE_SERVICE = 2, /* tro:service */
	JWT_SCOPE_READ = 4,    /* tro:read */
};

struct jwt_claims {
	uint64_t expires_at_ms;
	uint64_t not_before_ms; /* 0: none */
	uint32_t scopes;
	uint8_t user_length;
	char user[JWT_USER_LENGTH_MAX]; /* the claim `sub`: printable, not empty */
};

static inline struct slice jwt_user(const struct jwt_claims *claims)
{
	return (struct slice){.data = claims->user, .length = claims->user_length};
}

enum jwt_verdict {
	JWT_OK = 0,
	JWT_MALFORMED,     /* not three parts of strict base64url with JSON objects in them, or too long */
	JWT_NOT_SUPPORTED, /* another algorithm, or a header that asks for what is never granted: zip, crit, b64, jku, x5u, jwk */
	JWT_SIGNATURE_WRONG,
	JWT_KEY_UNKNOWN,    /* no key of that algorithm has the token's kid */
	JWT_CLAIMS_INVALID, /* exp, nbf, iat, sub, scope or scp missing or not of their form */
	JWT_EXPIRED,        /* exp plus the leeway is now or past */
	JWT_NOT_YET_VALID,  /* nbf minus the leeway is ahead */
	JWT_ISSUER_WRONG,
	JWT_AUDIENCE_WRONG,
};

/* A sentence for the 401; static. */
const char *jwt_verdict_text(enum jwt_verdict verdict);

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

/* What a token shall say. */
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
