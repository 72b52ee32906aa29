/* fake_time.c: two numbers, and SplitMix64 (Steele, Lea and Flood 2014). */
#include "tests/support/fake_time.h"

#include <stdatomic.h>
#include <string.h>

#include "base/list.h"

static uint64_t fake_now_ms(struct clock *clock)
{
	return container_of(clock, struct fake_clock, base)->wall_ms;
}

static uint64_t fake_monotonic_ns(struct clock *clock)
{
	return container_of(clock, struct fake_clock, base)->monotonic_ms * 1000000;
}

static const struct clock_operations clock_operations = {.now_ms = fake_now_ms, .monotonic_ns = fake_monotonic_ns};

void fake_clock_init(struct fake_clock *clock, uint64_t wall_ms)
{
	*clock = (struct fake_clock){.base.operations = &clock_operations, .wall_ms = wall_ms, .monotonic_ms = 1000000};
}

void fake_clock_advance(struct fake_clock *clock, uint64_t ms)
{
	clock->wall_ms += ms;
	clock->monotonic_ms += ms;
}

static void fake_fill(struct random *random, void *memory, size_t length)
{
	struct fake_random *self = container_of(random, struct fake_random, base);
	unsigned char *bytes = memory;
	for (size_t i = 0; i < length; i += 8) {
		uint64_t value = atomic_fetch_add(&self->state, UINT64_C(0x9e3779b97f4a7c15));
		value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
		value ^= value >> 31;
		memcpy(bytes + i, &value, length - i < 8 ? length - i : 8);
	}
}

static const struct random_operations random_operations = {.fill = fake_fill};

void fake_random_init(struct fake_random *random, uint64_t seed)
{
	*random = (struct fake_random){.base.operations = &random_operations, .state = seed};
}
