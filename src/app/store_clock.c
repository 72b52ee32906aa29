/* store_clock.c: an offset to another clock. */
#include "app/store_clock.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"

static const struct store_clock *self_of(struct clock *clock)
{
	assert(clock != NULL);
	return container_of(clock, struct store_clock, base);
}

static uint64_t corrected_now_ms(struct clock *clock)
{
	const struct store_clock *self = self_of(clock);
	return (uint64_t)((int64_t)clock_now_ms(self->machine) - self->ahead_ms);
}

static uint64_t machine_monotonic_ns(struct clock *clock)
{
	return clock_monotonic_ns(self_of(clock)->machine);
}

static const struct clock_operations operations = {.now_ms = corrected_now_ms, .monotonic_ns = machine_monotonic_ns};

void store_clock_init(struct store_clock *clock, struct clock *machine)
{
	assert(clock != NULL && machine != NULL);
	*clock = (struct store_clock){.base.operations = &operations, .machine = machine};
}

void store_clock_correct(struct store_clock *clock, int64_t ahead_ms, uint64_t error_ms)
{
	assert(clock != NULL);
	if ((uint64_t)llabs(ahead_ms - clock->ahead_ms) > error_ms)
		clock->ahead_ms = ahead_ms;
}
