/* service.c: the stages put together: who serves which job, and what becomes of it after. */
#include "app/service.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "app/admission_stage.h"
#include "app/browser.h"
#include "app/catalog_sync.h"
#include "app/committer.h"
#include "app/event_pages.h"
#include "app/sale_answer.h"
#include "pipeline/breaker.h"
#include "pipeline/lane.h"
#include "pipeline/worker.h"

#define COMMIT_TRIES_MAX 100 /* the time of a batch is over before, unless the store answers at once */
#define BREAKER_FAILURES_MAX 3
#define BREAKER_PAUSE_MS 500
#define SLOW_MS 1000                    /* a failure that took so long was waited for */
#define OVERDUE_MS 100                  /* how late an overdue job may be answered */
#define READ_NS UINT64_C(4500000000)    /* what a batch of queries may take */
#define CATALOG_NS UINT64_C(2000000000) /* one query of the catalog, or bringing one event there */

struct read_lane {
	struct service *service;
	struct reader *reader;
	struct browser *browser;
	struct lane *lane;
	uint64_t failed_ms; /* when the store was found down last */
};

struct service {
	struct service_options options;
	struct committer *committer;
	struct lane *commit_lane;
	pthread_mutex_t inconsistency_mutex; /* guards: */
	struct inconsistency inconsistency;  /* the last that was found */
	struct read_lane read_lanes[SERVICE_READ_LANES_MAX];
	_Atomic uint32_t next_read_lane;
	struct event_pages *pages;
	struct lane *catalog_lane;
	struct admission_stage *admission;
	struct worker *timekeeper; /* answers what is overdue */
	bool has_found_store;      /* it was up once: service_store_found's */
	struct breaker commits;
	struct breaker reads;
	struct breaker catalog;
	uint64_t catalog_failed_ms; /* when the catalog was found down last: the catalog lane's */
};

static struct job *job_of(struct list_node *node)
{
	return container_of(node, struct job, node);
}

static struct job *pop_job(struct list *list)
{
	struct list_node *node = list_pop(list);
	return node == NULL ? NULL : job_of(node);
}

static uint64_t monotonic_ms(struct service *service)
{
	return clock_monotonic_ns(service->options.clock) / 1000000;
}

/* The job's answer is complete; its key is free, or remembered when it stands for something. */
static void answer(struct service *service, struct job *job)
{
	if (job->has_key_in_use) {
		bool is_used = job->outcome.error == OK && job->outcome.body.length > 0;
		admission_stage_finish(service->admission, job, is_used ? ADMISSION_DONE : ADMISSION_FORGET);
		job->has_key_in_use = false;
	}
	job->done(job);
}

static void refuse(struct service *service, struct job *job, enum error error)
{
	job->outcome = (struct outcome){.error = error};
	answer(service, job);
}

static void refuse_all(struct service *service, struct list *jobs, enum error error)
{
	for (struct job *job = pop_job(jobs); job != NULL; job = pop_job(jobs))
		refuse(service, job, error);
}

static void answer_all(struct service *service, struct list *jobs)
{
	for (struct job *job = pop_job(jobs); job != NULL; job = pop_job(jobs))
		answer(service, job);
}

/* Moves the jobs that are not too late to `ret_timely` and refuses the others. Answers how many it moved. */
static uint32_t take_timely(struct service *service, struct list *batch, struct list *ret_timely)
{
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	uint32_t count = 0;
	list_init(ret_timely);
	for (struct job *job = pop_job(batch); job != NULL; job = pop_job(batch)) {
		if (job->deadline_ns < now_ns) {
			refuse(service, job, ERR_OVERLOADED);
		} else {
			list_push(ret_timely, &job->node);
			count++;
		}
	}
	return count;
}

static bool changes_a_sale(const struct job *job)
{
	switch (job->command.kind) {
	case COMMAND_SALE_CREATE:
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
		return job->outcome.error == OK;
	default:
		return false;
	}
}

