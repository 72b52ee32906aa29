/* timers.c: absolute moments, so that a late one does not move those after it; of moments that were slept through only the first counts. */
#include "bench/timers.h"

#include <assert.h>
#include <string.h>

#include "bench/clock.h"

#define PERIOD_NS (2 * NS_PER_MS)

static void *watch(void *context)
{
	struct timers *timers = context;
	for (uint64_t due_ns = monotonic_ns() + PERIOD_NS; !timers->is_over;) {
		const struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_S), .tv_nsec = (long)(due_ns % NS_PER_S)};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
			continue;
		uint64_t now_ns = monotonic_ns();
		assert(now_ns >= due_ns);
		latency_histogram_add(&timers->late, (now_ns - due_ns) / NS_PER_US);
		due_ns += ((now_ns - due_ns) / PERIOD_NS + 1) * PERIOD_NS;
	}
	return NULL;
}

enum error timers_start(struct timers *timers)
{
	assert(timers != NULL);
	timers->is_over = false;
	memset(&timers->late, 0, sizeof timers->late);
	return pthread_create(&timers->thread, NULL, watch, timers) == 0 ? OK : ERR_SYSTEM;
}

void timers_stop(struct timers *timers)
{
	assert(timers != NULL);
	timers->is_over = true;
	pthread_join(timers->thread, NULL);
}
