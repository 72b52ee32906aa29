/* service.c: puts the stages together: routes each job to the stage that serves it, and answers it. */
#include "app/service.h"
#include "app/service_inside.h"
#include "base/now.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define COMMIT_TRIES_MAX 100  /* the time of a batch is over before, unless the store answers at once */
#define OVERDUE_MS 100        /* an overdue job is answered at most so late */
#define COMMIT_PATIENCE_MS 20 /* jobs behind batches in flight gather into a larger batch for so long */
#define SILENT_MS 10000       /* twice what a batch may take */

/* The seats of a large event take the store a second to count: the last of several lanes does that, and no other query waits for it. */
static struct lane *read_lane_of(struct service *service, const struct job *job)
{
	assert(job->kind == JOB_QUERY && service->options.reader_count > 0);
	uint32_t last = service->options.reader_count - 1;
	if (last == 0 || job->query.kind == QUERY_AVAILABILITY)
		return service->read_lanes[last].lane;
	return service->read_lanes[atomic_fetch_add_explicit(&service->next_read_lane, 1, memory_order_relaxed) % last].lane;
}

static struct lane *lane_of(struct service *service, const struct job *job, enum job_stage stage)
{
	assert(stage < STAGE_COUNT && stage != STAGE_ADMISSION);
	switch (stage) {
	case STAGE_COMMIT:
		return service->commit_lane;
	case STAGE_CATALOG:
		return service->catalog_lane;
	default:
		assert(stage == STAGE_READ);
		return read_lane_of(service, job);
	}
}

/* Hands the job to its next stage. ERR_OVERLOADED, ERR_SHUTTING_DOWN: the caller keeps it. */
static enum error go_on(struct service *service, struct job *job)
{
	assert(job_goes_on(job));
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	enum job_stage stage = job_enter(job, now_ns);
	if (stage == STAGE_COMMIT && service_seats_ahead(service, job))
		return seating_stage_submit(service->seating, job);
	if (stage != STAGE_CATALOG || job->kind != JOB_QUERY)
		return lane_submit(lane_of(service, job, stage), &job->node);
	event_pages_ask(service->pages, job, now_ns / 1000000); /* a kept page waits for no lane */
	return OK;
}

/* Of a change of a sale that is done, but that the catalog's lane does not get to: the answer to a new event is known all the same. */
static void answer_without_catalog(struct service *service, struct job *job)
{
	assert(job->kind == JOB_COMMAND && job->outcome.error == OK);
	if (job->command.kind == COMMAND_SALE_CREATE && !job->outcome.is_replayed)
		service_answer(service, job);
	else
		service_refuse(service, job, ERR_OVERLOADED);
}

void service_answer_command(struct service *service, struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	if (job->outcome.error != OK || !job_goes_on(job))
		service_answer(service, job);
	else if (go_on(service, job) != OK)
		answer_without_catalog(service, job);
}

static void serve_commands(void *context, struct list *batch, uint32_t count)
{
	assert(context != NULL && count > 0);
	struct service *service = context;
	struct list jobs;
	count = service_take_timely(service, batch, &jobs);
	if (count == 0) {
		committer_rest(service->committer);
		return;
	}
	struct dependency *store = service_dependency(service, DEPENDENCY_STORE);
	struct dependency_call call;
	if (!dependency_begin(store, clock_monotonic_ns(service->options.clock), &call)) {
		service_refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
		committer_rest(service->committer);
		return;
	}
	enum committer_finding found = committer_step(service->committer, &jobs, count, batch);
	/* When all wait for another batch, that will say whether the store serves. */
	enum dependency_answer answer = list_is_empty(&jobs) || found == COMMITTER_LATE ? DEPENDENCY_UNDECIDED
	                                : found == COMMITTER_DOWN                       ? DEPENDENCY_FAILED
	                                                                                : DEPENDENCY_SERVED;
	dependency_end(store, &call, answer, clock_monotonic_ns(service->options.clock));
	for (struct job *job = service_pop_job(&jobs); job != NULL; job = service_pop_job(&jobs))
		service_answer_command(service, job);
}

static uint64_t deadline_of(const struct list_node *node)
{
	assert(node != NULL);
	return container_of(node, const struct job, node)->deadline_ns;
}

/* Refuses what waits in the lane past its deadline; a command that waits for the catalog is done. */
static void answer_overdue(struct service *service, struct lane *lane, uint64_t now_ns, enum error error)
{
	assert(error != OK);
	struct list jobs;
	list_init(&jobs);
	if (lane == NULL || lane_take_overdue(lane, now_ns, &jobs) == 0)
		return;
	for (struct job *job = service_pop_job(&jobs); job != NULL; job = service_pop_job(&jobs)) {
		if (lane == service->catalog_lane && job->kind == JOB_COMMAND)
			answer_without_catalog(service, job);
		else
			service_refuse(service, job, error);
	}
}

