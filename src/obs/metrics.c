/* metrics.c: a family is one array of cells for each CPU; a series is a run of cells in it. */
#include "obs/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_LINE 64
#define SHARDS_MAX 64

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
	char *shards; /* NULL when values are asked for */
};

struct metrics {
	struct metric *first;
	struct metric **last;
	uint32_t shard_count; /* CPUs, within reason */
};

enum error metrics_new(struct metrics **ret_metrics)
{
	assert(ret_metrics != NULL);

	struct metrics *metrics = calloc(1, sizeof *metrics);
	if (metrics == NULL)
		return ERR_NO_MEMORY;
	metrics->last = &metrics->first;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	metrics->shard_count = cpus < 1 ? 1 : cpus > SHARDS_MAX ? SHARDS_MAX : (uint32_t)cpus;
	*ret_metrics = metrics;
	return OK;
}

void metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	while (metrics->first != NULL) {
		struct metric *metric = metrics->first;
		metrics->first = metric->next;
		free(metric->shards);
		free(metric);
	}
	free(metrics);
}

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
	size_t first = strspn(name, letters);
	return first > 0 && name[first + strspn(name + first, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:")] == '\0';
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* What a programmer got wrong shows at the first start. */
static void check_options(const struct metrics *metrics, enum metric_kind kind, const struct metric_options *options)
{
	assert(is_name(options->name) && options->help != NULL);
	assert(ends_with(options->name, "_total") == (kind == METRIC_COUNTER));
	assert((kind == METRIC_HISTOGRAM) == (options->bucket_count > 0));
	assert(options->bucket_count <= METRIC_BUCKETS_MAX);
	assert(kind != METRIC_HISTOGRAM || options->read == NULL);
	for (uint32_t i = 1; i < options->bucket_count; i++)
		assert(options->buckets[i - 1] < options->buckets[i]);
	for (uint32_t i = 0; i < METRIC_LABELS_MAX; i++)
		assert(options->labels[i].name == NULL || (is_name(options->labels[i].name) && options->labels[i].count > 0));
	for (const struct metric *other = metrics->first; other != NULL; other = other->next)
		assert(strcmp(other->options.name, options->name) != 0);
}

static enum error declare(struct metrics *metrics, enum metric_kind kind, const struct metric_options *options, struct metric **ret_metric)
{
	assert(metrics != NULL && options != NULL && ret_metric != NULL);
	check_options(metrics, kind, options);

	struct metric *metric = calloc(1, sizeof *metric);
	if (metric == NULL)
		return ERR_NO_MEMORY;
	metric->kind = kind;
	metric->options = *options;
	if (metric->options.scale == 0)
		metric->options.scale = 1;
	metric->series_count = 1;
	for (uint32_t i = 0; i < METRIC_LABELS_MAX; i++) {
		if (options->labels[i].name != NULL)
			metric->series_count *= options->labels[i].count;
	}
	metric->cells_per_series = kind == METRIC_HISTOGRAM ? options->bucket_count + 2 : 1;
	if (options->read == NULL) {
		size_t size = (size_t)metric->series_count * metric->cells_per_series * sizeof(_Atomic int64_t);
		metric->shard_size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
		metric->shard_count = metrics->shard_count;
		metric->shards = aligned_alloc(CACHE_LINE, metric->shard_size * metric->shard_count);
		if (metric->shards == NULL) {
			free(metric);
			return ERR_NO_MEMORY;
		}
		memset(metric->shards, 0, metric->shard_size * metric->shard_count);
	}
	*metrics->last = metric;
	metrics->last = &metric->next;
	*ret_metric = metric;
	return OK;
}

enum error metrics_counter(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric)
{
	return declare(metrics, METRIC_COUNTER, options, ret_metric);
}

enum error metrics_gauge(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric)
{
	return declare(metrics, METRIC_GAUGE, options, ret_metric);
}

enum error metrics_histogram(struct metrics *metrics, const struct metric_options *options, struct metric **ret_metric)
{
	return declare(metrics, METRIC_HISTOGRAM, options, ret_metric);
}

/* How many values a label has; one that the family does not have stands for one. */
static uint32_t value_count(const struct metric *metric, uint32_t label)
{
	return metric->options.labels[label].name == NULL ? 1 : metric->options.labels[label].count;
}

uint32_t metric_series(const struct metric *metric, uint32_t first, uint32_t second, uint32_t third)
{
	assert(metric != NULL);
	assert(first < value_count(metric, 0) && second < value_count(metric, 1) && third < value_count(metric, 2));

	return (first * value_count(metric, 1) + second) * value_count(metric, 2) + third;
}

static _Atomic int64_t *cell_of(const struct metric *metric, uint32_t shard, uint32_t series, uint32_t cell)
{
	_Atomic int64_t *cells = (void *)(metric->shards + shard * metric->shard_size);
	return &cells[(size_t)series * metric->cells_per_series + cell];
}

/* The cells of this CPU. The thread may move on before it counts: that costs a cache miss, never a count. */
static uint32_t this_shard(const struct metric *metric)
{
	int cpu = sched_getcpu();
	return cpu < 0 ? 0 : (uint32_t)cpu % metric->shard_count;
}

void metric_add(struct metric *metric, uint32_t series, int64_t amount)
{
	assert(metric != NULL && metric->kind != METRIC_HISTOGRAM && metric->shards != NULL);
	assert(series < metric->series_count);
	assert(metric->kind == METRIC_GAUGE || amount >= 0);

	atomic_fetch_add_explicit(cell_of(metric, this_shard(metric), series, 0), amount, memory_order_relaxed);
}

void metric_observe(struct metric *metric, uint32_t series, uint64_t value)
{
	assert(metric != NULL && metric->kind == METRIC_HISTOGRAM);
	assert(series < metric->series_count && value <= INT64_MAX);

	uint32_t bucket = 0;
	while (bucket < metric->options.bucket_count && value > metric->options.buckets[bucket])
		bucket++;
	uint32_t shard = this_shard(metric);
	uint32_t sum = metric->options.bucket_count + 1;
	atomic_fetch_add_explicit(cell_of(metric, shard, series, bucket), 1, memory_order_relaxed);
	atomic_fetch_add_explicit(cell_of(metric, shard, series, sum), (int64_t)value, memory_order_relaxed);
}

static int64_t cell_total(const struct metric *metric, uint32_t series, uint32_t cell)
{
	if (metric->options.read != NULL)
		return metric->options.read(metric->options.context, series);
	int64_t total = 0;
	for (uint32_t shard = 0; shard < metric->shard_count; shard++)
		total += atomic_load_explicit(cell_of(metric, shard, series, cell), memory_order_relaxed);
	return total;
}

/* The exposition. */

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

static void write_header(const struct metric *metric, struct buffer *buffer)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

	buffer_append_format(buffer, "# HELP %s ", metric->options.name);
	write_escaped(buffer, metric->options.help, false);
	buffer_append_format(buffer, "\n# TYPE %s %s\n", metric->options.name, types[metric->kind]);
}

/* Whole numbers as such, others with as many digits as a double has for sure. */
static void write_scaled(struct buffer *buffer, const struct metric *metric, int64_t value)
{
	if (metric->options.scale == 1)
		buffer_append_int(buffer, value);
	else
		buffer_append_format(buffer, "%.15g", (double)value * metric->options.scale);
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
			write_scaled(buffer, metric, (int64_t)metric->options.buckets[bucket]);
		else
			buffer_append_string(buffer, "+Inf");
		buffer_append_byte(buffer, '"');
		separator = ',';
	}
	buffer_append_string(buffer, separator == ',' ? "} " : " ");
}

