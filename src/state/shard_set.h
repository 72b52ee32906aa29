/* shard_set.h: a set of shards (base/uuid.h), as bits. All zero: empty. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SHARD_COUNT 256

struct shard_set {
	uint64_t bits[SHARD_COUNT / 64];
};

static inline void shard_set_add(struct shard_set *set, uint8_t shard)
{
	set->bits[shard / 64] |= UINT64_C(1) << (shard % 64);
}

static inline bool shard_set_has(const struct shard_set *set, uint8_t shard)
{
	return (set->bits[shard / 64] >> (shard % 64) & 1) != 0;
}

/* Whether all of `others` are in it. */
static inline bool shard_set_holds(const struct shard_set *set, const struct shard_set *others)
{
	uint64_t missing = 0;
	for (uint32_t i = 0; i < SHARD_COUNT / 64; i++)
		missing |= others->bits[i] & ~set->bits[i];
	return missing == 0;
}

static inline bool shard_set_is_empty(const struct shard_set *set)
{
	return (set->bits[0] | set->bits[1] | set->bits[2] | set->bits[3]) == 0;
}
