/* clock.h: the load generator's one clock: monotonic, with the wall clock's date fixed at the start, so that neither ever steps back. */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec time;
	clock_gettime(id, &time); /* cannot fail for the clocks used here */
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static inline uint64_t monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* The offset that wall_ms() adds: read it once, at the start of a run. */
static inline uint64_t wall_offset_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME) - monotonic_ns();
}

/* Milliseconds since 1970 at the moment `now_ns` of monotonic_ns(). */
static inline uint64_t wall_ms(uint64_t offset_ns, uint64_t now_ns)
{
	return (offset_ns + now_ns) / NS_PER_MS;
}
