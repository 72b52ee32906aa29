/* tracer.c: a ring of spans between those who bring them and the one thread that sends them. */
#include "trace/tracer.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pipeline/worker.h"

#define NS_PER_MS UINT64_C(1000000)
#define RETRY_BASE_MS 1000
#define RETRY_MAX_MS 30000

struct tracer {
	struct tracer_options options;
	struct tracer_counters counters;
	struct worker *worker; /* NULL: not started */
	pthread_mutex_t lock;  /* guards the head of the ring: threads that bring spans take turns */
	/* Spans brought since the start, and done with since the start: the difference waits, at (number % capacity). The first is changed
	 * by those who hold the lock, the second by the thread that sends. */
	_Atomic uint64_t brought;
	_Atomic uint64_t done;
	struct span *ring;
	const struct span **batch;
	/* The batch at hand, which is the oldest part of what waits; 0: none. */
	uint32_t count;
	uint32_t tries;
	uint64_t try_at_ns;
	bool is_failing;
};

enum error tracer_new(const struct tracer_options *options, struct tracer **ret_tracer)
{
	assert(options != NULL && options->exporter != NULL && options->now_ns != NULL);
	assert(options->batch_max > 0 && options->batch_max <= options->capacity);
	struct tracer *tracer = calloc(1, sizeof *tracer);
	if (tracer != NULL) {
		tracer->ring = calloc(options->capacity, sizeof *tracer->ring);
		tracer->batch = calloc(options->batch_max, sizeof *tracer->batch);
	}
	if (tracer == NULL || tracer->ring == NULL || tracer->batch == NULL) {
		span_exporter_free(options->exporter);
		if (tracer != NULL) {
			free(tracer->ring);
			free(tracer->batch);
		}
		free(tracer);
		return ERR_NO_MEMORY;
	}
	tracer->options = *options;
	tracer->options.exporter->give_up_ns = UINT64_MAX;
	pthread_mutex_init(&tracer->lock, NULL);
	*ret_tracer = tracer;
	return OK;
}

enum error tracer_start(struct tracer *tracer)
{
	assert(tracer != NULL && tracer->worker == NULL);
	const struct worker_options worker = {.name = "traces", .step = tracer_step, .context = tracer};
	return worker_new(&worker, &tracer->worker);
}

