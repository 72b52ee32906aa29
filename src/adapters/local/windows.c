/* windows.c: shards of hash tables of rings. */
#include "adapters/local/windows.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/list.h"

#define SHARD_COUNT 16
#define CALLERS_PER_BUCKET 4
#define RING_CAPACITY_MIN 4
#define IDLE_FREED_MAX 2 /* idle logs that one use of a shard frees */

struct window_log {
	struct hash_node node; /* by the hash of the caller, which alone tells callers apart */
	struct list_node recency;
	uint64_t latest_ms;
	uint32_t *times; /* ring: the low 32 bits of each time, which are enough: all are within one window of latest_ms */
	uint32_t capacity;
	uint32_t first;
	uint32_t count;
};

struct window_shard {
	pthread_mutex_t lock; /* guards all below */
	struct hash_table logs;
	struct list recency; /* least recently used first */
};

struct windows {
	struct windows_options options;
	uint32_t logs_per_shard;
	struct window_shard shards[SHARD_COUNT];
};

enum error windows_new(const struct windows_options *options, struct windows **ret_windows)
{
	assert(ret_windows != NULL);
	assert(options != NULL && options->quota > 0 && options->callers_max > 0);
	assert(options->window_ms > 0 && options->window_ms <= INT32_MAX);

	struct windows *windows = calloc(1, sizeof *windows);
	if (windows == NULL)
		return ERR_NO_MEMORY;
	windows->options = *options;
	windows->logs_per_shard = (options->callers_max + SHARD_COUNT - 1) / SHARD_COUNT;
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		struct window_shard *shard = &windows->shards[i];
		pthread_mutex_init(&shard->lock, NULL);
		list_init(&shard->recency);
		if (hash_table_init(windows->logs_per_shard / CALLERS_PER_BUCKET + 1, &shard->logs) != OK) {
			windows_free(windows);
			return ERR_NO_MEMORY;
		}
	}
	*ret_windows = windows;
	return OK;
}

static void log_free(struct window_shard *shard, struct window_log *log)
{
	assert(shard->logs.count > 0);
	hash_table_remove(&shard->logs, &log->node);
	list_remove(&log->recency);
	free(log->times);
	free(log);
}

static struct window_log *least_recent(const struct window_shard *shard)
{
	assert(!list_is_empty(&shard->recency));
	return container_of(shard->recency.head.next, struct window_log, recency);
}

void windows_free(struct windows *windows)
{
	if (windows == NULL)
		return;
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		struct window_shard *shard = &windows->shards[i];
		while (shard->logs.count > 0)
			log_free(shard, least_recent(shard));
		hash_table_release(&shard->logs);
		pthread_mutex_destroy(&shard->lock);
	}
	free(windows);
}

static bool log_is_idle(const struct windows *windows, const struct window_log *log, uint64_t now_ms)
{
	assert(windows != NULL && log != NULL);
	return now_ms >= log->latest_ms && now_ms - log->latest_ms >= windows->options.window_ms;
}

/* NULL when out of memory. */
static struct window_log *log_add(struct windows *windows, struct window_shard *shard, uint64_t caller_hash, uint64_t now_ms)
{
	assert(shard->logs.count <= windows->logs_per_shard);
	for (uint32_t i = 0; i < IDLE_FREED_MAX && shard->logs.count > 0 && log_is_idle(windows, least_recent(shard), now_ms); i++)
		log_free(shard, least_recent(shard));
	if (shard->logs.count == windows->logs_per_shard)
		log_free(shard, least_recent(shard));
	struct window_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return NULL;
	log->latest_ms = now_ms;
	hash_table_put(&shard->logs, &log->node, caller_hash);
	list_push(&shard->recency, &log->recency);
	return log;
}

static uint64_t oldest_ms(const struct window_log *log)
{
	assert(log->count > 0);
	return log->latest_ms - (uint32_t)((uint32_t)log->latest_ms - log->times[log->first]);
}

