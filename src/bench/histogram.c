/* histogram.c: bucket numbers from the position of the highest bit and the ten bits below it. */
#include "bench/histogram.h"

#include <assert.h>
#include <stddef.h>

#define PRECISION_BITS 10
static_assert(HISTOGRAM_BUCKETS_PER_OCTAVE == 1 << PRECISION_BITS, "an octave is cut by whole bits");

/* The number of low bits that a value of this size loses. */
static uint32_t lost_bits(uint64_t value)
{
	uint32_t highest = 63 - (uint32_t)__builtin_clzll(value | 1);
	return highest > PRECISION_BITS ? highest - PRECISION_BITS : 0;
}

static uint32_t bucket_of(uint64_t value)
{
	assert(value <= HISTOGRAM_VALUE_MAX);
	uint32_t lost = lost_bits(value);
	return lost * HISTOGRAM_BUCKETS_PER_OCTAVE + (uint32_t)(value >> lost);
}

/* The greatest value that falls into the bucket. */
static uint64_t bucket_top(uint32_t bucket)
{
	assert(bucket < HISTOGRAM_BUCKETS);
	uint32_t lost = bucket < 2 * HISTOGRAM_BUCKETS_PER_OCTAVE ? 0 : bucket / HISTOGRAM_BUCKETS_PER_OCTAVE - 1;
	uint64_t kept = bucket - lost * HISTOGRAM_BUCKETS_PER_OCTAVE;
	return ((kept + 1) << lost) - 1;
}

void latency_histogram_add(struct latency_histogram *histogram, uint64_t value_us)
{
	assert(histogram != NULL);

	uint64_t value = value_us < HISTOGRAM_VALUE_MAX ? value_us : HISTOGRAM_VALUE_MAX;
	histogram->buckets[bucket_of(value)]++;
	histogram->count++;
	if (value > histogram->maximum)
		histogram->maximum = value;
}

uint64_t latency_histogram_quantile(const struct latency_histogram *histogram, uint32_t per_mille)
{
	assert(histogram != NULL);
	assert(per_mille <= 1000);

	uint64_t rank = (histogram->count * per_mille + 999) / 1000;
	uint64_t passed = 0;
	for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		passed += histogram->buckets[bucket];
		if (passed >= rank && passed > 0) {
			uint64_t top = bucket_top(bucket);
			return top < histogram->maximum ? top : histogram->maximum;
		}
	}
	return 0;
}