const struct tracer_counters *tracer_counters(const struct tracer *tracer)
{
	assert(tracer != NULL);
	return &tracer->counters;
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	assert(counter != NULL);
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static struct span *place_of(struct tracer *tracer, uint64_t number)
{
	assert(tracer->ring != NULL);
	return &tracer->ring[number % tracer->options.capacity];
}

static void release_copy(struct span span)
{
	span_release(&span);
}

void tracer_record_all(struct tracer *tracer, const struct span *spans, uint32_t span_count)
{
	assert(tracer != NULL && (spans != NULL || span_count == 0));
	uint32_t capacity = tracer->options.capacity;
	pthread_mutex_lock(&tracer->lock);
	uint64_t brought = tracer->brought;
	uint32_t waiting = (uint32_t)(brought - atomic_load_explicit(&tracer->done, memory_order_acquire));
	uint32_t taken = capacity - waiting < span_count ? capacity - waiting : span_count;
	for (uint32_t i = 0; i < taken; i++)
		*place_of(tracer, brought + i) = spans[i];
	atomic_store_explicit(&tracer->brought, brought + taken, memory_order_release);
	pthread_mutex_unlock(&tracer->lock);
	for (uint32_t i = taken; i < span_count; i++)
		release_copy(spans[i]);
	count(&tracer->counters.recorded, span_count);
	count(&tracer->counters.dropped_full, span_count - taken);
	tracer->counters.waiting = waiting + taken;
	/* The caller that fills a batch wakes the thread; otherwise the thread wakes at its own time. */
	uint32_t full = tracer->options.batch_max;
	if (tracer->worker != NULL && waiting < full && waiting + taken >= full)
		worker_wake(tracer->worker);
}

void tracer_record(struct tracer *tracer, const struct span *span)
{
	tracer_record_all(tracer, span, 1);
}

/* The batch is sent, or given up: its place in the ring is free. */
static void end_batch(struct tracer *tracer)
{
	assert(tracer->count > 0);
	for (uint32_t i = 0; i < tracer->count; i++)
		span_release(place_of(tracer, tracer->done + i));
	uint64_t done = tracer->done + tracer->count;
	atomic_store_explicit(&tracer->done, done, memory_order_release);
	tracer->counters.waiting = (uint32_t)(tracer->brought - done);
	tracer->count = 0;
	tracer->tries = 0;
}

static bool begin_batch(struct tracer *tracer)
{
	assert(tracer->count == 0);
	uint64_t done = tracer->done;
	uint64_t waiting = atomic_load_explicit(&tracer->brought, memory_order_acquire) - done;
	tracer->count = waiting < tracer->options.batch_max ? (uint32_t)waiting : tracer->options.batch_max;
	for (uint32_t i = 0; i < tracer->count; i++)
		tracer->batch[i] = place_of(tracer, done + i);
	return tracer->count > 0;
}

static void tell(struct tracer *tracer, const char *problem)
{
	bool is_failing = problem != NULL;
	if (is_failing != tracer->is_failing && tracer->options.told != NULL)
		tracer->options.told(tracer->options.context, problem);
	tracer->is_failing = is_failing;
}

/* 1, 2, 4, 8 seconds, or as long as the receiver asks. */
static uint64_t pause_ms(const struct tracer *tracer, uint64_t asked_ms)
{
	assert(tracer->tries > 0 && tracer->tries < TRACER_TRIES_MAX);
	uint64_t ms = (uint64_t)RETRY_BASE_MS << (tracer->tries - 1);
	ms = asked_ms > ms ? asked_ms : ms;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

/* Sends the batch at hand. False: it is to be sent again, at try_at_ns. */
static bool send_batch(struct tracer *tracer)
{
	assert(tracer->count > 0);
	struct span_exporter *exporter = tracer->options.exporter;
	struct span_export export = {.spans = tracer->batch, .count = tracer->count};
	enum export_result result = exporter->operations->send(exporter, &export);
	tracer->tries++;
	if (result == EXPORT_DONE) {
		uint32_t rejected = export.rejected < export.count ? export.rejected : export.count;
		count(&tracer->counters.exported, export.count - rejected);
		count(&tracer->counters.rejected, rejected);
		tell(tracer, NULL);
		end_batch(tracer);
		return true;
	}
	tell(tracer, export.problem);
	if (result == EXPORT_AGAIN && tracer->tries < TRACER_TRIES_MAX) {
		tracer->try_at_ns = tracer->options.now_ns() + pause_ms(tracer, export.wait_ms) * NS_PER_MS;
		return false;
	}
	count(&tracer->counters.dropped_failed, tracer->count);
	end_batch(tracer);
	return true;
}

uint64_t tracer_step(void *context)
{
	struct tracer *tracer = context;
	assert(tracer != NULL);
	uint64_t now_ns = tracer->options.now_ns();
	if (tracer->count > 0 && now_ns < tracer->try_at_ns)
		return (tracer->try_at_ns - now_ns) / NS_PER_MS + 1;
	if (tracer->count == 0 && !begin_batch(tracer))
		return TRACER_DELAY_MS;
	if (tracer->tries > 0)
		count(&tracer->counters.retries, 1);
	if (!send_batch(tracer))
		return tracer_step(tracer); /* the time until the next step */
	return tracer->brought - tracer->done >= tracer->options.batch_max ? 0 : TRACER_DELAY_MS;
}

/* Sends the remaining spans, as far as the receiver takes them at once. */
static void finish(struct tracer *tracer, uint64_t until_ns)
{
	bool is_serving = true;
	while (is_serving && tracer->options.now_ns() < until_ns && (tracer->count > 0 || begin_batch(tracer)))
		is_serving = send_batch(tracer) && !tracer->is_failing;
	while (tracer->count > 0 || begin_batch(tracer)) {
		count(&tracer->counters.dropped_failed, tracer->count);
		end_batch(tracer);
	}
}

void tracer_free(struct tracer *tracer)
{
	if (tracer == NULL)
		return;
	uint64_t until_ns = tracer->options.now_ns() + TRACER_FINISH_MS * NS_PER_MS;
	tracer->options.exporter->give_up_ns = until_ns;
	worker_free(tracer->worker); /* a send that is under way ends by then */
	finish(tracer, until_ns);
	span_exporter_free(tracer->options.exporter);
	pthread_mutex_destroy(&tracer->lock);
	free(tracer->ring);
	free(tracer->batch);
	free(tracer);
}