/* Refuses what waits in a lane of the store: all of it while the store is known to be down, for the lane's threads may be stuck in it. */
static void answer_waiting(struct service *service, struct lane *lane, enum dependency_id id, uint64_t now_ns)
{
	assert(id == DEPENDENCY_STORE || id == DEPENDENCY_READS);
	if (dependency_is_held(service_dependency(service, id)))
		answer_overdue(service, lane, UINT64_MAX, ERR_STORE_UNAVAILABLE);
	else
		answer_overdue(service, lane, now_ns, ERR_OVERLOADED);
}

static bool is_silent(struct lane *lane, uint64_t now_ns)
{
	return lane != NULL && lane_silent_ns(lane, now_ns) >= SILENT_MS * UINT64_C(1000000);
}

/* All are looked at, every time. */
static const char *find_silent_lane(struct service *service, uint64_t now_ns)
{
	const char *found = NULL;
	if (is_silent(admission_stage_lane(service->admission), now_ns))
		found = "admission";
	if (is_silent(service->commit_lane, now_ns))
		found = "commit";
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		if (is_silent(service->read_lanes[i].lane, now_ns))
			found = "read";
	if (is_silent(service->catalog_lane, now_ns))
		found = "catalog";
	return found;
}

const char *service_silent_lane(const struct service *service)
{
	assert(service != NULL);
	return service->silent_lane;
}

/* Threads of lanes may be stuck in a store that hangs. This one never is, and answers for them. */
static uint64_t keep_time(void *context)
{
	assert(context != NULL);
	struct service *service = context;
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	answer_waiting(service, service->commit_lane, DEPENDENCY_STORE, now_ns);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		answer_waiting(service, service->read_lanes[i].lane, DEPENDENCY_READS, now_ns);
	answer_overdue(service, service->catalog_lane, now_ns, ERR_OVERLOADED);
	service->silent_lane = find_silent_lane(service, now_ns);
	bool is_awaited = service->pages != NULL && event_pages_give_up(service->pages, now_ns / 1000000);
	return is_awaited ? EVENT_PAGES_TICK_MS : OVERDUE_MS;
}

void service_store_asked(struct service *service)
{
	assert(service != NULL);
	dependency_watch(service_dependency(service, DEPENDENCY_STORE));
	dependency_watch(service_dependency(service, DEPENDENCY_READS));
}

void service_store_found(struct service *service, bool is_up, bool is_silent)
{
	assert(service != NULL && !(is_up && is_silent));
	if (is_up)
		dependency_release_hold(service_dependency(service, DEPENDENCY_STORE));
	else if (dependency_hold(service_dependency(service, DEPENDENCY_STORE)))
		answer_overdue(service, service->commit_lane, UINT64_MAX, ERR_STORE_UNAVAILABLE);
	service->has_found_store |= is_up;
	if (!is_silent && (service->has_found_store || !service->options.awaits_store))
		dependency_release_hold(service_dependency(service, DEPENDENCY_READS));
	else if (dependency_hold(service_dependency(service, DEPENDENCY_READS)))
		for (uint32_t i = 0; i < service->options.reader_count; i++)
			answer_overdue(service, service->read_lanes[i].lane, UINT64_MAX, ERR_STORE_UNAVAILABLE);
}

void service_catalog_asked(struct service *service)
{
	assert(service != NULL);
	dependency_watch(service_dependency(service, DEPENDENCY_CATALOG));
}

void service_catalog_found(struct service *service, bool is_up, bool is_silent)
{
	assert(service != NULL && !(is_up && is_silent));
	bool is_waited_for = service->options.catalog_patience_ms != 0;
	if (is_up || (!is_silent && !is_waited_for))
		dependency_release_hold(service_dependency(service, DEPENDENCY_CATALOG));
	else
		(void)dependency_hold(service_dependency(service, DEPENDENCY_CATALOG));
}

