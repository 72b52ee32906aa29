/* uuid.h: UUIDs (RFC 9562), and how TRO makes version 7 ones.
 *
 * An id made here is, from the front: 60 bits of hybrid logical time (48 of milliseconds, 12 of counter, around the version nibble:
 * RFC 9562, section 6.2, method 1), the variant, 54 random bits, and the shard byte. The last byte of a hold or order id is the
 * last byte of its event's id, so that an id alone tells the lane. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/slice.h"

#define UUID_TEXT_LENGTH 36

struct uuid {
	uint8_t bytes[16];
};

/* Exactly 36 characters, hexadecimal in either case, no braces. False: not a UUID, *ret_uuid untouched. Any version is taken. */
must_check bool uuid_parse(struct slice text, struct uuid *ret_uuid);
/* Writes 36 lower-case characters and a terminating zero. */
void uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_LENGTH + 1]);

/* stamp: 60 bits of hybrid logical time (hlc.h); random: any 64 bits; shard: the last byte. */
struct uuid uuid_v7(uint64_t stamp, uint64_t random, uint8_t shard);
/* The hybrid logical time that a version 7 id of ours was made at. */
uint64_t uuid_stamp(const struct uuid *uuid);

static inline uint8_t uuid_shard(const struct uuid *uuid)
{
	return uuid->bytes[15];
}

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline int uuid_compare(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static inline bool uuid_is_nil(const struct uuid *uuid)
{
	static const struct uuid nil;
	return uuid_equal(uuid, &nil);
}
