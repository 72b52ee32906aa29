/* tracing_batches.c: commit batches as spans. */
#include <assert.h>
#include <stdlib.h>

#include "runtime/tracing.h"
#include "runtime/tracing_inside.h"

#define LINKS_MAX 128

/* Those of the commands whose traces are recorded. */
static void add_links(struct span *span, const struct list *jobs)
{
	uint32_t sampled = 0;
	list_for_each(node, jobs)
		sampled += trace_is_sampled(&container_of(node, struct job, node)->trace);
	uint32_t count = sampled < LINKS_MAX ? sampled : LINKS_MAX;
	span->links = count == 0 ? NULL : malloc(count * sizeof *span->links);
	span->links_dropped = span->links == NULL ? sampled : sampled - count;
	list_for_each(node, jobs) {
		const struct job *job = container_of(node, struct job, node);
		if (span->links != NULL && span->link_count < count && trace_is_sampled(&job->trace))
			span->links[span->link_count++] = span_link_to(&job->trace);
	}
}

static void describe_batch(struct span *span, const struct batch_trace *trace)
{
	span_add_int(span, "tro.batch.size", trace->commands);
	span_add_int(span, "tro.batch.retries", trace->tries);
	span_add_int(span, "tro.batch.events", trace->events);
	span_add_int(span, "tro.batch.rows", trace->rows);
	span->is_error = trace->is_failure;
}

static void describe_step(struct span *span, const struct trace_place *store, const struct batch_step *step,
                          const struct batch_trace *trace)
{
	if (step->kind == BATCH_DECIDE)
		return;
	span->kind = SPAN_CLIENT;
	span->is_error = step->is_failure;
	span_add_word(span, "db.system.name", store->system);
	span_add_word(span, "db.operation.name", step->kind == BATCH_COMMIT ? "COMMIT" : "SELECT");
	if (store->namespace != NULL)
		span_add_word(span, "db.namespace", store->namespace);
	if (trace->commands > 1)
		span_add_int(span, "db.operation.batch.size", trace->commands);
	trace_place_add_server(store, span);
}

void tracing_batch(void *context, const struct batch_trace *trace, const struct list *jobs)
{
	struct tracing *tracing = context;
	static const char *const names[BATCH_STEP_KIND_COUNT] = {
		[BATCH_LOAD] = "load", [BATCH_DECIDE] = "decide", [BATCH_COMMIT] = "commit", [BATCH_RESOLVE] = "resolve"};
	assert(trace_is_sampled(&trace->context));
	struct span span;
	uint32_t count = trace->step_count < BATCH_STEPS_MAX ? trace->step_count : BATCH_STEPS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		const struct batch_step *step = &trace->steps[i];
		struct trace_context step_context = trace_context_numbered_child(&trace->context, i + 1);
		span_init(&span, &step_context, SPAN_INTERNAL, names[step->kind], step->began_ns, step->ended_ns);
		describe_step(&span, &tracing->store, step, trace);
		tracer_record(tracing->tracer, &span);
	}
	span_init(&span, &trace->context, SPAN_INTERNAL, "commit batch", trace->began_ns, trace->ended_ns);
	describe_batch(&span, trace);
	add_links(&span, jobs);
	tracer_record(tracing->tracer, &span);
}