/* People find an event from the moment that its maker has the answer, so the catalog comes first. */
static void answer_command(struct service *service, struct job *job)
{
	bool goes_on = changes_a_sale(job) && service->catalog_lane != NULL;
	if (goes_on && lane_submit(service->catalog_lane, &job->node) == OK)
		return;
	bool is_complete = !goes_on || (job->command.kind == COMMAND_SALE_CREATE && !job->outcome.is_replayed);
	if (is_complete)
		answer(service, job);
	else
		refuse(service, job, ERR_OVERLOADED);
}

static void serve_commands(void *context, struct list *batch, uint32_t count)
{
	struct service *service = context;
	struct list jobs;
	count = take_timely(service, batch, &jobs);
	if (count == 0) {
		committer_rest(service->committer);
		return;
	}
	if (!breaker_allows(&service->commits, monotonic_ms(service))) {
		refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
		committer_rest(service->committer);
		return;
	}
	bool is_up = committer_step(service->committer, &jobs, count, batch);
	if (list_is_empty(&jobs))
		return; /* all wait for another batch, which will say whether the store serves */
	if (!is_up)
		breaker_failed(&service->commits, monotonic_ms(service));
	else
		breaker_succeeded(&service->commits);
	for (struct job *job = pop_job(&jobs); job != NULL; job = pop_job(&jobs))
		answer_command(service, job);
}

/* A try that fails stands for all who came before its end; whoever comes later has a try of his own, for the store may be back. */
static bool came_before(const struct job *job, uint64_t failed_ms)
{
	return failed_ms != 0 && job->admission.now_ms <= failed_ms;
}

/* A breaker spares its callers the wait for what hangs. What fails at once needs none, and the next caller is not refused for it. */
static void report(struct service *service, struct breaker *breaker, bool is_up, uint64_t began_ms, uint64_t deadline_ns)
{
	uint64_t now_ms = monotonic_ms(service);
	bool was_waited_for = now_ms - began_ms >= SLOW_MS || now_ms >= deadline_ns / 1000000;
	if (is_up || !was_waited_for)
		breaker_succeeded(breaker);
	else
		breaker_failed(breaker, now_ms);
}

/* Answers the queries that have no answer yet, until one finds the store down. False: it is, and the rest have the same answer. */
static bool ask_store(struct read_lane *self, struct list *jobs)
{
	uint64_t now_ms = clock_now_ms(self->service->options.clock);
	bool is_up = true;
	list_for_each(node, jobs) {
		struct job *job = job_of(node);
		if (is_up && job->outcome.error == ERR_STORE_UNAVAILABLE)
			job->outcome.error = browser_answer(self->browser, &job->query, now_ms, job->arena, &job->outcome.body);
		is_up = is_up && job->outcome.error != ERR_STORE_UNAVAILABLE;
	}
	return is_up;
}

/* One snapshot for a batch costs the store less than one for each query, and is as fresh: all of them were asked before it. One that is lost
 * before its end, with the session, is made once more. */
static bool ask_store_at_once(struct read_lane *self, struct list *jobs)
{
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
	struct list left;
	uint32_t count = 0;
	list_init(&left);
	list_init(ret_refused);
	for (struct job *job = pop_job(jobs); job != NULL; job = pop_job(jobs)) {
		bool is_refused = came_before(job, self->failed_ms);
		job->outcome.error = ERR_STORE_UNAVAILABLE;
		list_push(is_refused ? ret_refused : &left, &job->node);
		count += is_refused;
	}
	list_splice(jobs, &left);
	return count;
}

static void serve_queries(void *context, struct list *batch, uint32_t count)
{
	struct read_lane *self = context;
	struct service *service = self->service;
	struct list jobs, refused;
	count = take_timely(service, batch, &jobs);
	count -= take_refused(self, &jobs, &refused);
	answer_all(service, &refused);
	if (count == 0)
		return;
	uint64_t began_ms = monotonic_ms(service);
	if (!breaker_allows(&service->reads, began_ms)) {
		refuse_all(service, &jobs, ERR_STORE_UNAVAILABLE);
		return;
	}
	self->reader->deadline_ns = clock_monotonic_ns(service->options.clock) + READ_NS;
	bool is_up = count == 1 ? ask_store(self, &jobs) : ask_store_at_once(self, &jobs);
	report(service, &service->reads, is_up, began_ms, self->reader->deadline_ns);
	self->failed_ms = is_up ? 0 : monotonic_ms(service);
	answer_all(service, &jobs);
}

