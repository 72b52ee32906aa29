/* process_metrics.h: the system's figures about this process, for a scrape. Their files stay open, so that they can be read when the
 * process has no descriptors left. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

struct process_metrics {
	int stat;        /* /proc/self/stat; -1: not to be had */
	int descriptors; /* /proc/self/fd; the same */
};

/* A figure that this system does not have reads as METRIC_ABSENT (obs/metrics.h). */
void process_metrics_init(struct process_metrics *metrics);
void process_metrics_release(struct process_metrics *metrics);

int64_t process_metrics_memory(const struct process_metrics *metrics); /* resident bytes */
int64_t process_metrics_threads(const struct process_metrics *metrics);
int64_t process_metrics_cpu_us(void);
int64_t process_metrics_descriptors(const struct process_metrics *metrics);
int64_t process_metrics_descriptors_max(void);
