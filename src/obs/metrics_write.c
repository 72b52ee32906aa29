/* metrics_write.c: the exposition: the Prometheus text format, and OpenMetrics. */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "obs/metrics.h"
#include "obs/metrics_inside.h"

static int64_t cell_total(const struct metric *metric, uint32_t series, uint32_t cell)
{
	if (metric->options.read != NULL)
		return metric->options.read(metric->options.context, series);
	int64_t total = 0;
	for (uint32_t shard = 0; shard < metric->shard_count; shard++)
		total += atomic_load_explicit(cell_of(metric, shard, series, cell), memory_order_relaxed);
	return total;
}

/* Writes text with backslashes, line feeds and, in label values, quotes escaped. */
static void write_escaped(struct buffer *buffer, const char *text, bool is_label_value)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buffer_append_string(buffer, "\\n");
		else if (*text == '\\' || (*text == '"' && is_label_value))
			buffer_append_format(buffer, "\\%c", *text);
		else
			buffer_append_byte(buffer, *text);
	}
}

/* OpenMetrics names a counter's family without the end that its samples have. */
static void write_header(const struct metric *metric, enum metrics_format format, struct buffer *buffer)
{
	static const size_t end_length = sizeof "_total" - 1;
	static const char *const types[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

	size_t length = strlen(metric->options.name);
	if (format == METRICS_OPEN && metric->kind == METRIC_COUNTER)
		length -= end_length;
	buffer_append_format(buffer, "# HELP %.*s ", (int)length, metric->options.name);
	write_escaped(buffer, metric->options.help, format == METRICS_OPEN);
	buffer_append_format(buffer, "\n# TYPE %.*s %s\n", (int)length, metric->options.name, types[metric->kind]);
}

/* Whole numbers as such, others with as many digits as a double has for sure. */
static void write_scaled(struct buffer *buffer, const struct metric *metric, int64_t value)
{
	if (metric->options.scale == 1)
		buffer_append_int(buffer, value);
	else
		buffer_append_format(buffer, "%.15g", (double)value * metric->options.scale);
}

/* A bound looks like a fraction in every format, so that it is the same label in each. */
static void write_bound(struct buffer *buffer, const struct metric *metric, uint64_t bound)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%.15g", (double)bound * metric->options.scale);
	buffer_append_string(buffer, text);
	if (strpbrk(text, ".e") == NULL)
		buffer_append_string(buffer, ".0");
}

/* " # {trace_id="4bf9…"} 0.0031 1700000000.123", if there is one. */
static void write_exemplar(struct buffer *buffer, const struct metric *metric, uint32_t series, uint32_t bucket)
{
	const struct metric_exemplar *exemplar = &metric->exemplars[series * (metric->options.bucket_count + 1) + bucket];
	uint64_t trace[ARRAY_LENGTH(exemplar->trace)];
	uint8_t bytes[METRIC_TRACE_SIZE];
	uint32_t version = exemplar->version;
	if (version == 0 || version % 2 != 0)
		return;
	for (uint32_t i = 0; i < ARRAY_LENGTH(trace); i++)
		trace[i] = exemplar->trace[i];
	uint64_t value = exemplar->value, time_ms = exemplar->time_ms;
	if (exemplar->version != version)
		return; /* the next scrape has the new one */
	memcpy(bytes, trace, sizeof bytes);
	buffer_append_string(buffer, " # {trace_id=\"");
	for (uint32_t i = 0; i < METRIC_TRACE_SIZE; i++)
		buffer_append_format(buffer, "%02x", bytes[i]);
	buffer_append_format(buffer, "\"} %.15g %.3f", (double)value * metric->options.scale, (double)time_ms / 1e3);
}

#define NO_BUCKET UINT32_MAX

