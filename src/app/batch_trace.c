/* batch_trace.c: see batch_trace.h. */
#include "app/batch_trace.h"

#include <assert.h>

#include "app/job.h"

static bool is_recorded(const struct list *jobs)
{
	assert(jobs != NULL);
	list_for_each(node, jobs)
		if (trace_is_sampled(&container_of(node, struct job, node)->trace))
			return true;
	return false;
}

void batch_trace_begin(struct batch_trace *trace, struct list *jobs, struct clock *clock, struct random *random)
{
	assert(trace != NULL && clock != NULL && random != NULL);
	trace->context = (struct trace_context){.flags = 0};
	trace->step_count = 0;
	if (is_recorded(jobs)) {
		const uint64_t bits[3] = {random_u64(random), random_u64(random), random_u64(random)};
		trace->context = trace_context_root(bits, TRACE_SAMPLED | TRACE_RANDOM_ID);
		trace->began_ns = clock_monotonic_ns(clock);
	}
	list_for_each(node, jobs)
		container_of(node, struct job, node)->batch = trace->context;
}

uint64_t batch_trace_now(const struct batch_trace *trace, struct clock *clock)
{
	assert(trace != NULL);
	return trace_is_sampled(&trace->context) ? clock_monotonic_ns(clock) : 0;
}

void batch_trace_step(struct batch_trace *trace, enum batch_step_kind kind, uint64_t began_ns, bool is_failure, struct clock *clock)
{
	assert(trace != NULL && kind < BATCH_STEP_KIND_COUNT);
	if (!trace_is_sampled(&trace->context))
		return;
	if (trace->step_count < BATCH_STEPS_MAX)
		trace->steps[trace->step_count] = (struct batch_step){
			.kind = kind, .is_failure = is_failure, .began_ns = began_ns, .ended_ns = clock_monotonic_ns(clock)};
	trace->step_count++;
}