/* What has been committed is answered whether or not the catalog serves: the monitor brings it there later. */
static void bring_to_catalog(struct service *service, const struct job *job)
{
	uint64_t now_ms = monotonic_ms(service);
	if (!breaker_allows(&service->catalog, now_ms))
		return;
	service->options.catalog_reader->deadline_ns = service->options.catalog->deadline_ns;
	enum error error = catalog_sync_event(service->options.catalog_reader, service->options.catalog, &job->outcome.resource_id);
	report(service, &service->catalog, error != ERR_CATALOG_UNAVAILABLE, now_ms, service->options.catalog->deadline_ns);
}

/* A command on an event that is done: the catalog has it, and its maker is told how people see it. */
static void finish_sale(struct service *service, struct job *job)
{
	bring_to_catalog(service, job);
	service->options.catalog_reader->deadline_ns = service->options.catalog->deadline_ns;
	enum error error = sale_answer(service->options.catalog_reader, &job->command, &job->outcome);
	if (error != OK)
		job->outcome = (struct outcome){.error = error};
}

static void browse_events(struct service *service, struct job *job)
{
	uint64_t now_ms = monotonic_ms(service);
	bool is_refused = came_before(job, service->catalog_failed_ms) || !breaker_allows(&service->catalog, now_ms);
	bool is_down = is_refused;
	job->outcome.error = event_pages_answer(service->pages, &job->query, now_ms, job->arena, &is_down, &job->outcome.body);
	if (is_refused)
		return;
	report(service, &service->catalog, !is_down, now_ms, service->options.catalog->deadline_ns);
	service->catalog_failed_ms = is_down ? monotonic_ms(service) : 0;
}

static void serve_catalog(void *context, struct list *batch, uint32_t count)
{
	struct service *service = context;
	assert(count > 0);
	for (struct job *job = pop_job(batch); job != NULL; job = pop_job(batch)) {
		uint64_t now_ns = clock_monotonic_ns(service->options.clock), until_ns = now_ns + CATALOG_NS;
		bool is_query = job->kind == JOB_QUERY;
		service->options.catalog->deadline_ns = is_query && job->deadline_ns < until_ns ? job->deadline_ns : until_ns;
		if (!is_query)
			finish_sale(service, job);
		else if (job->deadline_ns < now_ns)
			job->outcome.error = ERR_OVERLOADED;
		else
			browse_events(service, job);
		answer(service, job);
	}
}

static uint64_t deadline_of(const struct list_node *node)
{
	return container_of(node, const struct job, node)->deadline_ns;
}

/* Refuses what waits in the lane past its deadline; a command that waits for the catalog is done, and says so. */
static void answer_overdue(struct service *service, struct lane *lane, uint64_t now_ns, enum error error)
{
	struct list jobs;
	list_init(&jobs);
	if (lane == NULL || lane_take_overdue(lane, now_ns, &jobs) == 0)
		return;
	for (struct job *job = pop_job(&jobs); job != NULL; job = pop_job(&jobs)) {
		if (lane == service->catalog_lane && job->kind == JOB_COMMAND)
			answer(service, job);
		else
			refuse(service, job, error);
	}
}

/* Threads of lanes may be stuck in a store that hangs. This one never is, and answers for them. */
static uint64_t keep_time(void *context)
{
	struct service *service = context;
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	answer_overdue(service, service->commit_lane, now_ns, ERR_OVERLOADED);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		answer_overdue(service, service->read_lanes[i].lane, now_ns, ERR_OVERLOADED);
	answer_overdue(service, service->catalog_lane, now_ns, ERR_OVERLOADED);
	return OVERDUE_MS;
}

void service_store_asked(struct service *service)
{
	breaker_watch(&service->commits);
	breaker_watch(&service->reads);
}