/* tro_request_seconds_bucket{route="/v1/holds",le="0.005"}, with what there is of it, and a blank. */
static void write_sample_name(struct buffer *buffer, const struct metric *metric, const char *suffix, uint32_t series, uint32_t bucket)
{
	const struct metric_label *labels = metric->options.labels;
	uint32_t second_count = value_count(metric, 1), third_count = value_count(metric, 2);
	const uint32_t positions[METRIC_LABELS_MAX] = {series / third_count / second_count, series / third_count % second_count,
	                                               series % third_count};
	char separator = '{';
	buffer_append_string(buffer, metric->options.name);
	buffer_append_string(buffer, suffix);
	for (uint32_t i = 0; i < METRIC_LABELS_MAX && labels[i].name != NULL; i++) {
		buffer_append_format(buffer, "%c%s=\"", separator, labels[i].name);
		write_escaped(buffer, labels[i].values[positions[i]], true);
		buffer_append_byte(buffer, '"');
		separator = ',';
	}
	if (bucket != NO_BUCKET) {
		buffer_append_format(buffer, "%cle=\"", separator);
		if (bucket < metric->options.bucket_count)
			write_bound(buffer, metric, metric->options.buckets[bucket]);
		else
			buffer_append_string(buffer, "+Inf");
		buffer_append_byte(buffer, '"');
		separator = ',';
	}
	buffer_append_string(buffer, separator == ',' ? "} " : " ");
}

/* A labelled series shows once it has been used, so that a family is as long as what happens is various, or when it was asked for. */
static bool is_shown(const struct metric *metric, uint32_t series, int64_t uses)
{
	if (metric->options.labels[0].name == NULL || metric->kind == METRIC_GAUGE || uses != 0)
		return true;
	return metric->shown != NULL && atomic_load_explicit(&metric->shown[series], memory_order_relaxed);
}

static void write_number(struct buffer *buffer, const struct metric *metric, uint32_t series)
{
	int64_t value = cell_total(metric, series, 0);
	if (value == METRIC_ABSENT || !is_shown(metric, series, value))
		return;
	write_sample_name(buffer, metric, "", series, NO_BUCKET);
	write_scaled(buffer, metric, value);
	buffer_append_byte(buffer, '\n');
}

static void write_histogram(struct buffer *buffer, const struct metric *metric, enum metrics_format format, uint32_t series)
{
	uint32_t bucket_count = metric->options.bucket_count;
	int64_t counts[METRIC_BUCKETS_MAX + 1]; /* cumulative, the last is +Inf */
	int64_t count = 0;
	for (uint32_t i = 0; i <= bucket_count; i++)
		counts[i] = count += cell_total(metric, series, i);
	if (!is_shown(metric, series, count))
		return;
	for (uint32_t i = 0; i <= bucket_count; i++) {
		write_sample_name(buffer, metric, "_bucket", series, i);
		buffer_append_format(buffer, "%" PRId64, counts[i]);
		if (format == METRICS_OPEN && metric->exemplars != NULL)
			write_exemplar(buffer, metric, series, i);
		buffer_append_byte(buffer, '\n');
	}
	write_sample_name(buffer, metric, "_sum", series, NO_BUCKET);
	write_scaled(buffer, metric, cell_total(metric, series, bucket_count + 1));
	buffer_append_byte(buffer, '\n');
	write_sample_name(buffer, metric, "_count", series, NO_BUCKET);
	buffer_append_format(buffer, "%" PRId64 "\n", count);
}

void metrics_write(const struct metrics *metrics, enum metrics_format format, struct buffer *buffer)
{
	assert(metrics != NULL);
	assert(buffer != NULL);

	for (const struct metric *metric = metrics->first; metric != NULL; metric = metric->next) {
		write_header(metric, format, buffer);
		for (uint32_t series = 0; series < metric->series_count; series++) {
			if (metric->kind == METRIC_HISTOGRAM)
				write_histogram(buffer, metric, format, series);
			else
				write_number(buffer, metric, series);
		}
	}
	if (format == METRICS_OPEN)
		buffer_append_string(buffer, "# EOF\n");
}
