/* metrics.h: counters, gauges and histograms, shown in the Prometheus text format 0.0.4.
 *
 * Families are declared at the start, with the values that their labels can have, so that nothing a client sends can make a new series.
 * Values are whole numbers in a family's own unit (microseconds, say); `scale` turns them into the base unit that is shown (1e-6: seconds).
 * Each CPU counts in a cache line of its own; a scrape adds them up. Updating is safe from any thread and takes no lock. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_LABELS_MAX 3
#define METRIC_ABSENT INT64_MIN /* what `read` answers for a series that is not there now */
#define METRIC_BUCKETS_MAX 24

struct metrics;
struct metric;

struct metric_label {
	const char *name;
	const char *const *values; /* static */
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
	/* Counters and gauges: when given, the value is asked for at each scrape, from the scraping thread. */
	int64_t (*read)(void *context, uint32_t series);
	void *context; /* borrowed */
};

must_check enum error metrics_new(struct metrics **ret_metrics);
void metrics_free(struct metrics *metrics);

/* Declare a family; only before threads use the metrics. The result belongs to the metrics. ERR_NO_MEMORY.
 * A counter or histogram with labels shows a series once it has been used; all others show from the start. */
must_check enum error metrics_counter(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);
must_check enum error metrics_gauge(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);
must_check enum error metrics_histogram(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);

/* The series of these label values, by their position; 0 for labels that the family does not have. */
uint32_t metric_series(const struct metric *metric, uint32_t first, uint32_t second, uint32_t third);
/* amount: not negative for counters. */
void metric_add(struct metric *metric, uint32_t series, int64_t amount);
/* Histograms: one observation. */
void metric_observe(struct metric *metric, uint32_t series, uint64_t value);

/* Appends the exposition. */
void metrics_write(const struct metrics *metrics, struct buffer *buffer);
