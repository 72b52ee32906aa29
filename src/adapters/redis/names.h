/* names.h: makes the names of keys in Redis, and computes the cluster's slot of a name. Private to the Redis adapter.
 *
 *	tro:{TAG}:u        the window of a user     tro:{TAG}:k:KEY    an idempotency key of that user
 *	tro:{TAG}:a        the window of an address
 *
 * TAG is a hash of the user, or of the address, so that Redis holds neither, and all keys of one script's run for a user are in one
 * slot. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "domain/key.h"

#define REDIS_TAG_DIGITS 32
#define REDIS_NAME_MAX 80
#define REDIS_SLOTS 16384

struct redis_tag {
	char digits[REDIS_TAG_DIGITS];
};

struct redis_name {
	char text[REDIS_NAME_MAX];
	uint32_t length;
};

static inline struct slice redis_name_slice(const struct redis_name *name)
{
	return (struct slice){.data = name->text, .length = name->length};
}

/* Of a user, an address, or the key of a request that has no user. */
struct redis_tag redis_tag_of(struct slice owner);
/* "CRC16 of the tag, modulo 16384", as the Redis Cluster specification says. */
uint16_t redis_slot_of(const struct redis_tag *tag);

struct redis_name redis_name_of_user(const struct redis_tag *tag);
struct redis_name redis_name_of_address(const struct redis_tag *tag);
struct redis_name redis_name_of_key(const struct redis_tag *tag, const uint8_t key[static KEY_HASH_LENGTH]);
