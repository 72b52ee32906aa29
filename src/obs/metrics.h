/* metrics.h: counters, gauges and histograms, shown in the Prometheus text format 0.0.4 or as OpenMetrics 1.0.0.
 *
 * Families are declared at the start, with the values that their labels can have, so that nothing a client sends can make a new series.
 * Values are whole numbers in a family's own unit (microseconds, say); `scale` turns them into the base unit that is shown (1e-6: seconds).
 * Each CPU counts in a cache line of its own; a scrape adds them up. Updating is safe from any thread and takes no lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "obs/metrics_options.h"

struct metrics;
struct metric;

must_check enum error metrics_new(struct metrics **ret_metrics);
void metrics_free(struct metrics *metrics);

/* Declare a family; only before threads use the metrics. The result belongs to the metrics. ERR_NO_MEMORY.
 * A counter or histogram with labels shows a series once it has been used, or after metric_show; all others show from the start. */
must_check enum error metrics_counter(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);
must_check enum error metrics_gauge(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);
must_check enum error metrics_histogram(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric);

/* The series of these label values, by their position; 0 for labels that the family does not have. */
uint32_t metric_series(const struct metric *metric, uint32_t first, uint32_t second, uint32_t third);
/* The series shows from now on, at 0: Prometheus sees no increase in the first value of a series. Not of a family with `read`. Safe from
 * any thread. */
void metric_show(struct metric *metric, uint32_t series);
/* amount: not negative for counters. */
void metric_add(struct metric *metric, uint32_t series, int64_t amount);
/* Histograms: one observation. */
void metric_observe(struct metric *metric, uint32_t series, uint64_t value);

/* The same of a histogram with exemplars: the trace may become the bucket's, once a second at most. now_ms: of the wall clock. */
void metric_observe_traced(struct metric *metric, uint32_t series, uint64_t value, const uint8_t trace_id[static METRIC_TRACE_SIZE],
                           uint64_t now_ms);

/* Appends the exposition. Safe from any thread; a family with `read` asks as it says. */
void metrics_write(const struct metrics *metrics, enum metrics_format format, struct buffer *buffer);
