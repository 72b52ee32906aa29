/* loop.c: see loop.h. */
#include "http/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/now.h"
#include "http/response.h"
#include "http/server_options.h"

#define DRAIN_TIMEOUT_MS 1000
#define LINGER_TIMEOUT_MS 2000
#define EVICTION_AGE_MS 1000

uint64_t loop_random(struct loop *loop)
{
	if (loop->random_used == RANDOM_POOL_SIZE) {
		ssize_t length = getrandom(loop->random, sizeof loop->random, 0);
		assert(length == sizeof loop->random); /* up to 256 bytes are never cut short */
		loop->random_used = 0;
	}
	return loop->random[loop->random_used++];
}

struct uuid loop_uuid(struct loop *loop)
{
	uint64_t random = loop_random(loop);
	return uuid_v7(hlc_next(&loop->clock, wall_now_ms()), random, (uint8_t)random);
}

struct slice loop_date(struct loop *loop)
{
	time_t now = time(NULL);
	if (now != loop->date_second) {
		struct tm utc;
		gmtime_r(&now, &utc);
		strftime(loop->date, sizeof loop->date, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* in the C locale, which is never left */
		loop->date_second = now;
	}
	return (struct slice){.data = loop->date, .length = DATE_LENGTH};
}

/* Connections that come and go. */

uint32_t loop_connection_count(const struct loop *loop)
{
	return atomic_load(&loop->connection_count);
}

static void note_if_drained(struct loop *loop)
{
	if (loop->phase < LOOP_DRAINING)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->is_drained = loop_connection_count(loop) == 0;
	pthread_cond_signal(&loop->drained);
	pthread_mutex_unlock(&loop->lock);
}

void loop_connection_closed(struct loop *loop)
{
	assert(loop_connection_count(loop) > 0);
	atomic_fetch_sub(&loop->connection_count, 1);
	loop->events->connection_closed(loop);
	note_if_drained(loop);
}

void loop_adopt(struct loop *loop, struct list_node *arrival)
{
	if (loop->index == 0) {
		atomic_fetch_add(&loop->connection_count, 1);
		loop->events->arrived(loop, arrival);
		return;
	}
	pthread_mutex_lock(&loop->lock);
	atomic_fetch_add(&loop->connection_count, 1);
	loop->is_drained = false;
	list_push(&loop->arrivals, arrival);
	pthread_mutex_unlock(&loop->lock);
	loop_wake(loop);
}

/* Phases. */

static void enter_phase(struct loop *loop, enum loop_phase wanted)
{
	while (loop->phase < wanted) {
		loop->phase++;
		if (loop->phase == LOOP_DRAINING)
			loop->events->draining(loop);
		else if (loop->phase == LOOP_CUTTING)
			loop->events->cutting(loop);
		note_if_drained(loop);
	}
}

/* Other threads. */

void loop_wake(struct loop *loop)
{
	reactor_wake(loop->reactor);
}

void loop_post_completion(struct loop *loop, struct list_node *completion)
{
	pthread_mutex_lock(&loop->lock);
	bool was_empty = list_is_empty(&loop->completions);
	list_push(&loop->completions, completion);
	pthread_mutex_unlock(&loop->lock);
	if (was_empty)
		loop_wake(loop);
}

bool loop_is_evictable(const struct loop *loop, enum loop_timeout timeout, uint64_t due_ms, uint64_t now_ms)
{
	return due_ms - loop->timeouts[timeout].duration_ms + EVICTION_AGE_MS <= now_ms;
}

void loop_request_eviction(struct loop *loop, uint32_t count)
{
	assert(count > 0);

	if (atomic_fetch_add(&loop->evictions_wanted, count) == 0)
		loop_wake(loop);
}

void loop_request_phase(struct loop *loop, enum loop_phase phase)
{
	pthread_mutex_lock(&loop->lock);
	if (phase > loop->wanted_phase)
		loop->wanted_phase = phase;
	pthread_mutex_unlock(&loop->lock);
	loop_wake(loop);
}

bool loop_wait_drained(struct loop *loop, uint64_t deadline_ns)
{
	const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};
	pthread_mutex_lock(&loop->lock);
	int result = 0;
	while (!loop->is_drained && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&loop->drained, &loop->lock, &deadline);
	bool is_drained = loop->is_drained;
	pthread_mutex_unlock(&loop->lock);
	return is_drained;
}