static void proceed(void *context, struct job *job)
{
	assert(job->way.entered == 1);
	struct service *service = context;
	enum error error;
	switch (job->admission.ret_verdict) {
	case ADMISSION_GO:
		job->has_key_in_use = job->admission.idempotency.is_present;
		if (!job_goes_on(job))
			service_answer(service, job);
		else if ((error = go_on(service, job)) != OK)
			service_refuse(service, job, error);
		return;
	case ADMISSION_LIMITED:
		service_refuse(service, job, ERR_RATE_LIMITED);
		return;
	case ADMISSION_BUSY:
		service_refuse(service, job, ERR_IDEMPOTENCY_BUSY);
		return;
	case ADMISSION_MISMATCH:
		service_refuse(service, job, ERR_IDEMPOTENCY_MISMATCH);
		return;
	}
	assert(false && "a verdict is one of four");
}

void service_submit(struct service *service, struct job *job)
{
	assert(service != NULL && job != NULL);
	job_set_out(job, service->catalog_lane != NULL, clock_monotonic_ns(service->options.clock));
	admission_stage_submit(service->admission, job);
}

void service_submit_admitted(struct service *service, struct job *job)
{
	assert(service != NULL && job != NULL);
	job_set_out_admitted(job);
	enum error error = go_on(service, job);
	if (error != OK)
		service_refuse(service, job, error);
}

static void pause_committer(void *context, uint64_t ms)
{
	(void)context;
	pause_ms(ms);
}

static void note_commit(void *context, const struct changes *changes)
{
	assert(changes->event_count > 0);
	const struct service_options *options = &((struct service *)context)->options;
	if (options->committed != NULL)
		options->committed(options->context, changes);
}

static void tell_trace(void *context, const struct batch_trace *trace, const struct list *jobs)
{
	const struct service *service = context;
	service->options.traced(service->options.traces, trace, jobs);
}

static void note_time(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count)
{
	assert(job_count > 0 && !list_is_empty(jobs));
	const struct service_options *options = &((struct service *)context)->options;
	if (options->measured != NULL)
		options->measured(options->context, commit_ns, jobs, job_count);
}

static bool has_more_commands(void *context)
{
	assert(context != NULL);
	return lane_depth(((struct service *)context)->commit_lane) > 0;
}

/* On the lane's thread. */
static uint32_t take_more_commands(void *context, uint32_t count, struct list *jobs)
{
	assert(context != NULL && jobs != NULL);
	struct service *service = context;
	assert(count <= service->options.batch_max);
	struct list waiting;
	list_init(&waiting);
	lane_take_more(service->commit_lane, service->options.batch_max - count, &waiting);
	return service_take_timely(service, &waiting, jobs);
}

static void note_inconsistency(void *context, const struct inconsistency *found)
{
	assert(found != NULL);
	struct service *service = context;
	pthread_mutex_lock(&service->inconsistency_mutex);
	service->inconsistency = *found;
	pthread_mutex_unlock(&service->inconsistency_mutex);
}

static enum error start_commit_lane(struct service *service)
{
	assert(service->commit_lane == NULL);
	const struct service_options *options = &service->options;
	const struct committer_options committer = {
		.stores = options->stores,
		.store_count = options->store_count,
		.clock = options->clock,
		.random = options->random,
		.view_rows_max = options->view_rows_max,
		.tries_max = COMMIT_TRIES_MAX,
		.pause = pause_committer,
		.committed = note_commit,
		.measured = note_time,
		.traced = service->options.traced == NULL ? NULL : tell_trace,
		.has_more = has_more_commands,
		.take_more = take_more_commands,
		.inconsistent = note_inconsistency,
		.context = service,
	};
	enum error error = committer_new(&committer, &service->committer);
	if (error == OK)
		error = service_start_seating(service, &committer);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "commit",
		.capacity = options->queue_capacity,
		.batch_max = options->batch_max,
		.thread_count = options->store_count,
		.patience_ms = COMMIT_PATIENCE_MS,
		.serve = serve_commands,
		.deadline_ns = deadline_of,
		.context = service,
	};
	return lane_new(&lane, &service->commit_lane);
}

static enum error start_read_lane(struct service *service, uint32_t index)
{
	assert(index < service->options.reader_count);
	struct read_lane *self = &service->read_lanes[index];
	self->service = service;
	self->reader = service->options.readers[index];
	const struct query_handler_options handler = {.reader = self->reader, .answered = service_queries_answered, .context = service};
	enum error error = query_handler_new(&handler, &self->query_handler);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "read",
		.capacity = service->options.queue_capacity,
		.batch_max = service->options.batch_max,
		.thread_count = 1,
		.serve = service_serve_queries,
		.deadline_ns = deadline_of,
		.context = self,
	};
	return lane_new(&lane, &self->lane);
}

