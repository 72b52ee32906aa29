/* metrics_inside.h: the counters of metrics.c, which metrics_write.c shows. Private to obs. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "obs/metrics_options.h"

/* A request that fell into the bucket lately. Written by one thread at a time; a reader compares the version before and after. */
struct metric_exemplar {
	_Atomic uint32_t version; /* odd: it is being written; 0: there is none */
	_Atomic uint64_t trace[METRIC_TRACE_SIZE / sizeof(uint64_t)];
	_Atomic uint64_t value;
	_Atomic uint64_t time_ms;
};

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
};

struct metric {
	struct metric *next;
	enum metric_kind kind;
	struct metric_options options;
	uint32_t series_count;
	uint32_t cells_per_series; /* a histogram has one for each bucket, one for +Inf and one for the sum; others have one */
	size_t shard_size;         /* bytes */
	uint32_t shard_count;
	char *shards;                      /* NULL when values are asked for */
	_Atomic bool *shown;               /* series that metric_show was called for; NULL when values are asked for */
	struct metric_exemplar *exemplars; /* of each bucket of each series; NULL: it has none */
};

struct metrics {
	struct metric *first;
	struct metric **last;
	uint32_t shard_count; /* CPUs, within reason */
};

/* The number of a label's values; 1 for a label that the family does not have. */
static inline uint32_t value_count(const struct metric *metric, uint32_t label)
{
	return metric->options.labels[label].name == NULL ? 1 : metric->options.labels[label].count;
}

static inline _Atomic int64_t *cell_of(const struct metric *metric, uint32_t shard, uint32_t series, uint32_t cell)
{
	_Atomic int64_t *cells = (void *)(metric->shards + shard * metric->shard_size);
	return &cells[(size_t)series * metric->cells_per_series + cell];
}