/* A labelled series shows once it has been used, so that a family is as long as what happens is various. */
static bool is_shown(const struct metric *metric, int64_t uses)
{
	return metric->options.labels[0].name == NULL || metric->kind == METRIC_GAUGE || uses != 0;
}

static void write_number(struct buffer *buffer, const struct metric *metric, uint32_t series)
{
	int64_t value = cell_total(metric, series, 0);
	if (value == METRIC_ABSENT || !is_shown(metric, value))
		return;
	write_sample_name(buffer, metric, "", series, NO_BUCKET);
	write_scaled(buffer, metric, value);
	buffer_append_byte(buffer, '\n');
}

static void write_histogram(struct buffer *buffer, const struct metric *metric, uint32_t series)
{
	uint32_t bucket_count = metric->options.bucket_count;
	int64_t counts[METRIC_BUCKETS_MAX + 1]; /* cumulative, the last is +Inf */
	int64_t count = 0;
	for (uint32_t i = 0; i <= bucket_count; i++)
		counts[i] = count += cell_total(metric, series, i);
	if (!is_shown(metric, count))
		return;
	for (uint32_t i = 0; i <= bucket_count; i++) {
		write_sample_name(buffer, metric, "_bucket", series, i);
		buffer_append_format(buffer, "%" PRId64 "\n", counts[i]);
	}
	write_sample_name(buffer, metric, "_sum", series, NO_BUCKET);
	write_scaled(buffer, metric, cell_total(metric, series, bucket_count + 1));
	buffer_append_byte(buffer, '\n');
	write_sample_name(buffer, metric, "_count", series, NO_BUCKET);
	buffer_append_format(buffer, "%" PRId64 "\n", count);
}

void metrics_write(const struct metrics *metrics, struct buffer *buffer)
{
	assert(metrics != NULL);
	assert(buffer != NULL);

	for (const struct metric *metric = metrics->first; metric != NULL; metric = metric->next) {
		write_header(metric, buffer);
		for (uint32_t series = 0; series < metric->series_count; series++) {
			if (metric->kind == METRIC_HISTOGRAM)
				write_histogram(buffer, metric, series);
			else
				write_number(buffer, metric, series);
		}
	}
}
