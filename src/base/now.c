/* now.c: see now.h. */
#include "base/now.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec now;
	int result = clock_gettime(id, &now);
	assert(result == 0);
	(void)result;
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t wall_now_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

uint64_t monotonic_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

void pause_ns(uint64_t ns)
{
	struct timespec left = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}
