/* service_catalog.c: the catalog lane shows events, and brings those that were just changed there. */
#include "app/service_inside.h"

#include <assert.h>

#include "app/catalog_sync.h"
#include "app/sale_answer.h"

#define CATALOG_NS UINT64_C(2000000000) /* one query of the catalog, or bringing one event there */

/* What has been committed is answered whether or not the catalog serves: the monitor brings it there later. */
static void bring_to_catalog(struct service *service, const struct job *job)
{
	assert(job->outcome.error == OK);
	assert(service->catalog_lane != NULL);
	uint64_t now_ms = service_monotonic_ms(service);
	if (!breaker_allows(&service->catalog, now_ms))
		return;
	service->options.catalog_reader->deadline_ns = service->options.catalog->deadline_ns;
	enum error error = catalog_sync_event(service->options.catalog_reader, service->options.catalog, &job->outcome.resource_id);
	service_report(service, &service->catalog, error != ERR_CATALOG_UNAVAILABLE, now_ms, service->options.catalog->deadline_ns);
}

/* A command on an event that is done: the catalog has it, and its maker is told how people see it. */
static void finish_sale(struct service *service, struct job *job)
{
	assert(job->kind == JOB_COMMAND);
	bring_to_catalog(service, job);
	service->options.catalog_reader->deadline_ns = service->options.catalog->deadline_ns;
	enum error error = sale_answer(service->options.catalog_reader, &job->command, &job->outcome);
	if (error != OK)
		job->outcome = (struct outcome){.error = error};
}

static void browse_events(struct service *service, struct job *job)
{
	assert(job->kind == JOB_QUERY);
	uint64_t now_ms = service_monotonic_ms(service);
	bool is_refused = service_came_before(job, service->catalog_failed_ms) || !breaker_allows(&service->catalog, now_ms);
	bool is_down = is_refused;
	job->outcome.error = event_pages_answer(service->pages, &job->query, now_ms, job->arena, &is_down, &job->outcome.body);
	if (is_refused)
		return;
	service_report(service, &service->catalog, !is_down, now_ms, service->options.catalog->deadline_ns);
	service->catalog_failed_ms = is_down ? service_monotonic_ms(service) : 0;
}

void service_serve_catalog(void *context, struct list *batch, uint32_t count)
{
	assert(batch != NULL);
	struct service *service = context;
	assert(count > 0);
	for (struct job *job = service_pop_job(batch); job != NULL; job = service_pop_job(batch)) {
		uint64_t now_ns = clock_monotonic_ns(service->options.clock), until_ns = now_ns + CATALOG_NS;
		bool is_query = job->kind == JOB_QUERY;
		service->options.catalog->deadline_ns = is_query && job->deadline_ns < until_ns ? job->deadline_ns : until_ns;
		if (!is_query)
			finish_sale(service, job);
		else if (job->deadline_ns < now_ns)
			job->outcome.error = ERR_OVERLOADED;
		else
			browse_events(service, job);
		service_answer(service, job);
	}
}
