/* lane.c: a list behind a mutex; the lock is held for a few instructions, and only a lane that sleeps is woken. */
#include "pipeline/lane.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/now.h"
#include "base/outside.h"
#include "pipeline/thread.h"

#define OBSERVED_MS_MAX 1000 /* longer gaps between two looks count as this much */

struct lane_thread {
	struct lane *lane;
	pthread_t thread;
	struct outside outside;
	_Atomic uint64_t passes; /* times that it came for jobs, or woke up */
	_Atomic bool is_sleeping;
	_Atomic bool is_busy;     /* serves a batch */
	_Atomic uint64_t busy_ns; /* with the batches before */
	uint64_t seen;            /* the observer's: the lane's progress at the last look … */
	uint64_t silent_ns;       /* … and for how long that had been all */
};

struct lane {
	struct lane_options options;
	struct lane_thread threads[LANE_THREADS_MAX];
	uint32_t thread_count;  /* that were started */
	uint64_t observed_ns;   /* the observer's */
	_Atomic uint64_t takes; /* batches; written under the lock */
	_Atomic bool is_owed;   /* a job came, and since then no thread; written under the lock */
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t work;
	struct list queue;
	struct list returned; /* left by a `serve` that had to wait for another; not to be tried again before that has ended */
	uint32_t returned_count;
	uint64_t progress;        /* `serve` calls that took something off their list */
	uint64_t earliest_ns;     /* no job that waits has an earlier deadline; it may be earlier than all of them */
	_Atomic uint64_t refused; /* jobs */
	_Atomic uint32_t depth;   /* nodes of both lists; written under the lock, read without it by metrics */
	uint32_t sleeping_count;  /* threads that wait for work … */
	bool is_waking;           /* … of which one has been told that there is some */
	uint32_t watching_count;  /* … and which look by themselves whether something waits too long behind the others */
	uint32_t serving_count;   /* threads that are in `serve` */
	uint32_t usual;           /* as many jobs as the larger ones of the last batches had */
	bool is_stopping;
};

static uint32_t count_nodes(const struct list *list)
{
	uint32_t count = 0;
	for (const struct list_node *node = list->head.next; node != &list->head; node = node->next)
		count++;
	return count;
}

/* A job joins those that wait. */
static void note_deadline(struct lane *lane, const struct list_node *job)
{
	assert(job != NULL);
	uint64_t deadline_ns = lane->options.deadline_ns == NULL ? UINT64_MAX : lane->options.deadline_ns(job);
	if (deadline_ns < lane->earliest_ns)
		lane->earliest_ns = deadline_ns;
}

/* True if enough jobs wait for a batch. While another thread serves, enough is three quarters of the usual batch: otherwise batches would
 * only become smaller. */
static bool is_enough(const struct lane *lane)
{
	assert(lane->depth >= lane->returned_count);
	uint32_t count = lane->depth - lane->returned_count;
	bool is_usual = lane->options.patience_ms == 0 || count >= lane->usual - lane->usual / 4;
	return count > 0 && (is_usual || lane->serving_count == 0 || lane->is_stopping);
}

/* The largest of the last batches counts, and a smaller one only slowly: after a burst its first job is often a batch of its own. */
static void note_size(struct lane *lane, uint32_t count)
{
	assert(count > 0 && count <= lane->options.batch_max);
	lane->usual = count > lane->usual ? count : lane->usual - (lane->usual - count + 7) / 8;
}

/* Whether to wake a thread: not when all are at work, nor when one is on its way, which takes all there is. The caller signals,
 * unlocked. */
static bool has_to_wake(struct lane *lane)
{
	bool has_work = is_enough(lane) || (!list_is_empty(&lane->queue) && lane->watching_count == 0);
	bool wakes = has_work && lane->sleeping_count > 0 && !lane->is_waking;
	lane->is_waking |= wakes;
	return wakes;
}

/* Puts the returned jobs back at the front. */
static void queue_returned(struct lane *lane)
{
	assert(lane->returned_count <= lane->depth);
	list_splice(&lane->returned, &lane->queue);
	list_splice(&lane->queue, &lane->returned);
	lane->returned_count = 0;
}

/* Sleeps until there may be work. While others are served nobody else looks after what waits behind them: then for a moment only. True:
 * that moment is over. */
static bool lane_sleep(struct lane *lane, struct lane_thread *thread)
{
	assert(!is_enough(lane));
	bool watches = lane->serving_count > 0 && lane->options.patience_ms > 0;
	bool is_over = false;
	thread->is_sleeping = true;
	lane->sleeping_count++;
	lane->watching_count += watches;
	if (watches) {
		uint64_t until_ns = monotonic_now_ns() + lane->options.patience_ms * 1000000;
		struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};
		is_over = pthread_cond_timedwait(&lane->work, &lane->lock, &until) == ETIMEDOUT;
	} else {
		pthread_cond_wait(&lane->work, &lane->lock);
	}
	lane->watching_count -= watches;
	lane->sleeping_count--;
	thread->is_sleeping = false;
	thread->passes++;
	lane->is_waking = false;
	return is_over;
}

