/* jwt_claims.h: reads the two JSON objects of a token, strictly, and names what is wrong with one. The functions are private to auth,
 * but jwt_user, jwt_verdict_text and jwt_scope_bit. */
#pragma once

#include <stdint.h>

#include "auth/jwt_keys.h"
#include "base/attributes.h"
#include "base/slice.h"

#define JWT_TOKEN_LENGTH_MAX 8192
#define JWT_HEADER_LENGTH_MAX 1024 /* bytes, decoded */
#define JWT_USER_LENGTH_MAX 128

/* Bits of jwt_claims.scopes; other scopes are ignored. */
enum jwt_scope {
	JWT_SCOPE_ADMIN = 1,   /* tro:admin */
	JWT_SCOPE_SERVICE = 2, /* tro:service */
	JWT_SCOPE_READ = 4,    /* tro:read */
};

/* All of them, for people. */
#define JWT_SCOPES "tro:admin, tro:service and tro:read"

/* The bit of a scope; 0: it is another one. */
uint32_t jwt_scope_bit(struct slice scope);

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
	JWT_NO_MEMORY, /* it could not be verified: nobody is to blame */
};

/* Whether the signature over `covered` is this key's, by this algorithm, which the key must allow: JWT_OK, JWT_SIGNATURE_WRONG,
 * JWT_NO_MEMORY. */
must_check enum jwt_verdict jwt_key_verify(const struct jwt_public_key *key, enum jwt_algorithm algorithm, struct slice covered,
                                           struct slice signature);

/* A sentence for the 401; static. */
const char *jwt_verdict_text(enum jwt_verdict verdict);

struct jwt_header {
	enum jwt_algorithm algorithm;
	uint8_t kid_length; /* 0: none */
	char kid[JWT_KID_LENGTH_MAX];
};

/* JWT_OK when the header names an algorithm that is served and asks for nothing that is never granted; else *ret_header is untouched. */
must_check enum jwt_verdict jwt_header_read(struct slice json, struct jwt_header *ret_header);
/* issuer, audience: empty when not checked. *ret_claims is untouched unless JWT_OK; whether they hold now is jwt_claims_check's. */
must_check enum jwt_verdict jwt_claims_read(struct slice json, struct slice issuer, struct slice audience, struct jwt_claims *ret_claims);
/* JWT_OK, JWT_EXPIRED or JWT_NOT_YET_VALID. */
must_check enum jwt_verdict jwt_claims_check(const struct jwt_claims *claims, uint64_t now_ms, uint64_t leeway_ms);
