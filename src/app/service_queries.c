/* service_queries.c: a read lane takes the queries that wait and asks the store all of them at once. */
#include "app/service_inside.h"

#include <assert.h>

/* Moves the jobs that came before the store was found down to `ret_refused`, unless it is to be found out for them. */
static uint32_t take_refused(struct read_lane *self, struct list *jobs, struct list *ret_refused)
{
	assert(jobs != ret_refused);
	struct list left;
	uint32_t count = 0;
	list_init(&left);
	list_init(ret_refused);
	for (struct job *job = service_pop_job(jobs); job != NULL; job = service_pop_job(jobs)) {
		bool is_refused = service_came_before(job, self->failed_ms);
		list_push(is_refused ? ret_refused : &left, &job->node);
		count += is_refused;
	}
	list_splice(jobs, &left);
	return count;
}

void service_serve_queries(void *context, struct list *batch, uint32_t count)
{
	assert(context != NULL && count > 0);
	struct read_lane *self = context;
	struct service *service = self->service;
	struct list jobs, refused;
	count = service_take_timely(service, batch, &jobs);
	count -= take_refused(self, &jobs, &refused);
	service_refuse_all(service, &refused, ERR_STORE_UNAVAILABLE);
	if (count == 0)
		return;
	struct dependency *reads = service_dependency(service, DEPENDENCY_READS);
	struct dependency_call call;
	if (!dependency_begin(reads, clock_monotonic_ns(service->options.clock), &call)) {
		service_refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
		return;
	}
	self->reader->deadline_ns = call.deadline_ns;
	bool is_up = query_handler_answer(self->query_handler, &jobs, clock_now_ms(service->options.clock));
	dependency_end(reads, &call, is_up ? DEPENDENCY_SERVED : DEPENDENCY_FAILED, clock_monotonic_ns(service->options.clock));
	self->failed_ms = is_up ? 0 : service_monotonic_ms(service);
	service_refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
}

void service_queries_answered(void *context, struct list *jobs)
{
	assert(context != NULL);
	service_answer_all(context, jobs);
}