/* Waits until there is enough in the queue, or anything for too long, or something was served since the last batch of this thread, for
 * which what was returned may have waited. */
static void lane_wait(struct lane *lane, struct lane_thread *thread, uint64_t progress_before)
{
	for (bool is_impatient = false;;) {
		if (lane->progress != progress_before)
			queue_returned(lane);
		if (is_enough(lane) || lane->is_stopping || (is_impatient && !list_is_empty(&lane->queue)))
			return;
		if (list_is_empty(&lane->queue))
			lane->is_owed = false;
		is_impatient = lane_sleep(lane, thread);
	}
}

/* Moves `count` of the jobs that wait. */
static void move_waiting(struct lane *lane, struct list *batch, uint32_t count)
{
	assert(count <= lane->depth - lane->returned_count);
	if (count == lane->depth - lane->returned_count) {
		list_splice(batch, &lane->queue);
	} else {
		for (uint32_t i = 0; i < count; i++)
			list_push(batch, list_pop(&lane->queue));
	}
	lane->depth -= count;
}

/* A thread's next batch: gives back what is left of the last one, of `taken` jobs, and takes up to a batch of those that wait. 0: the lane
 * is stopping, and what is left waits for other threads, which will serve it. */
static uint32_t lane_take(struct lane_thread *thread, struct list *batch, uint32_t taken, uint64_t *progress)
{
	struct lane *lane = thread->lane;
	assert(taken <= lane->options.batch_max);
	pthread_mutex_lock(&lane->lock);
	lane->serving_count -= taken > 0;
	lane->is_owed = false; /* before the pass is counted: an observer who has seen the pass finds nothing owed */
	thread->passes++;
	uint32_t left = count_nodes(batch);
	list_for_each(node, batch)
		note_deadline(lane, node);
	list_splice(&lane->returned, batch);
	lane->returned_count += left;
	lane->depth += left;
	if (left < taken)
		lane->progress++;
	lane_wait(lane, thread, *progress);
	*progress = lane->progress;
	uint32_t count = lane->depth - lane->returned_count;
	count = count < lane->options.batch_max ? count : lane->options.batch_max;
	move_waiting(lane, batch, count);
	if (count > 0) {
		lane->serving_count++;
		note_size(lane, count);
	}
	lane->takes++;
	lane->is_owed = false;
	bool wakes = has_to_wake(lane);
	pthread_mutex_unlock(&lane->lock);
	if (wakes)
		pthread_cond_signal(&lane->work);
	return count;
}

static void *lane_run(void *context)
{
	assert(context != NULL);
	struct lane_thread *thread = context;
	struct lane *lane = thread->lane;
	struct list batch;
	uint64_t progress = 0;
	outside_of_thread = &thread->outside;
	list_init(&batch);
	for (uint32_t count = 0; (count = lane_take(thread, &batch, count, &progress)) > 0;) {
		uint64_t began_ns = monotonic_now_ns();
		thread->is_busy = true;
		lane->options.serve(lane->options.context, &batch, count);
		thread->busy_ns += monotonic_now_ns() - began_ns;
		thread->is_busy = false;
	}
	return NULL;
}

enum error lane_new(const struct lane_options *options, struct lane **ret_lane)
{
	assert(options != NULL && options->serve != NULL);
	assert(options->capacity > 0 && options->batch_max > 0);
	assert(options->thread_count > 0 && options->thread_count <= LANE_THREADS_MAX);

	struct lane *lane = calloc(1, sizeof *lane);
	if (lane == NULL)
		return ERR_NO_MEMORY;
	lane->options = *options;
	list_init(&lane->queue);
	list_init(&lane->returned);
	lane->earliest_ns = UINT64_MAX;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_condattr_t by_monotonic_clock;
	pthread_condattr_init(&by_monotonic_clock);
	pthread_condattr_setclock(&by_monotonic_clock, CLOCK_MONOTONIC);
	pthread_cond_init(&lane->work, &by_monotonic_clock);
	pthread_condattr_destroy(&by_monotonic_clock);
	for (; lane->thread_count < options->thread_count; lane->thread_count++) {
		struct lane_thread *thread = &lane->threads[lane->thread_count];
		thread->lane = lane;
		enum error error = thread_start(options->name, lane_run, thread, &thread->thread);
		if (error != OK) {
			lane_free(lane);
			return error;
		}
	}
	*ret_lane = lane;
	return OK;
}

void lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	pthread_mutex_lock(&lane->lock);
	lane->is_stopping = true;
	pthread_cond_broadcast(&lane->work);
	pthread_mutex_unlock(&lane->lock);
	for (uint32_t i = 0; i < lane->thread_count; i++)
		pthread_join(lane->threads[i].thread, NULL);
	assert(list_is_empty(&lane->queue) && list_is_empty(&lane->returned));
	pthread_cond_destroy(&lane->work);
	pthread_mutex_destroy(&lane->lock);
	free(lane);
}

enum error lane_submit(struct lane *lane, struct list_node *job)
{
	assert(lane != NULL);
	assert(job != NULL);

	pthread_mutex_lock(&lane->lock);
	enum error error = lane->is_stopping ? ERR_SHUTTING_DOWN : lane->depth >= lane->options.capacity ? ERR_OVERLOADED : OK;
	if (error == OK) {
		list_push(&lane->queue, job);
		note_deadline(lane, job);
		lane->depth++;
		lane->is_owed = true;
	}
	bool wakes = has_to_wake(lane);
	pthread_mutex_unlock(&lane->lock);
	if (error == ERR_OVERLOADED)
		lane->refused++;
	if (wakes)
		pthread_cond_signal(&lane->work);
	return error;
}

void lane_take_more(struct lane *lane, uint32_t room, struct list *batch)
{
	assert(lane != NULL && batch != NULL);
	assert(lane->options.thread_count == 1);
	pthread_mutex_lock(&lane->lock);
	assert(list_is_empty(&lane->returned));
	move_waiting(lane, batch, lane->depth < room ? lane->depth : room);
	pthread_mutex_unlock(&lane->lock);
}

/* Moves the overdue jobs of one list; the deadlines of the others are noted. */
static uint32_t move_overdue(struct lane *lane, struct list *list, uint64_t now_ns, struct list *ret_jobs)
{
	assert(now_ns == UINT64_MAX || lane->options.deadline_ns != NULL);
	uint32_t count = 0;
	for (struct list_node *node = list->head.next; node != &list->head;) {
		struct list_node *job = node;
		node = node->next;
		if (now_ns != UINT64_MAX && lane->options.deadline_ns(job) > now_ns) {
			note_deadline(lane, job);
			continue;
		}
		list_remove(job);
		list_push(ret_jobs, job);
		count++;
	}
	return count;
}

uint32_t lane_take_overdue(struct lane *lane, uint64_t now_ns, struct list *ret_jobs)
{
	assert(lane != NULL && ret_jobs != NULL);
	uint32_t count = 0;
	pthread_mutex_lock(&lane->lock);
	if (lane->depth > 0 && lane->earliest_ns <= now_ns) {
		lane->earliest_ns = UINT64_MAX;
		uint32_t returned = move_overdue(lane, &lane->returned, now_ns, ret_jobs);
		lane->returned_count -= returned;
		count = returned + move_overdue(lane, &lane->queue, now_ns, ret_jobs);
		lane->depth -= count;
	}
	pthread_mutex_unlock(&lane->lock);
	return count;
}

uint64_t lane_silent_ns(struct lane *lane, uint64_t now_ns)
{
	assert(lane != NULL && now_ns >= lane->observed_ns);

	uint64_t passed_ns = lane->observed_ns == 0 ? 0 : now_ns - lane->observed_ns;
	lane->observed_ns = now_ns;
	if (passed_ns > OBSERVED_MS_MAX * UINT64_C(1000000))
		passed_ns = OBSERVED_MS_MAX * UINT64_C(1000000);
	uint64_t longest_ns = 0;
	for (uint32_t i = 0; i < lane->thread_count; i++) {
		struct lane_thread *thread = &lane->threads[i];
		/* The sleeping threads need not wake for it. */
		uint64_t done = thread->passes + thread->outside.visits + (thread->is_sleeping ? lane->takes : 0);
		bool is_alive = done != thread->seen || thread->outside.is_there || !lane->is_owed;
		thread->silent_ns = is_alive ? 0 : thread->silent_ns + passed_ns;
		thread->seen = done;
		if (thread->silent_ns > longest_ns)
			longest_ns = thread->silent_ns;
	}
	return longest_ns;
}

uint32_t lane_depth(const struct lane *lane)
{
	assert(lane != NULL);
	return lane->depth;
}

void lane_add_use(const struct lane *lane, struct lane_use *ret_use)
{
	assert(lane != NULL && ret_use != NULL);
	ret_use->waiting += lane->depth;
	ret_use->capacity += lane->options.capacity;
	ret_use->threads += lane->thread_count;
	ret_use->refused += lane->refused;
	for (uint32_t i = 0; i < lane->thread_count; i++) {
		const struct lane_thread *thread = &lane->threads[i];
		ret_use->busy += thread->is_busy;
		ret_use->busy_ns += thread->busy_ns;
	}
}
