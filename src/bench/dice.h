/* dice.h: the random choices of the buyers: splitmix64 (Steele et al. 2014), repeatable from its seed. Not for secrets. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
	dice->state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t mixed = dice->state;
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

/* 0 to limit − 1, each as likely but for a part in 2^32. */
static inline uint32_t dice_below(struct dice *dice, uint32_t limit)
{
	assert(limit > 0);
	return (uint32_t)((dice_next(dice) >> 32) * limit >> 32);
}

/* True in `percent` of 100 throws. */
static inline bool dice_percent(struct dice *dice, uint32_t percent)
{
	return dice_below(dice, 100) < percent;
}

/* 0 to limit − 1, the low ones far more often: every doubling of the rank is as likely as the one before, which is Zipf's law with
 * exponent 1 in steps of an octave. */
static inline uint32_t dice_popular(struct dice *dice, uint32_t limit)
{
	assert(limit > 0);
	uint32_t octaves = 32 - (uint32_t)__builtin_clz(limit);
	uint32_t low = UINT32_C(1) << dice_below(dice, octaves);
	uint32_t rank = low - 1 + dice_below(dice, low);
	return rank < limit ? rank : dice_below(dice, limit);
}
