/* clock.h: the two clocks. The simulator has its own. */
#pragma once

#include <stdint.h>

struct clock;

struct clock_operations {
	/* Milliseconds since 1970. May jump either way. Safe from any thread. */
	uint64_t (*now_ms)(struct clock *clock);
	/* Nanoseconds since some moment; never goes back. For latencies and waits. Safe from any thread. */
	uint64_t (*monotonic_ns)(struct clock *clock);
};

struct clock {
	const struct clock_operations *operations;
};

static inline uint64_t clock_now_ms(struct clock *clock)
{
	return clock->operations->now_ms(clock);
}

static inline uint64_t clock_monotonic_ns(struct clock *clock)
{
	return clock->operations->monotonic_ns(clock);
}