void service_store_found(struct service *service, bool is_up, bool is_silent)
{
	assert(service != NULL && !(is_up && is_silent));
	if (is_up)
		breaker_release(&service->commits);
	else if (breaker_hold(&service->commits))
		answer_overdue(service, service->commit_lane, UINT64_MAX, ERR_STORE_UNAVAILABLE);
	service->has_found_store |= is_up;
	if (!is_silent && (service->has_found_store || !service->options.awaits_store))
		breaker_release(&service->reads);
	else if (breaker_hold(&service->reads))
		for (uint32_t i = 0; i < service->options.reader_count; i++)
			answer_overdue(service, service->read_lanes[i].lane, UINT64_MAX, ERR_STORE_UNAVAILABLE);
}

void service_catalog_asked(struct service *service)
{
	breaker_watch(&service->catalog);
}

void service_catalog_found(struct service *service, bool is_silent)
{
	assert(service != NULL);
	if (!is_silent)
		breaker_release(&service->catalog);
	else
		(void)breaker_hold(&service->catalog);
}

static struct lane *lane_for_query(struct service *service, const struct query *query)
{
	if (query->kind == QUERY_EVENT || query->kind == QUERY_EVENTS)
		return service->catalog_lane;
	uint32_t turn = atomic_fetch_add_explicit(&service->next_read_lane, 1, memory_order_relaxed);
	return service->read_lanes[turn % service->options.reader_count].lane;
}

static void route(struct service *service, struct job *job)
{
	if (job->kind == JOB_REFUSAL) {
		answer(service, job);
		return;
	}
	struct lane *lane = job->kind == JOB_COMMAND ? service->commit_lane : lane_for_query(service, &job->query);
	enum error error = lane_submit(lane, &job->node);
	if (error != OK)
		refuse(service, job, error);
}

static void proceed(void *context, struct job *job)
{
	struct service *service = context;
	switch (job->admission.ret_verdict) {
	case ADMISSION_GO:
		job->has_key_in_use = job->admission.idempotency.is_present;
		job->is_repeat = job->admission.ret_is_repeat;
		route(service, job);
		return;
	case ADMISSION_LIMITED:
		refuse(service, job, ERR_RATE_LIMITED);
		return;
	case ADMISSION_BUSY:
		refuse(service, job, ERR_IDEMPOTENCY_BUSY);
		return;
	case ADMISSION_MISMATCH:
		refuse(service, job, ERR_IDEMPOTENCY_MISMATCH);
		return;
	}
	assert(false && "a verdict is one of four");
}

void service_submit(struct service *service, struct job *job)
{
	assert(service != NULL);
	assert(job != NULL && job->done != NULL);

	job->has_key_in_use = false;
	job->is_repeat = false;
	if (job->kind != JOB_REFUSAL)
		job->outcome = (struct outcome){0};
	job->admission.idempotency = job->kind == JOB_COMMAND ? job->command.idempotency : (struct idempotency){0};
	job->admission.ret_is_repeat = false;
	admission_stage_submit(service->admission, job);
}

static void pause_committer(void *context, uint64_t ms)
{
	(void)context;
	struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
	nanosleep(&pause, NULL);
}

static void note_commit(void *context, uint32_t event_count)
{
	const struct service_options *options = &((struct service *)context)->options;
	if (options->committed != NULL)
		options->committed(options->context, event_count);
}

static void note_time(void *context, uint64_t commit_ns, uint32_t command_count)
{
	const struct service_options *options = &((struct service *)context)->options;
	if (options->measured != NULL)
		options->measured(options->context, commit_ns, command_count);
}

static bool has_more_commands(void *context)
{
	return lane_depth(((struct service *)context)->commit_lane) > 0;
}

static void note_inconsistency(void *context, const struct inconsistency *found)
{
	struct service *service = context;
	pthread_mutex_lock(&service->inconsistency_mutex);
	service->inconsistency = *found;
	pthread_mutex_unlock(&service->inconsistency_mutex);
}

static enum error start_commit_lane(struct service *service)
{
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
		.has_more = has_more_commands,
		.inconsistent = note_inconsistency,
		.context = service,
	};
	enum error error = committer_new(&committer, &service->committer);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "commit",
		.capacity = options->queue_capacity,
		.batch_max = options->batch_max,
		.thread_count = options->store_count,
		.serve = serve_commands,
		.deadline_ns = deadline_of,
		.context = service,
	};
	return lane_new(&lane, &service->commit_lane);
}

