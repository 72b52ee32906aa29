/* admission_stage.c: here and now, or in the batches of a lane. */
#include "app/admission_stage.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/list.h"
#include "pipeline/lane.h"

struct admission_stage {
	struct admission_stage_options options;
	pthread_mutex_t lock;               /* guards the lane from being freed while its flush is submitted */
	struct lane *lane;                  /* NULL: the admission is in this process, or stopped */
	struct admission_request *requests; /* of the batch at hand */
	struct list_node flush;             /* submitted to the lane like a job, so that ends of keys go out though no request comes */
	_Atomic bool is_flushing;           /* it waits in the lane */
	struct admission_stage_counters counters;
};

static struct job *job_of(struct list_node *node)
{
	assert(node != NULL);
	return container_of(node, struct job, node);
}

static void hand_on(struct admission_stage *stage, struct job *job)
{
	assert(job->way.entered > 0 && job->way.stages[job->way.entered - 1] == STAGE_ADMISSION);
	atomic_fetch_add_explicit(job->admission.ret_is_shared ? &stage->counters.shared : &stage->counters.alone, 1, memory_order_relaxed);
	stage->options.judged(stage->options.context, job);
}

static void judge_here(struct admission_stage *stage, struct admission *admission, struct job *job)
{
	assert(admission != NULL && job != NULL);
	admission->operations->admit(admission, &job->admission, 1);
	hand_on(stage, job);
}

/* Jobs that have waited too long already wait for no round trip. */
static void judge_late(struct admission_stage *stage, struct list *batch, struct list *ret_timely)
{
	assert(batch != ret_timely);
	uint64_t now_ns = clock_monotonic_ns(stage->options.clock), now_ms = now_ns / 1000000;
	list_init(ret_timely);
	for (struct list_node *node = list_pop(batch); node != NULL; node = list_pop(batch)) {
		if (node != &stage->flush)
			job_taken(job_of(node), now_ns);
		if (node == &stage->flush)
			stage->is_flushing = false;
		else if (now_ms - job_of(node)->admission.now_ms > ADMISSION_LATE_MS)
			judge_here(stage, stage->options.admission->local, job_of(node));
		else
			list_push(ret_timely, node);
	}
}

/* One round trip. The admission judges by itself what its servers do not answer; that it does not serve after that is a failure. */
static void admit_outside(struct admission_stage *stage, uint32_t count)
{
	struct admission *admission = stage->options.admission;
	struct dependency_call call;
	if (!dependency_begin(stage->options.dependency, clock_monotonic_ns(stage->options.clock), &call)) {
		admission->local->operations->admit(admission->local, stage->requests, count);
		return;
	}
	bool was_serving = admission->is_serving;
	admission->operations->admit(admission, stage->requests, count);
	enum dependency_answer answer = admission->is_serving ? DEPENDENCY_SERVED : was_serving ? DEPENDENCY_FAILED : DEPENDENCY_UNDECIDED;
	dependency_end(stage->options.dependency, &call, answer, clock_monotonic_ns(stage->options.clock));
}

static void serve(void *context, struct list *batch, uint32_t count)
{
	struct admission_stage *stage = context;
	struct list timely;
	(void)count;
	judge_late(stage, batch, &timely);
	uint32_t index = 0;
	list_for_each(node, &timely)
		stage->requests[index++] = job_of(node)->admission;
	assert(index <= stage->options.batch_max);
	admit_outside(stage, index);
	index = 0;
	for (struct list_node *node = list_pop(&timely); node != NULL; node = list_pop(&timely)) {
		struct job *job = job_of(node);
		job->admission = stage->requests[index++];
		hand_on(stage, job);
	}
}

static enum error start_lane(struct admission_stage *stage)
{
	assert(stage->lane == NULL);
	const struct admission_stage_options *options = &stage->options;
	if (options->admission == NULL || options->admission->local == NULL)
		return OK;
	stage->requests = calloc(options->batch_max, sizeof *stage->requests);
	if (stage->requests == NULL)
		return ERR_NO_MEMORY;
	const struct lane_options lane = {
		.name = "admission",
		.capacity = options->queue_capacity,
		.batch_max = options->batch_max,
		.thread_count = 1,
		.serve = serve,
		.context = stage,
	};
	return lane_new(&lane, &stage->lane);
}

enum error admission_stage_new(const struct admission_stage_options *options, struct admission_stage **ret_stage)
{
	assert(options != NULL && options->clock != NULL && options->judged != NULL && options->dependency != NULL);
	assert(ret_stage != NULL);

	struct admission_stage *stage = calloc(1, sizeof *stage);
	if (stage == NULL)
		return ERR_NO_MEMORY;
	stage->options = *options;
	pthread_mutex_init(&stage->lock, NULL);
	enum error error = start_lane(stage);
	if (error != OK) {
		admission_stage_free(stage);
		return error;
	}
	*ret_stage = stage;
	return OK;
}

void admission_stage_stop(struct admission_stage *stage)
{
	if (stage == NULL)
		return;
	pthread_mutex_lock(&stage->lock);
	struct lane *lane = stage->lane;
	stage->lane = NULL;
	pthread_mutex_unlock(&stage->lock);
	lane_free(lane);
}

void admission_stage_free(struct admission_stage *stage)
{
	if (stage == NULL)
		return;
	admission_stage_stop(stage);
	struct admission *admission = stage->options.admission;
	if (admission != NULL && admission->local != NULL && admission->is_serving)
		admission->operations->admit(admission, NULL, 0);
	pthread_mutex_destroy(&stage->lock);
	free(stage->requests);
	free(stage);
}

const struct admission_stage_counters *admission_stage_counters(const struct admission_stage *stage)
{
	assert(stage != NULL);
	return &stage->counters;
}

void admission_stage_submit(struct admission_stage *stage, struct job *job)
{
	assert(job->way.entered == 1);
	assert(stage != NULL && job != NULL);

	const struct admission_request *request = &job->admission;
	struct admission *admission = stage->options.admission;
	bool is_limited = !slice_is_empty(request->user) || !slice_is_empty(request->service) || !slice_is_empty(request->address);
	if (admission == NULL || (!is_limited && !request->idempotency.is_present))
		stage->options.judged(stage->options.context, job);
	else if (admission->local == NULL)
		judge_here(stage, admission, job);
	else if (!admission->is_serving || lane_submit(stage->lane, &job->node) != OK)
		judge_here(stage, admission->local, job);
}

void admission_stage_finish(struct admission_stage *stage, const struct job *job, enum admission_end end)
{
	assert(stage != NULL && job != NULL && job->admission.idempotency.is_present);

	struct admission *admission = stage->options.admission;
	admission->operations->finish(admission, &job->admission, end, job->way.ended_ns / 1000000);
	if (admission->local == NULL || !admission->is_serving || atomic_exchange(&stage->is_flushing, true))
		return;
	pthread_mutex_lock(&stage->lock);
	/* A lane that is full has jobs, whose batch takes the ends along. */
	if (stage->lane == NULL || lane_submit(stage->lane, &stage->flush) != OK)
		stage->is_flushing = false;
	pthread_mutex_unlock(&stage->lock);
}

struct lane *admission_stage_lane(const struct admission_stage *stage)
{
	assert(stage != NULL);
	return stage->lane;
}
