/* seating_stage.c: a worker and the few jobs that wait for it. */
#include "app/seating_stage.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/committer.h"
#include "app/seating.h"
#include "pipeline/worker.h"

#define WAITING_MAX 16
#define SWEEP_MS 30000 /* between two looks for what others have left */
#define SWEEP_PAUSE_MS 5
#define TRIES_MAX 3

struct seating_stage {
	struct seating_stage_options options;
	struct seating_options writing;
	struct committer *committer;
	struct worker *worker;
	_Atomic bool is_stopping;
	struct seating_counters counters;
	pthread_mutex_t lock; /* guards what follows */
	struct list waiting;
	uint32_t count;
	bool is_closed;
};

static struct job *pop(struct seating_stage *stage)
{
	assert(stage != NULL);
	pthread_mutex_lock(&stage->lock);
	struct list_node *node = list_pop(&stage->waiting);
	stage->count -= node != NULL;
	pthread_mutex_unlock(&stage->lock);
	return node == NULL ? NULL : container_of(node, struct job, node);
}

/* Commits a batch of its own, for which no other command waits. It looks the key up first, as the event may exist. */
static void commit(struct seating_stage *stage, struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	struct list jobs;
	list_init(&jobs);
	job->admission.ret_is_repeat = true;
	list_push(&jobs, &job->node);
	(void)committer_step(stage->committer, &jobs, 1, NULL);
	(void)list_pop(&jobs);
	if (job->outcome.error != OK || job->outcome.is_replayed)
		seating_undo(&stage->writing, &job->command);
}

static void serve(struct seating_stage *stage, struct job *job)
{
	const struct seating_stage_options *options = &stage->options;
	assert(job->kind == JOB_COMMAND);
	enum error error = OK;
	job_taken(job, clock_monotonic_ns(options->committer.clock));
	if (atomic_load(&stage->is_stopping))
		error = ERR_SHUTTING_DOWN;
	else if (options->is_store_down(options->context))
		error = ERR_STORE_UNAVAILABLE;
	for (uint32_t i = 0; error == OK && i < TRIES_MAX; i++) {
		error = seating_write(&stage->writing, &job->command);
		if (error != OK)
			break;
		commit(stage, job);
		if (job->outcome.error != ERR_OVERLOADED)
			break; /* else others, or a replay, came between */
	}
	if (error == OK)
		options->served(options->context, job);
	else
		options->refused(options->context, job, error);
}

static uint64_t step(void *context)
{
	assert(context != NULL);
	struct seating_stage *stage = context;
	const struct seating_stage_options *options = &stage->options;
	struct job *job = pop(stage);
	if (job != NULL) {
		serve(stage, job);
		return 0;
	}
	if (atomic_load(&stage->is_stopping) || options->is_store_down(options->context))
		return SWEEP_MS;
	return seating_sweep(&stage->writing) ? SWEEP_PAUSE_MS : SWEEP_MS;
}

enum error seating_stage_new(const struct seating_stage_options *options, struct seating_stage **ret_stage)
{
	assert(options != NULL && options->served != NULL && options->refused != NULL && options->is_store_down != NULL);
	assert(options->committer.store_count == 1 && options->committer.stores[0]->seating != NULL);
	struct seating_stage *stage = calloc(1, sizeof *stage);
	if (stage == NULL)
		return ERR_NO_MEMORY;
	stage->options = *options;
	stage->writing = (struct seating_options){
		.store = options->committer.stores[0],
		.clock = options->committer.clock,
		.pause = options->committer.pause,
		.context = options->committer.context,
		.is_stopping = &stage->is_stopping,
		.counters = &stage->counters,
	};
	pthread_mutex_init(&stage->lock, NULL);
	list_init(&stage->waiting);
	enum error error = committer_new(&options->committer, &stage->committer);
	if (error == OK)
		error = worker_new(&(struct worker_options){.name = "seating", .step = step, .context = stage}, &stage->worker);
	if (error != OK) {
		seating_stage_free(stage);
		return error;
	}
	*ret_stage = stage;
	return OK;
}

enum error seating_stage_submit(struct seating_stage *stage, struct job *job)
{
	assert(stage != NULL && job->kind == JOB_COMMAND);
	pthread_mutex_lock(&stage->lock);
	enum error error = stage->is_closed ? ERR_SHUTTING_DOWN : stage->count >= WAITING_MAX ? ERR_OVERLOADED : OK;
	if (error == OK) {
		list_push(&stage->waiting, &job->node);
		stage->count++;
	}
	pthread_mutex_unlock(&stage->lock);
	if (error == OK)
		worker_wake(stage->worker);
	return error;
}

const struct seating_counters *seating_stage_counters(const struct seating_stage *stage)
{
	assert(stage != NULL);
	return &stage->counters;
}

void seating_stage_free(struct seating_stage *stage)
{
	if (stage == NULL)
		return;
	atomic_store(&stage->is_stopping, true);
	pthread_mutex_lock(&stage->lock);
	stage->is_closed = true;
	pthread_mutex_unlock(&stage->lock);
	if (stage->worker != NULL)
		worker_stop(stage->worker);
	for (struct job *job = pop(stage); job != NULL; job = pop(stage))
		stage->options.refused(stage->options.context, job, ERR_SHUTTING_DOWN);
	worker_free(stage->worker);
	committer_free(stage->committer);
	pthread_mutex_destroy(&stage->lock);
	free(stage);
}
