/* timers.h: measures, while a load runs, how late the machine wakes a thread that sleeps: no server on it can be more punctual.
 *
 * A thread of its own sleeps again and again for two milliseconds. On a quiet machine it wakes within a tenth of one of them; where others
 * take the processors, or the machine stands still, answers are as late as it is. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "bench/histogram.h"

struct timers {
	pthread_t thread;
	_Atomic bool is_over;
	struct latency_histogram late; /* in microseconds; the thread's until timers_stop */
};

/* Starts the thread. ERR_SYSTEM: there is nothing to stop. */
must_check enum error timers_start(struct timers *timers);
/* Ends the thread: the histogram is the caller's. */
void timers_stop(struct timers *timers);
