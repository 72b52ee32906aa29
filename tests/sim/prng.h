/* prng.h: all the chance there is in a run, drawn from its seed: SplitMix64 (Steele, Lea and Flood 2014). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t prng_next(struct prng *prng)
{
	prng->state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = prng->state;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 to count - 1 */
static inline uint32_t prng_below(struct prng *prng, uint32_t count)
{
	return (uint32_t)(prng_next(prng) % count);
}

/* True so many times in a thousand. */
static inline bool prng_chance(struct prng *prng, uint32_t permille)
{
	return prng_below(prng, 1000) < permille;
}
