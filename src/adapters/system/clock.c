/* clock.c: the system's clocks. */
#include "adapters/system/system.h"

#include <assert.h>

#include "base/now.h"

static uint64_t system_now_ms(struct clock *clock)
{
	assert(clock != NULL && clock->operations != NULL);
	return wall_now_ms();
}

static uint64_t system_monotonic_ns(struct clock *clock)
{
	assert(clock != NULL && clock->operations != NULL);
	return monotonic_now_ns();
}

static const struct clock_operations operations = {
	.now_ms = system_now_ms,
	.monotonic_ns = system_monotonic_ns,
};

struct clock *system_clock(void)
{
	static struct clock clock = {.operations = &operations};
	return &clock;
}
