/* histogram.h: latencies counted in log-linear buckets, in the manner of HdrHistogram: every value is kept to three significant digits,
 * whatever its size, in fixed memory and constant time. */
#pragma once

#include <stdint.h>

/* A power of two is cut into this many buckets, so a value is off by less than one part in it. */
#define HISTOGRAM_BUCKETS_PER_OCTAVE 1024
#define HISTOGRAM_OCTAVES 21
#define HISTOGRAM_BUCKETS (HISTOGRAM_BUCKETS_PER_OCTAVE * (HISTOGRAM_OCTAVES + 2))
/* 71 minutes in microseconds; greater values are counted as this one. */
#define HISTOGRAM_VALUE_MAX UINT64_C(0xffffffff)

/* All zero is an empty histogram. */
struct latency_histogram {
	uint64_t count;
	uint64_t maximum; /* exact, but for HISTOGRAM_VALUE_MAX */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void latency_histogram_add(struct latency_histogram *histogram, uint64_t value_us);
/* The value that `per_mille` of 1,000 values do not exceed: 500 is the median, 999 the 99.9th percentile. The top of its bucket,
 * never above the maximum; 0 when empty. */
uint64_t latency_histogram_quantile(const struct latency_histogram *histogram, uint32_t per_mille);