static enum error start_catalog_lane(struct service *service)
{
	assert(service->catalog_lane == NULL);
	const struct service_options *options = &service->options;
	if (options->catalog == NULL)
		return OK;
	enum error error = service_make_pages(service);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "catalog",
		.capacity = options->queue_capacity,
		.batch_max = 1, /* jobs that wait for a hanging catalog wait on the lane, which answers them in time */
		.thread_count = 1,
		.serve = service_serve_catalog,
		.deadline_ns = deadline_of,
		.context = service,
	};
	return lane_new(&lane, &service->catalog_lane);
}

static enum error start_admission(struct service *service)
{
	assert(service->admission == NULL);
	const struct service_options *options = &service->options;
	const struct admission_stage_options stage = {
		.admission = options->admission,
		.dependency = &options->dependencies->of[DEPENDENCY_ADMISSION],
		.clock = options->clock,
		.queue_capacity = options->queue_capacity,
		.batch_max = options->batch_max,
		.judged = proceed,
		.context = service,
	};
	return admission_stage_new(&stage, &service->admission);
}

enum error service_new(const struct service_options *options, struct service **ret_service)
{
	assert(options->dependencies != NULL);
	assert(options != NULL && options->store_count > 0 && options->store_count <= COMMITS_IN_FLIGHT_MAX);
	assert(options->reader_count <= SERVICE_READ_LANES_MAX);
	assert(options->catalog == NULL || options->catalog_reader != NULL);

	struct service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return ERR_NO_MEMORY;
	service->options = *options;
	pthread_mutex_init(&service->inconsistency_mutex, NULL);
	if (options->awaits_store) {
		(void)dependency_hold(service_dependency(service, DEPENDENCY_STORE));
		(void)dependency_hold(service_dependency(service, DEPENDENCY_READS));
	}
	enum error error = start_catalog_lane(service);
	for (uint32_t i = 0; error == OK && i < options->reader_count; i++)
		error = start_read_lane(service, i);
	if (error == OK)
		error = start_commit_lane(service);
	if (error == OK)
		error = start_admission(service);
	if (error == OK)
		error = worker_new(&(struct worker_options){.name = "timekeeper", .step = keep_time, .context = service},
		                   &service->timekeeper);
	if (error != OK) {
		service_free(service);
		return error;
	}
	*ret_service = service;
	return OK;
}

void service_free(struct service *service)
{
	if (service == NULL)
		return;
	worker_free(service->timekeeper);
	/* In the order of the jobs' way, so that what a lane hands on is still served. */
	admission_stage_stop(service->admission);
	seating_stage_free(service->seating);
	lane_free(service->commit_lane);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		lane_free(service->read_lanes[i].lane);
	lane_free(service->catalog_lane);
	committer_free(service->committer);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		query_handler_free(service->read_lanes[i].query_handler);
	event_pages_free(service->pages);
	admission_stage_free(service->admission);
	pthread_mutex_destroy(&service->inconsistency_mutex);
	free(service);
}

static void add_use(const struct lane *lane, struct lane_use *ret_use)
{
	assert(ret_use != NULL);
	if (lane != NULL)
		lane_add_use(lane, ret_use);
}

void service_status(struct service *service, struct service_status *ret_status)
{
	assert(service != NULL);
	assert(ret_status != NULL);

	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	struct service_status status = {
		.refuses_commits = dependency_state(service_dependency(service, DEPENDENCY_STORE), now_ns) != BREAKER_CLOSED,
		.refuses_reads = dependency_state(service_dependency(service, DEPENDENCY_READS), now_ns) != BREAKER_CLOSED,
		.refuses_events = dependency_state(service_dependency(service, DEPENDENCY_CATALOG), now_ns) != BREAKER_CLOSED,
	};
	add_use(admission_stage_lane(service->admission), &status.admission);
	add_use(service->commit_lane, &status.commit);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		add_use(service->read_lanes[i].lane, &status.read);
	add_use(service->catalog_lane, &status.catalog);
	const struct admission_stage_counters *admission = admission_stage_counters(service->admission);
	status.admitted_shared = admission->shared;
	status.admitted_alone = admission->alone;
	const struct committer_counters *counters = committer_counters(service->committer);
	status.batches = counters->batches;
	status.commands = counters->commands;
	status.events = counters->events;
	status.stale = counters->stale;
	status.conflicts = counters->conflicts;
	status.retries = counters->retries;
	status.failures = counters->failures;
	status.inconsistent = counters->inconsistent;
	service_seating_status(service, &status);
	pthread_mutex_lock(&service->inconsistency_mutex);
	status.inconsistency = service->inconsistency;
	pthread_mutex_unlock(&service->inconsistency_mutex);
	*ret_status = status;
}
