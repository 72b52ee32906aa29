/* lane_use.h: counters of a lane's use (pipeline/lane.h), for metrics. */
#pragma once

#include <stdint.h>

struct lane_use {
	uint32_t waiting, capacity; /* jobs */
	uint32_t busy, threads;     /* threads that serve now, and all */
	uint64_t busy_ns;           /* that batches took which have ended, all threads together */
	uint64_t refused;           /* jobs that found the lane full */
};
