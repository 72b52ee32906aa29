/* worker.c: a loop of step and timed wait. */
#include "pipeline/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/now.h"
#include "pipeline/thread.h"

/* A wait never exceeds this, so that no sum of times overflows. */
#define WAIT_MAX_MS (UINT64_C(24) * 60 * 60 * 1000)

struct worker {
	struct worker_options options;
	pthread_t thread;
	bool is_joined; /* worker_stop's */
	_Atomic uint64_t busy_ns;
	_Atomic bool is_woken;  /* a step is asked for, and has not begun */
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t changed; /* waits by the monotonic clock */
	bool is_sleeping;       /* waits and may be woken */
	bool is_stopping;
};

static struct timespec monotonic_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

static struct timespec later(struct timespec time, uint64_t ms)
{
	assert(time.tv_nsec < 1000000000);
	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	uint64_t ns = (uint64_t)time.tv_nsec + ms % 1000 * 1000000;
	return (struct timespec){
		.tv_sec = time.tv_sec + (time_t)(ms / 1000) + (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};
}

/* False: the worker is stopping. */
static bool worker_wait(struct worker *worker, const struct timespec *earliest, const struct timespec *until)
{
	pthread_mutex_lock(&worker->lock);
	/* Only worker_stop ends the first wait: worker_wake sees that the worker is not sleeping. */
	bool is_over = false;
	while (!worker->is_stopping && !is_over)
		is_over = pthread_cond_timedwait(&worker->changed, &worker->lock, earliest) != 0;
	is_over = false;
	while (!worker->is_stopping && !worker->is_woken && !is_over) {
		worker->is_sleeping = true;
		is_over = pthread_cond_timedwait(&worker->changed, &worker->lock, until) != 0;
	}
	worker->is_sleeping = false;
	bool goes_on = !worker->is_stopping;
	pthread_mutex_unlock(&worker->lock);
	return goes_on;
}

static void *worker_run(void *context)
{
	assert(context != NULL);
	struct worker *worker = context;
	struct timespec earliest;
	struct timespec until;
	pthread_mutex_lock(&worker->lock); /* until worker_new has let go of it */
	pthread_mutex_unlock(&worker->lock);
	do {
		earliest = later(monotonic_now(), worker->options.spacing_ms);
		worker->is_woken = false;
		uint64_t began_ns = monotonic_now_ns();
		uint64_t wait_ms = worker->options.step(worker->options.context);
		worker->busy_ns += monotonic_now_ns() - began_ns;
		until = later(monotonic_now(), wait_ms);
	} while (worker_wait(worker, &earliest, &until));
	return NULL;
}

enum error worker_new(const struct worker_options *options, struct worker **ret_worker)
{
	assert(options != NULL && options->step != NULL);
	assert(ret_worker != NULL);

	struct worker *worker = calloc(1, sizeof *worker);
	if (worker == NULL)
		return ERR_NO_MEMORY;
	worker->options = *options;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_lock(&worker->lock);
	enum error error = thread_start(options->name, worker_run, worker, &worker->thread);
	if (error == OK)
		*ret_worker = worker;
	pthread_mutex_unlock(&worker->lock);
	if (error != OK)
		free(worker);
	return error;
}

void worker_wake(struct worker *worker)
{
	assert(worker != NULL);

	if (atomic_exchange(&worker->is_woken, true))
		return;
	pthread_mutex_lock(&worker->lock);
	if (worker->is_sleeping)
		pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

uint64_t worker_busy_ns(const struct worker *worker)
{
	assert(worker != NULL);
	return worker->busy_ns;
}

void worker_end(struct worker *worker)
{
	assert(worker != NULL);

	pthread_mutex_lock(&worker->lock);
	worker->is_stopping = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

void worker_stop(struct worker *worker)
{
	assert(worker != NULL);

	if (worker->is_joined)
		return;
	worker_end(worker);
	pthread_join(worker->thread, NULL);
	worker->is_joined = true;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	worker_stop(worker);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
