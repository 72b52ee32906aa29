/* fake_time.h: a clock that moves when it is told to, and randomness that is the same in every run. */
#pragma once

#include <stdint.h>

#include "ports/clock.h"
#include "ports/random.h"

struct fake_clock {
	struct clock base;
	_Atomic uint64_t wall_ms;
	_Atomic uint64_t monotonic_ms;
};

struct fake_random {
	struct random base;
	_Atomic uint64_t state;
};

void fake_clock_init(struct fake_clock *clock, uint64_t wall_ms);
/* Both clocks go on. */
void fake_clock_advance(struct fake_clock *clock, uint64_t ms);

void fake_random_init(struct fake_random *random, uint64_t seed);
