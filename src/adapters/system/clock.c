/* clock.c: the system's clocks. */
#include <assert.h>
#include <time.h>

#include "adapters/system/system.h"

static struct timespec read_clock(clockid_t id)
{
	struct timespec now;
	int result = clock_gettime(id, &now);
	assert(result == 0);
	(void)result;
	return now;
}

static uint64_t system_now_ms(struct clock *clock)
{
	(void)clock;
	struct timespec now = read_clock(CLOCK_REALTIME);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t system_monotonic_ns(struct clock *clock)
{
	(void)clock;
	struct timespec now = read_clock(CLOCK_MONOTONIC);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
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
