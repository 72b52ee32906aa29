/* service_jobs.c: every job ends here. */
#include "app/service_inside.h"

#include <assert.h>

struct job *service_pop_job(struct list *list)
{
	assert(list != NULL);
	struct list_node *node = list_pop(list);
	return node == NULL ? NULL : service_job_of(node);
}

uint64_t service_monotonic_ms(const struct service *service)
{
	assert(service != NULL);
	return clock_monotonic_ns(service->options.clock) / 1000000;
}

void service_answer(struct service *service, struct job *job)
{
	assert(service != NULL && job != NULL);
	assert(job->way.entered > 0 && job->way.ended_ns == 0);
	job->way.ended_ns = clock_monotonic_ns(service->options.clock);
	if (service->options.answered != NULL)
		service->options.answered(service->options.context, job);
	if (job->has_key_in_use) {
		bool is_used = job->outcome.error == OK && job->outcome.body.length > 0;
		admission_stage_finish(service->admission, job, is_used ? ADMISSION_DONE : ADMISSION_FORGET);
		job->has_key_in_use = false;
	}
	job->done(job);
}

void service_refuse(struct service *service, struct job *job, enum error error)
{
	assert(error != OK);
	job->outcome = (struct outcome){.error = error};
	service_answer(service, job);
}

void service_refuse_all(struct service *service, struct list *jobs, enum error error)
{
	assert(error != OK);
	for (struct job *job = service_pop_job(jobs); job != NULL; job = service_pop_job(jobs))
		service_refuse(service, job, error);
}

void service_answer_all(struct service *service, struct list *jobs)
{
	assert(service != NULL && jobs != NULL);
	for (struct job *job = service_pop_job(jobs); job != NULL; job = service_pop_job(jobs))
		service_answer(service, job);
}

uint32_t service_take_timely(struct service *service, struct list *batch, struct list *ret_timely)
{
	assert(batch != ret_timely);
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	uint32_t count = 0;
	list_init(ret_timely);
	for (struct job *job = service_pop_job(batch); job != NULL; job = service_pop_job(batch)) {
		if (job->deadline_ns < now_ns) {
			service_refuse(service, job, ERR_OVERLOADED);
		} else {
			job_taken(job, now_ns);
			list_push(ret_timely, &job->node);
			count++;
		}
	}
	return count;
}
