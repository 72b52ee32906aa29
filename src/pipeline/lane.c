/* lane.c: a list behind a mutex; the lock is held for a few instructions, and only a lane that sleeps is woken. */
#include "pipeline/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pipeline/thread.h"

struct lane {
	struct lane_options options;
	pthread_t threads[LANE_THREADS_MAX];
	uint32_t thread_count; /* that were started */
	pthread_mutex_t lock;  /* guards all below */
	pthread_cond_t work;
	struct list queue;
	struct list returned; /* left by a `serve` that had to wait for another; not to be tried again before that has ended */
	uint32_t returned_count;
	uint64_t progress;       /* `serve` calls that took something off their list */
	uint64_t earliest_ns;    /* no job that waits has an earlier deadline; it may be earlier than all of them */
	_Atomic uint32_t depth;  /* nodes of both lists; written under the lock, read without it by metrics */
	uint32_t sleeping_count; /* threads that wait for work … */
	bool is_waking;          /* … of which one has been told that there is some */
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
	uint64_t deadline_ns = lane->options.deadline_ns == NULL ? UINT64_MAX : lane->options.deadline_ns(job);
	if (deadline_ns < lane->earliest_ns)
		lane->earliest_ns = deadline_ns;
}

/* Whether to wake a thread: not when all are at work, nor when one is on its way, which takes all there is. The caller signals, unlocked. */
static bool has_to_wake(struct lane *lane)
{
	bool wakes = !list_is_empty(&lane->queue) && lane->sleeping_count > 0 && !lane->is_waking;
	lane->is_waking |= wakes;
	return wakes;
}

/* What was returned comes first again. */
static void queue_returned(struct lane *lane)
{
	list_splice(&lane->returned, &lane->queue);
	list_splice(&lane->queue, &lane->returned);
	lane->returned_count = 0;
}

/* Waits until there is something in the queue, or something was served since the last batch of this thread, for which what was returned
 * may have waited. */
static void lane_wait(struct lane *lane, uint64_t progress_before)
{
	for (;;) {
		if (lane->progress != progress_before)
			queue_returned(lane);
		if (!list_is_empty(&lane->queue) || lane->is_stopping)
			return;
		lane->sleeping_count++;
		pthread_cond_wait(&lane->work, &lane->lock);
		lane->sleeping_count--;
		lane->is_waking = false;
	}
}

/* A thread's next batch: gives back what is left of the last one, of `taken` jobs, and takes up to a batch of those that wait. 0: the lane is
 * stopping, and what is left waits for other threads, which will serve it. */
static uint32_t lane_take(struct lane *lane, struct list *batch, uint32_t taken, uint64_t *progress)
{
	pthread_mutex_lock(&lane->lock);
	uint32_t left = count_nodes(batch);
	list_for_each(node, batch)
		note_deadline(lane, node);
	list_splice(&lane->returned, batch);
	lane->returned_count += left;
	lane->depth += left;
	if (left < taken)
		lane->progress++;
	lane_wait(lane, *progress);
	*progress = lane->progress;
	uint32_t count = lane->depth - lane->returned_count;
	if (count <= lane->options.batch_max) {
		list_splice(batch, &lane->queue);
	} else {
		count = lane->options.batch_max;
		for (uint32_t i = 0; i < count; i++)
			list_push(batch, list_pop(&lane->queue));
	}
	lane->depth -= count;
	bool wakes = has_to_wake(lane);
	pthread_mutex_unlock(&lane->lock);
	if (wakes)
		pthread_cond_signal(&lane->work);
	return count;
}

static void *lane_run(void *context)
{
	struct lane *lane = context;
	struct list batch;
	uint64_t progress = 0;
	list_init(&batch);
	for (uint32_t count = 0; (count = lane_take(lane, &batch, count, &progress)) > 0;)
		lane->options.serve(lane->options.context, &batch, count);
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
	pthread_cond_init(&lane->work, NULL);
	for (; lane->thread_count < options->thread_count; lane->thread_count++) {
		enum error error = thread_start(options->name, lane_run, lane, &lane->threads[lane->thread_count]);
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
		pthread_join(lane->threads[i], NULL);
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
	}
	bool wakes = has_to_wake(lane);
	pthread_mutex_unlock(&lane->lock);
	if (wakes)
		pthread_cond_signal(&lane->work);
	return error;
}

/* Moves the overdue jobs of one list; the deadlines of the others are noted. */
static uint32_t move_overdue(struct lane *lane, struct list *list, uint64_t now_ns, struct list *ret_jobs)
{
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

uint32_t lane_depth(const struct lane *lane)
{
	assert(lane != NULL);
	return lane->depth;
}