uint64_t loop_processor_ns(const struct loop *loop)
{
	struct timespec used;
	if (!loop->has_clock || clock_gettime(loop->clock_id, &used) != 0)
		return 0;
	return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

static void start_connections(struct loop *loop, struct list *arrivals)
{
	struct list_node *node;
	while ((node = list_pop(arrivals)) != NULL)
		loop->events->arrived(loop, node);
	if (loop->phase >= LOOP_CUTTING)
		loop->events->cutting(loop);
}

static void on_woken(void *context)
{
	struct loop *loop = context;
	struct list arrivals, completions;
	list_init(&arrivals);
	list_init(&completions);
	pthread_mutex_lock(&loop->lock);
	list_splice(&arrivals, &loop->arrivals);
	list_splice(&completions, &loop->completions);
	enum loop_phase wanted = loop->wanted_phase;
	pthread_mutex_unlock(&loop->lock);
	start_connections(loop, &arrivals);
	struct list_node *node;
	while ((node = list_pop(&completions)) != NULL)
		loop->events->completed(loop, node);
	loop->events->woken(loop);
	enter_phase(loop, wanted);
}

/* Life. */

static void *run(void *argument)
{
	struct loop *loop = argument;
	char name[16];
	snprintf(name, sizeof name, "%s-%u", loop->options->name, loop->index);
	pthread_setname_np(pthread_self(), name); /* of another thread it would need to write to /proc */
	loop->has_clock = pthread_getcpuclockid(pthread_self(), &loop->clock_id) == 0;
	while (loop->phase != LOOP_ENDING)
		reactor_run(loop->reactor);
	loop->has_clock = false;
	return NULL;
}

/* Signals are for the threads of the program; a loop has none of them, nor the SIGPIPE of a client that has gone. */
enum error loop_start(struct loop *loop)
{
	assert(loop->reactor != NULL && !loop->has_thread);

	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != 0) {
		errno = result;
		return ERR_SYSTEM;
	}
	loop->has_thread = true;
	return OK;
}

static void init_timeouts(struct loop *loop)
{
	const uint64_t durations_ms[LOOP_TIMEOUT_COUNT] = {
		[LOOP_TIMEOUT_IDLE] = loop->options->idle_timeout_ms,
		[LOOP_TIMEOUT_HEAD] = loop->options->head_timeout_ms,
		[LOOP_TIMEOUT_BODY] = loop->options->body_timeout_ms,
		[LOOP_TIMEOUT_SEND] = loop->options->idle_timeout_ms,
		[LOOP_TIMEOUT_DRAIN] = DRAIN_TIMEOUT_MS,
		[LOOP_TIMEOUT_LINGER] = LINGER_TIMEOUT_MS,
		[LOOP_TIMEOUT_MORE] = HTTP_MORE_MS,
	};
	for (size_t i = 0; i < LOOP_TIMEOUT_COUNT; i++)
		timer_queue_init(&loop->timeouts[i], loop->reactor, durations_ms[i]);
}

static void init_lock(struct loop *loop)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->drained, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&loop->lock, NULL);
}

enum error loop_init(struct loop *loop, const struct http_server_options *options, const struct loop_events *events, uint32_t index,
                     struct usage *usage, struct acceptor *acceptor)
{
	assert(loop->reactor == NULL);
	assert(index < options->loops && events != NULL && usage != NULL && acceptor != NULL);

	enum error error = reactor_new(on_woken, loop, &loop->reactor);
	if (error != OK)
		return error;
	loop->options = options;
	loop->events = events;
	loop->usage = usage;
	loop->index = index;
	loop->acceptor = acceptor;
	loop->random_used = RANDOM_POOL_SIZE;
	list_init(&loop->connections);
	list_init(&loop->exchanges);
	list_init(&loop->spare_exchanges);
	list_init(&loop->arrivals);
	list_init(&loop->completions);
	init_lock(loop);
	init_timeouts(loop);
	return OK;
}

void loop_end(struct loop *loop)
{
	if (loop->reactor == NULL)
		return;
	if (loop->has_thread) {
		loop_request_phase(loop, LOOP_ENDING);
		pthread_join(loop->thread, NULL);
	} else {
		enter_phase(loop, LOOP_ENDING);
	}
	assert(list_is_empty(&loop->arrivals) && list_is_empty(&loop->connections));
}

void loop_release(struct loop *loop)
{
	if (loop->reactor == NULL)
		return;
	assert(list_is_empty(&loop->exchanges) && list_is_empty(&loop->spare_exchanges));
	reactor_free(loop->reactor);
	pthread_cond_destroy(&loop->drained);
	pthread_mutex_destroy(&loop->lock);
	*loop = (struct loop){0};
}
