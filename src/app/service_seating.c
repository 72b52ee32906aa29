/* service_seating.c: the stage of large events within the service. */
#include "app/service.h"
#include "app/service_inside.h"

#include <assert.h>

#include "app/seating.h"

#define SEATING_TRIES_MAX 8
#define SEATING_VIEW_ROWS 64

static void serve(void *context, struct job *job)
{
	service_answer_command(context, job);
}

static void refuse(void *context, struct job *job, enum error error)
{
	assert(error != OK);
	service_refuse(context, job, error);
}

static bool is_store_down(void *context)
{
	assert(context != NULL);
	struct service *service = context;
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	return dependency_state(service_dependency(service, DEPENDENCY_STORE), now_ns) != BREAKER_CLOSED;
}

enum error service_start_seating(struct service *service, const struct committer_options *committer)
{
	assert(service->seating == NULL);
	struct store *store = service->options.seating_store;
	if (store == NULL || store->seating == NULL)
		return OK;
	struct seating_stage_options options = {
		.committer = *committer, .served = serve, .refused = refuse, .is_store_down = is_store_down, .context = service};
	options.committer.stores = &service->options.seating_store;
	options.committer.store_count = 1;
	options.committer.tries_max = SEATING_TRIES_MAX;
	options.committer.view_rows_max = SEATING_VIEW_ROWS;
	options.committer.has_more = NULL;
	return seating_stage_new(&options, &service->seating);
}

void service_seating_status(const struct service *service, struct service_status *status)
{
	assert(service != NULL && status != NULL);
	if (service->seating == NULL)
		return;
	const struct seating_counters *counters = seating_stage_counters(service->seating);
	status->seating_chunks = counters->chunks;
	status->seating_seats = counters->seats;
	status->seating_longest_ns = counters->longest_ns;
}

bool service_seats_ahead(const struct service *service, const struct job *job)
{
	assert(service != NULL && job != NULL);
	return service->seating != NULL && job->kind == JOB_COMMAND && seating_is_for(&job->command, service->options.seating_store);
}
