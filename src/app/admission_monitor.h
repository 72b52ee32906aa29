/* admission_monitor.h: asks an admission outside this process once a second whether it serves, which also makes its connections.
 *
 * It has a thread of its own: a store that hangs must not keep admission from coming back. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/backoff.h"
#include "pipeline/dependency.h"
#include "ports/admission.h"
#include "ports/clock.h"

#define ADMISSION_MONITOR_INTERVAL_MS 1000

struct admission_monitor {
	struct admission *admission;   /* borrowed */
	struct dependency *dependency; /* borrowed: held open until a ping finds that the admission serves */
	struct clock *clock;           /* borrowed */
	struct backoff backoff;        /* between pings that fail */
	pthread_mutex_t lock;          /* guards what follows */
	struct admission_ping last;
};

/* The admission has a ping. */
void admission_monitor_init(struct admission_monitor *monitor, struct admission *admission, struct dependency *dependency,
                            struct clock *clock);
void admission_monitor_release(struct admission_monitor *monitor);
/* The step of a worker (pipeline/worker.h); `context` is the struct admission_monitor. */
uint64_t admission_monitor_step(void *context);
/* The result of the last step; before the first, the admission counts as not serving. Safe from any thread. */
void admission_monitor_read(struct admission_monitor *monitor, struct admission_ping *ret_ping);