/* Forgets what has left the window. Two threads may come in another order than they read the clock: then time stands still. */
static void log_slide(const struct windows *windows, struct window_log *log, uint64_t now_ms)
{
	assert(log->count <= log->capacity);
	if (log_is_idle(windows, log, now_ms))
		log->count = 0;
	while (log->count > 0 && now_ms > oldest_ms(log) && now_ms - oldest_ms(log) >= windows->options.window_ms) {
		log->first = (log->first + 1) % log->capacity;
		log->count--;
	}
	if (now_ms > log->latest_ms)
		log->latest_ms = now_ms;
}

struct window window_open(struct windows *windows, struct slice caller, uint64_t now_ms)
{
	if (windows == NULL || caller.length == 0)
		return (struct window){0};
	uint64_t hash = hash_bytes(&windows->options.seed, caller.data, caller.length);
	struct window_shard *shard = &windows->shards[hash % SHARD_COUNT];
	pthread_mutex_lock(&shard->lock);
	struct hash_node *node = hash_table_first(&shard->logs, hash / SHARD_COUNT);
	struct window_log *log = node == NULL ? NULL : container_of(node, struct window_log, node);
	if (log == NULL) {
		log = log_add(windows, shard, hash / SHARD_COUNT, now_ms);
	} else {
		list_remove(&log->recency);
		list_push(&shard->recency, &log->recency);
		log_slide(windows, log, now_ms);
	}
	return (struct window){.windows = windows, .shard = shard, .log = log, .now_ms = log == NULL ? now_ms : log->latest_ms};
}

bool window_is_full(const struct window *window)
{
	assert(window->log == NULL || window->windows != NULL);
	return window->log != NULL && window->log->count >= window->windows->options.quota;
}

static bool log_grow(struct window_log *log, uint32_t quota)
{
	assert(log->count == log->capacity && log->capacity < quota);
	uint32_t capacity = log->capacity < RING_CAPACITY_MIN ? RING_CAPACITY_MIN : log->capacity * 2;
	if (capacity > quota)
		capacity = quota;
	uint32_t *times = malloc(capacity * sizeof *times);
	if (times == NULL)
		return false;
	for (uint32_t i = 0; i < log->count; i++)
		times[i] = log->times[(log->first + i) % log->capacity];
	free(log->times);
	log->times = times;
	log->capacity = capacity;
	log->first = 0;
	return true;
}

void window_count(struct window *window)
{
	assert(!window_is_full(window));

	struct window_log *log = window->log;
	if (log == NULL)
		return;
	if (log->count == log->capacity && !log_grow(log, window->windows->options.quota))
		return;
	log->times[(log->first + log->count) % log->capacity] = (uint32_t)window->now_ms;
	log->count++;
}

/* Until the oldest request leaves the window. */
static uint64_t window_next_ms(const struct window *window)
{
	assert(window->log != NULL && window->log->count > 0);
	return oldest_ms(window->log) + window->windows->options.window_ms - window->now_ms;
}

struct admission_quota window_quota(const struct window *window)
{
	assert(window != NULL);
	if (window->windows == NULL)
		return (struct admission_quota){0};
	const struct windows_options *options = &window->windows->options;
	uint32_t used = window->log == NULL ? 0 : window->log->count;
	uint64_t reset_ms = used == 0 ? options->window_ms : window_next_ms(window);
	return (struct admission_quota){
		.is_limited = true,
		.quota = options->quota,
		.window_s = (options->window_ms + 999) / 1000,
		.remaining = options->quota - used,
		.reset_s = (uint32_t)((reset_ms + 999) / 1000),
	};
}

uint64_t window_wait_ms(const struct window *window)
{
	return window_is_full(window) ? window_next_ms(window) : 0;
}

void window_close(struct window *window)
{
	assert((window->shard == NULL) == (window->windows == NULL));
	if (window->shard != NULL)
		pthread_mutex_unlock(&window->shard->lock);
	*window = (struct window){0};
}
