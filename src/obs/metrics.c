/* metrics.c: a family is one array of cells for each CPU; a series is a run of cells in it. */
#include "obs/metrics.h"
#include "obs/metrics_inside.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_LINE 64
#define SHARDS_MAX 64
#define EXEMPLAR_MS 1000 /* an exemplar younger than this stays, so that a busy bucket rarely writes one */

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

static void metric_free(struct metric *metric)
{
	free(metric->shards);
	free(metric->shown);
	free(metric->exemplars);
	free(metric);
}

void metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	while (metrics->first != NULL) {
		struct metric *metric = metrics->first;
		metrics->first = metric->next;
		metric_free(metric);
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

/* A programming error, which shows at the first start. */
static void check_options(const struct metrics *metrics, enum metric_kind kind, const struct metric_options *options)
{
	assert(is_name(options->name) && options->help != NULL);
	assert(ends_with(options->name, "_total") == (kind == METRIC_COUNTER));
	assert((kind == METRIC_HISTOGRAM) == (options->bucket_count > 0));
	assert(options->bucket_count <= METRIC_BUCKETS_MAX);
	assert(kind != METRIC_HISTOGRAM || options->read == NULL);
	assert(kind == METRIC_HISTOGRAM || !options->has_exemplars);
	for (uint32_t i = 1; i < options->bucket_count; i++)
		assert(options->buckets[i - 1] < options->buckets[i]);
	for (uint32_t i = 0; i < METRIC_LABELS_MAX; i++)
		assert(options->labels[i].name == NULL || (is_name(options->labels[i].name) && options->labels[i].count > 0));
	for (const struct metric *other = metrics->first; other != NULL; other = other->next)
		assert(strcmp(other->options.name, options->name) != 0);
}

/* Allocates what a family keeps that is counted as things happen. ERR_NO_MEMORY: metric_free frees what was allocated. */
static enum error make_cells(struct metric *metric, uint32_t shard_count)
{
	size_t size = (size_t)metric->series_count * metric->cells_per_series * sizeof(_Atomic int64_t);
	metric->shard_size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	metric->shard_count = shard_count;
	metric->shards = aligned_alloc(CACHE_LINE, metric->shard_size * metric->shard_count);
	metric->shown = calloc(metric->series_count, sizeof *metric->shown);
	if (metric->shards == NULL || metric->shown == NULL)
		return ERR_NO_MEMORY;
	memset(metric->shards, 0, metric->shard_size * metric->shard_count);
	if (!metric->options.has_exemplars)
		return OK;
	metric->exemplars = calloc((size_t)metric->series_count * (metric->options.bucket_count + 1), sizeof *metric->exemplars);
	return metric->exemplars == NULL ? ERR_NO_MEMORY : OK;
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
	if (options->read == NULL && make_cells(metric, metrics->shard_count) != OK) {
		metric_free(metric);
		return ERR_NO_MEMORY;
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

uint32_t metric_series(const struct metric *metric, uint32_t first, uint32_t second, uint32_t third)
{
	assert(metric != NULL);
	assert(first < value_count(metric, 0) && second < value_count(metric, 1) && third < value_count(metric, 2));

	return (first * value_count(metric, 1) + second) * value_count(metric, 2) + third;
}

void metric_show(struct metric *metric, uint32_t series)
{
	assert(metric != NULL && metric->shown != NULL);
	assert(series < metric->series_count);

	atomic_store_explicit(&metric->shown[series], true, memory_order_relaxed);
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

static uint32_t bucket_of(const struct metric *metric, uint64_t value)
{
	uint32_t bucket = 0;
	assert(value <= INT64_MAX);
	while (bucket < metric->options.bucket_count && value > metric->options.buckets[bucket])
		bucket++;
	return bucket;
}

void metric_observe(struct metric *metric, uint32_t series, uint64_t value)
{
	assert(metric != NULL && metric->kind == METRIC_HISTOGRAM);
	assert(series < metric->series_count && value <= INT64_MAX);

	uint32_t bucket = bucket_of(metric, value);
	uint32_t shard = this_shard(metric);
	uint32_t sum = metric->options.bucket_count + 1;
	atomic_fetch_add_explicit(cell_of(metric, shard, series, bucket), 1, memory_order_relaxed);
	atomic_fetch_add_explicit(cell_of(metric, shard, series, sum), (int64_t)value, memory_order_relaxed);
}

void metric_observe_traced(struct metric *metric, uint32_t series, uint64_t value, const uint8_t trace_id[static METRIC_TRACE_SIZE],
                           uint64_t now_ms)
{
	assert(metric != NULL && metric->exemplars != NULL);

	metric_observe(metric, series, value);
	struct metric_exemplar *exemplar = &metric->exemplars[series * (metric->options.bucket_count + 1) + bucket_of(metric, value)];
	uint32_t version = atomic_load_explicit(&exemplar->version, memory_order_relaxed);
	uint64_t time_ms = atomic_load_explicit(&exemplar->time_ms, memory_order_relaxed);
	if (version % 2 != 0 || (version != 0 && now_ms >= time_ms && now_ms - time_ms < EXEMPLAR_MS))
		return;
	if (!atomic_compare_exchange_strong(&exemplar->version, &version, version + 1))
		return; /* another thread writes its own */
	uint64_t trace[ARRAY_LENGTH(exemplar->trace)];
	memcpy(trace, trace_id, sizeof trace);
	for (uint32_t i = 0; i < ARRAY_LENGTH(trace); i++)
		exemplar->trace[i] = trace[i];
	exemplar->value = value;
	exemplar->time_ms = now_ms;
	exemplar->version = version + 2;
}
