/* service_catalog.c: the catalog lane shows events, and brings those that were just changed there. */
#include "app/service_inside.h"

#include <assert.h>

#include "app/catalog_sync.h"
#include "app/sale_answer.h"

#define CATALOG_NS UINT64_C(2000000000) /* one query of the catalog, or bringing one event there */

/* A committed event is answered whether or not the catalog serves: the monitor brings it to the catalog later. */
static void bring_to_catalog(struct service *service, const struct job *job)
{
	assert(job->outcome.error == OK);
	assert(service->catalog_lane != NULL);
	struct dependency *catalog = service_dependency(service, DEPENDENCY_CATALOG);
	struct dependency_call call;
	if (!dependency_begin(catalog, clock_monotonic_ns(service->options.clock), &call))
		return;
	service->options.catalog_reader->deadline_ns = service->options.catalog->deadline_ns;
	enum error error = catalog_sync_event(service->options.catalog_reader, service->options.catalog, &job->outcome.resource_id);
	event_pages_outdate(service->pages);
	dependency_end(catalog, &call, error != ERR_CATALOG_UNAVAILABLE ? DEPENDENCY_SERVED : DEPENDENCY_FAILED,
	               clock_monotonic_ns(service->options.clock));
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

static void fetch_page(struct service *service, struct job *fetch)
{
	assert(fetch->kind == JOB_FETCH);
	struct dependency *catalog = service_dependency(service, DEPENDENCY_CATALOG);
	struct dependency_call call;
	uint64_t now_ns = clock_monotonic_ns(service->options.clock);
	bool is_refused = service_came_before(fetch, service->catalog_failed_ms) || !dependency_begin(catalog, now_ns, &call);
	bool is_down = is_refused;
	service->fetch_began_ns = is_refused ? 0 : now_ns;
	event_pages_fetch(service->pages, fetch, now_ns / 1000000, &is_down);
	if (is_refused)
		return;
	dependency_end(catalog, &call, is_down ? DEPENDENCY_FAILED : DEPENDENCY_SERVED, clock_monotonic_ns(service->options.clock));
	service->catalog_failed_ms = is_down ? service_monotonic_ms(service) : 0;
}

void service_serve_catalog(void *context, struct list *batch, uint32_t count)
{
	assert(batch != NULL);
	struct service *service = context;
	assert(count > 0);
	for (struct job *job = service_pop_job(batch); job != NULL; job = service_pop_job(batch)) {
		service->options.catalog->deadline_ns = clock_monotonic_ns(service->options.clock) + CATALOG_NS;
		if (job->kind == JOB_FETCH) {
			fetch_page(service, job);
		} else {
			job_taken(job, clock_monotonic_ns(service->options.clock));
			finish_sale(service, job);
			service_answer(service, job);
		}
	}
}

static enum error submit_fetch(void *context, struct job *fetch)
{
	struct service *service = context;
	return lane_submit(service->catalog_lane, &fetch->node);
}

static void answer_reader(void *context, struct job *job)
{
	service_answer(context, job);
}

static void note_fetch(void *context, const struct job *fetch, bool is_down)
{
	const struct service *service = context;
	const struct service_options *options = &service->options;
	if (options->fetched != NULL && service->fetch_began_ns != 0)
		options->fetched(options->traces, fetch, service->fetch_began_ns, clock_monotonic_ns(options->clock), is_down);
}

enum error service_make_pages(struct service *service)
{
	const struct event_pages_options options = {
		.catalog = service->options.catalog,
		.random = service->options.random,
		.patience_ms = service->options.catalog_patience_ms == 0 ? CATALOG_NS / 1000000 : service->options.catalog_patience_ms,
		.submit = submit_fetch,
		.asked = note_fetch,
		.answer = answer_reader,
		.context = service,
	};
	return event_pages_new(&options, &service->pages);
}