static enum error start_read_lane(struct service *service, uint32_t index)
{
	struct read_lane *self = &service->read_lanes[index];
	self->service = service;
	self->reader = service->options.readers[index];
	enum error error = browser_new(self->reader, &self->browser);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "read",
		.capacity = service->options.queue_capacity,
		.batch_max = service->options.batch_max,
		.thread_count = 1,
		.serve = serve_queries,
		.deadline_ns = deadline_of,
		.context = self,
	};
	return lane_new(&lane, &self->lane);
}

static enum error start_catalog_lane(struct service *service)
{
	const struct service_options *options = &service->options;
	if (options->catalog == NULL)
		return OK;
	enum error error = event_pages_new(options->catalog, options->random, &service->pages);
	if (error != OK)
		return error;
	const struct lane_options lane = {
		.name = "catalog",
		.capacity = options->queue_capacity,
		.batch_max = 1, /* what waits for a catalog that hangs is to wait where it is answered in time */
		.thread_count = 1,
		.serve = serve_catalog,
		.deadline_ns = deadline_of,
		.context = service,
	};
	return lane_new(&lane, &service->catalog_lane);
}

static enum error start_admission(struct service *service)
{
	const struct service_options *options = &service->options;
	const struct admission_stage_options stage = {
		.admission = options->admission,
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
	assert(options != NULL && options->store_count > 0 && options->store_count <= COMMITS_IN_FLIGHT_MAX);
	assert(options->reader_count <= SERVICE_READ_LANES_MAX);
	assert(options->catalog == NULL || options->catalog_reader != NULL);

	struct service *service = calloc(1, sizeof *service);
	if (service == NULL)
		return ERR_NO_MEMORY;
	service->options = *options;
	pthread_mutex_init(&service->inconsistency_mutex, NULL);
	breaker_init(&service->commits, BREAKER_FAILURES_MAX, BREAKER_PAUSE_MS);
	breaker_init(&service->reads, BREAKER_FAILURES_MAX, BREAKER_PAUSE_MS);
	breaker_init(&service->catalog, BREAKER_FAILURES_MAX, BREAKER_PAUSE_MS);
	if (options->awaits_store) {
		(void)breaker_hold(&service->commits);
		(void)breaker_hold(&service->reads);
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
	lane_free(service->commit_lane);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		lane_free(service->read_lanes[i].lane);
	lane_free(service->catalog_lane);
	committer_free(service->committer);
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		browser_free(service->read_lanes[i].browser);
	event_pages_free(service->pages);
	admission_stage_free(service->admission);
	pthread_mutex_destroy(&service->inconsistency_mutex);
	free(service);
}

void service_status(struct service *service, struct service_status *ret_status)
{
	assert(service != NULL);
	assert(ret_status != NULL);

	uint64_t now_ms = monotonic_ms(service);
	struct service_status status = {
		.catalog_waiting = service->catalog_lane == NULL ? 0 : lane_depth(service->catalog_lane),
		.refuses_commits = breaker_state(&service->commits, now_ms) != BREAKER_CLOSED,
		.refuses_reads = breaker_state(&service->reads, now_ms) != BREAKER_CLOSED,
		.refuses_events = breaker_state(&service->catalog, now_ms) != BREAKER_CLOSED,
	};
	for (uint32_t i = 0; i < service->options.reader_count; i++)
		status.read_waiting += lane_depth(service->read_lanes[i].lane);
	const struct admission_stage_counters *admission = admission_stage_counters(service->admission);
	status.admitted_shared = admission->shared;
	status.admitted_alone = admission->alone;
	const struct committer_counters *counters = committer_counters(service->committer);
	status.commit_waiting = lane_depth(service->commit_lane);
	status.batches = counters->batches;
	status.commands = counters->commands;
	status.events = counters->events;
	status.stale = counters->stale;
	status.conflicts = counters->conflicts;
	status.retries = counters->retries;
	status.failures = counters->failures;
	status.inconsistent = counters->inconsistent;
	pthread_mutex_lock(&service->inconsistency_mutex);
	status.inconsistency = service->inconsistency;
	pthread_mutex_unlock(&service->inconsistency_mutex);
	*ret_status = status;
}
