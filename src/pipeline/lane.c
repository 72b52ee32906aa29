/* lane.c: a list behind a mutex; the lock is held for a few instructions, and only a lane that sleeps is woken. */
#include "pipeline/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pipeline/thread.h"

struct lane {
	struct lane_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t work;
	struct list queue;
	_Atomic uint32_t depth; /* nodes of the queue; written under the lock, read without it by metrics */
	bool is_sleeping;
	bool is_stopping;
};

/* Waits for jobs and moves up to a batch of them to `batch`. 0: the lane is stopping and nothing is left. */
static uint32_t lane_take(struct lane *lane, struct list *batch)
{
	pthread_mutex_lock(&lane->lock);
	while (list_is_empty(&lane->queue) && !lane->is_stopping) {
		lane->is_sleeping = true;
		pthread_cond_wait(&lane->work, &lane->lock);
	}
	lane->is_sleeping = false;
	uint32_t count = lane->depth;
	if (count <= lane->options.batch_max) {
		list_splice(batch, &lane->queue);
	} else {
		count = lane->options.batch_max;
		for (uint32_t i = 0; i < count; i++)
			list_push(batch, list_pop(&lane->queue));
	}
	lane->depth -= count;
	pthread_mutex_unlock(&lane->lock);
	return count;
}

static void *lane_run(void *context)
{
	struct lane *lane = context;
	struct list batch;
	list_init(&batch);
	for (;;) {
		uint32_t count = lane_take(lane, &batch);
		if (count == 0)
			return NULL;
		lane->options.serve(lane->options.context, &batch, count);
		assert(list_is_empty(&batch));
	}
}

enum error lane_new(const struct lane_options *options, struct lane **ret_lane)
{
	assert(options != NULL && options->serve != NULL);
	assert(options->capacity > 0 && options->batch_max > 0);

	struct lane *lane = calloc(1, sizeof *lane);
	if (lane == NULL)
		return ERR_NO_MEMORY;
	lane->options = *options;
	list_init(&lane->queue);
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->work, NULL);
	enum error error = thread_start(options->name, lane_run, lane, &lane->thread);
	if (error != OK) {
		free(lane);
		return error;
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
	pthread_cond_signal(&lane->work);
	pthread_mutex_unlock(&lane->lock);
	pthread_join(lane->thread, NULL);
	assert(list_is_empty(&lane->queue));
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
	bool wakes = error == OK && lane->is_sleeping;
	if (error == OK) {
		list_push(&lane->queue, job);
		lane->depth++;
		lane->is_sleeping = false;
	}
	pthread_mutex_unlock(&lane->lock);
	if (wakes)
		pthread_cond_signal(&lane->work);
	return error;
}

uint32_t lane_depth(const struct lane *lane)
{
	assert(lane != NULL);
	return lane->depth;
}
