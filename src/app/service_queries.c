/* service_queries.c: a read lane takes the queries that wait and asks the store all of them at once. */
#include "app/service_inside.h"

#include <assert.h>

/* Answers the queries that have no answer yet, until one finds the store down. False: it is, and the rest have the same answer. */
static bool ask_store(struct read_lane *self, struct list *jobs)
{
	assert(!list_is_empty(jobs));
	uint64_t now_ms = clock_now_ms(self->service->options.clock);
	bool is_up = true;
	list_for_each(node, jobs) {
		struct job *job = service_job_of(node);
		if (is_up && job->outcome.error == ERR_STORE_UNAVAILABLE)
			job->outcome.error = query_handler_answer(self->query_handler, &job->query, now_ms, job->arena, &job->outcome.body);
		is_up = is_up && job->outcome.error != ERR_STORE_UNAVAILABLE;
	}
	return is_up;
}

/* One snapshot for a batch costs the store less than one for each query, and is as fresh: all of them were asked before it. One that is lost
 * before its end, with the session, is made once more. */
static bool ask_store_at_once(struct read_lane *self, struct list *jobs)
{
	assert(!list_is_empty(jobs));
	bool is_up = false;
	for (int tries = 0; !is_up && tries < 2; tries++) {
		if (self->reader->operations->snapshot_begin(self->reader) != STORE_OK)
			return false;
		is_up = ask_store(self, jobs);
		self->reader->operations->snapshot_end(self->reader);
	}
	return is_up;
}

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
		job->outcome.error = ERR_STORE_UNAVAILABLE;
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
	service_answer_all(service, &refused);
	if (count == 0)
		return;
	struct dependency *reads = service_dependency(service, DEPENDENCY_READS);
	struct dependency_call call;
	if (!dependency_begin(reads, clock_monotonic_ns(service->options.clock), &call)) {
		service_refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
		return;
	}
	self->reader->deadline_ns = call.deadline_ns;
	bool is_up = count == 1 ? ask_store(self, &jobs) : ask_store_at_once(self, &jobs);
	dependency_end(reads, &call, is_up ? DEPENDENCY_SERVED : DEPENDENCY_FAILED, clock_monotonic_ns(service->options.clock));
	self->failed_ms = is_up ? 0 : service_monotonic_ms(service);
	service_answer_all(service, &jobs);
}
