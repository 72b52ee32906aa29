/* job.c: which stages a job goes through, and when it came to each. */
#include "app/job.h"

#include <assert.h>

static bool changes_a_sale(const struct command *command)
{
	assert(command->kind < COMMAND_KIND_COUNT);
	switch (command->kind) {
	case COMMAND_SALE_CREATE:
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
		return true;
	default:
		return false;
	}
}

static bool is_of_catalog(const struct query *query)
{
	assert(query != NULL);
	return query->kind == QUERY_EVENT || query->kind == QUERY_EVENTS;
}

static void add(struct job_way *way, enum job_stage stage)
{
	assert(stage < STAGE_COUNT);
	assert(way->count < JOB_STAGES_MAX);
	way->stages[way->count++] = stage;
}

void job_set_out(struct job *job, bool has_catalog, uint64_t now_ns)
{
	assert(job != NULL && job->done != NULL);
	struct admission_request *admission = &job->admission;
	job->way = (struct job_way){0};
	add(&job->way, STAGE_ADMISSION);
	admission->idempotency = (struct idempotency){0};
	if (job->kind == JOB_COMMAND) {
		job->command.trace = job->trace;
		job->command.trace_state = job->trace_state;
		admission->idempotency = job->command.idempotency;
		add(&job->way, STAGE_COMMIT);
		if (has_catalog && changes_a_sale(&job->command))
			add(&job->way, STAGE_CATALOG); /* people find an event from the moment that its maker has the answer */
	} else if (job->kind == JOB_QUERY) {
		add(&job->way, is_of_catalog(&job->query) ? STAGE_CATALOG : STAGE_READ);
	}
	admission->now_ms = now_ns / 1000000;
	admission->ret_verdict = ADMISSION_GO;
	admission->ret_is_repeat = false;
	job->has_key_in_use = false;
	job->failure = OK;
	job->batch = (struct trace_context){.flags = 0};
	if (job->kind != JOB_REFUSAL)
		job->outcome = (struct outcome){0};
	(void)job_enter(job, now_ns);
}

void job_set_out_admitted(struct job *job)
{
	assert(job != NULL && job->done != NULL && job->kind == JOB_QUERY);
	job->way = (struct job_way){0};
	add(&job->way, is_of_catalog(&job->query) ? STAGE_CATALOG : STAGE_READ);
	job->outcome = (struct outcome){0};
}

bool job_goes_on(const struct job *job)
{
	assert(job != NULL && job->way.count <= JOB_STAGES_MAX);
	return job->way.entered < job->way.count;
}

enum job_stage job_enter(struct job *job, uint64_t now_ns)
{
	assert(now_ns > 0 || job->way.entered == 0);
	assert(job_goes_on(job));
	job->way.entered_ns[job->way.entered] = now_ns;
	return job->way.stages[job->way.entered++];
}
