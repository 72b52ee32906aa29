/* metrics_options.h: the declaration of a family of metrics (metrics.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define METRIC_LABELS_MAX 3
#define METRIC_ABSENT INT64_MIN /* answered by `read` for a series that is absent now */
#define METRIC_BUCKETS_MAX 24
#define METRIC_TRACE_SIZE 16 /* bytes of a trace id */

enum metrics_format {
	METRICS_TEXT, /* "text/plain; version=0.0.4; charset=utf-8" */
	METRICS_OPEN, /* "application/openmetrics-text; version=1.0.0; charset=utf-8": with exemplars */
};

struct metric_label {
	const char *name;
	const char *const *values; /* static; of a family with `read` the texts may change between scrapes */
	uint32_t count;
};

/* All texts are static or outlive the metrics. */
struct metric_options {
	const char *name; /* a counter's ends with _total */
	const char *help;
	double scale; /* 0: 1 */
	struct metric_label labels[METRIC_LABELS_MAX];
	const uint64_t *buckets; /* histograms: increasing upper bounds, inclusive; +Inf comes by itself */
	uint32_t bucket_count;
	bool has_exemplars; /* of a histogram: each bucket keeps the trace of one of its latest observations */
	/* Counters and gauges: when given, the value is asked for at each scrape, from the scraping thread. */
	int64_t (*read)(void *context, uint32_t series);
	void *context; /* borrowed */
};
