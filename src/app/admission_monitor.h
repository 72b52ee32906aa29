/* admission_monitor.h: asks an admission outside this process once a second whether it serves, which also makes its connections.
 *
 * It has a thread of its own: a store that hangs must not keep admission from coming back. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "ports/admission.h"

#define ADMISSION_MONITOR_INTERVAL_MS 1000
#define ADMISSION_MONITOR_RETRY_MS 250 /* while it does not serve */

struct admission_monitor {
	struct admission *admission; /* borrowed */
	pthread_mutex_t lock;        /* guards what follows */
	struct admission_ping last;
};

/* The admission has a ping. */
void admission_monitor_init(struct admission_monitor *monitor, struct admission *admission);
void admission_monitor_release(struct admission_monitor *monitor);
/* The step of a worker (pipeline/worker.h); `context` is the struct admission_monitor. */
uint64_t admission_monitor_step(void *context);
/* What the last step found; before the first one it does not serve. Safe from any thread. */
void admission_monitor_read(struct admission_monitor *monitor, struct admission_ping *ret_ping);
