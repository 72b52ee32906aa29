/* jwt_cache.h: tokens that were verified, by their whole text, so that a client's next request costs a look-up. Private to auth.
 *
 * Sets of four; a full set gives up one, which the keyed hash chooses, so that nobody outside can aim at another's token. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/jwt_claims.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

#define JWT_CACHE_WAYS 4
#define JWT_CACHE_TOKEN_LENGTH_MAX 2048 /* of what is remembered: with the capacity it bounds the memory */

struct jwt_cache_entry;

struct jwt_cache_slot {
	uint64_t hash;
	struct jwt_cache_entry *entry; /* NULL: empty */
};

struct jwt_cache {
	struct hash_seed seed;
	uint32_t capacity;
	struct jwt_cache_slot *slots;
};

/* capacity: a power of two, at least JWT_CACHE_WAYS. ERR_NO_MEMORY; nothing to release then. */
must_check enum error jwt_cache_init(struct jwt_cache *cache, uint32_t capacity, const struct hash_seed *seed);
/* Takes one that is all zero. */
void jwt_cache_release(struct jwt_cache *cache);
/* NULL when the token is not there; lives until the next put. Whether it has expired is for the caller to see. */
const struct jwt_claims *jwt_cache_find(const struct jwt_cache *cache, struct slice token);
/* Remembers a token that was not found; mark: of its key, all zero for a secret. Out of memory, or when it is too long, it is not
 * remembered. */
void jwt_cache_put(struct jwt_cache *cache, struct slice token, const struct jwt_claims *claims,
                   const uint8_t mark[static JWT_KEY_MARK_LENGTH]);
/* Forgets the tokens whose key's mark `is_held` answers false for. */
void jwt_cache_keep(struct jwt_cache *cache, bool (*is_held)(const void *context, const uint8_t mark[static JWT_KEY_MARK_LENGTH]),
                    const void *context);
