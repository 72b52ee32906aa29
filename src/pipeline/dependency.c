/* dependency.c: a count of calls, a breaker whose pauses have jitter, and what was said of it last. */
#include "pipeline/dependency.h"

#include <assert.h>
#include <stdio.h>

void dependency_init(struct dependency *dependency, const char *name, const struct dependency_options *options, uint64_t random)
{
	assert(name != NULL && options->calls_max > 0 && options->deadline_ms > 0);
	*dependency = (struct dependency){
		.name = name,
		.options = *options,
		.is_up = true,
		.backoff = {.base_ms = options->pause_base_ms, .maximum_ms = options->pause_max_ms},
		.random = random,
	};
	breaker_init(&dependency->breaker, options->failures_max, options->pause_base_ms);
	pthread_mutex_init(&dependency->lock, NULL);
}

void dependency_release(struct dependency *dependency)
{
	assert(dependency->calls == 0);
	pthread_mutex_destroy(&dependency->lock);
}

void dependency_measure(struct dependency *dependency, struct metric *durations, uint32_t series)
{
	assert(durations != NULL);
	dependency->durations = durations;
	dependency->series = series;
}

bool dependency_begin(struct dependency *dependency, uint64_t now_ns, struct dependency_call *ret_call)
{
	assert(dependency != NULL && ret_call != NULL);
	dependency->is_used = true;
	uint32_t before = atomic_fetch_add(&dependency->calls, 1);
	if (before >= dependency->options.calls_max || !breaker_allows(&dependency->breaker, now_ns / 1000000)) {
		atomic_fetch_sub(&dependency->calls, 1);
		return false;
	}
	*ret_call = (struct dependency_call){
		.began_ns = now_ns,
		.deadline_ns = now_ns + dependency->options.deadline_ms * 1000000,
		.is_probe = dependency->breaker.is_trying,
	};
	return true;
}

/* The next pause is drawn before the failure is counted, so that a caller who finds the breaker open finds this pause. */
static void fail(struct dependency *dependency, uint64_t now_ns)
{
	assert(now_ns > 0);
	pthread_mutex_lock(&dependency->lock);
	/* A multiplier of Knuth's: the higher half of the state is random enough for a pause. */
	dependency->random = dependency->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	dependency->breaker.pause_ms = backoff_next(&dependency->backoff, dependency->random >> 32);
	pthread_mutex_unlock(&dependency->lock);
	breaker_failed(&dependency->breaker, now_ns / 1000000);
}

static void serve(struct dependency *dependency)
{
	bool was_closed = dependency->breaker.opened_at_ms == 0 && dependency->breaker.failures == 0;
	breaker_succeeded(&dependency->breaker);
	if (was_closed)
		return;
	pthread_mutex_lock(&dependency->lock);
	backoff_reset(&dependency->backoff);
	pthread_mutex_unlock(&dependency->lock);
}

void dependency_end(struct dependency *dependency, const struct dependency_call *call, enum dependency_answer answer, uint64_t now_ns)
{
	assert(dependency->calls > 0 && call->began_ns > 0);
	uint64_t took_ns = now_ns > call->began_ns ? now_ns - call->began_ns : 0;
	bool was_waited_for = took_ns >= dependency->options.slow_ms * 1000000 || now_ns >= call->deadline_ns;
	if (dependency->durations != NULL)
		metric_observe(dependency->durations, dependency->series, took_ns / 1000);
	if (answer == DEPENDENCY_UNDECIDED) {
		if (call->is_probe)
			breaker_undecided(&dependency->breaker);
	} else if (answer == DEPENDENCY_FAILED && was_waited_for) {
		fail(dependency, now_ns);
	} else {
		serve(dependency);
	}
	atomic_fetch_sub(&dependency->calls, 1);
}

uint64_t dependency_pause_ms(const struct dependency *dependency, uint64_t now_ns)
{
	assert(dependency != NULL);
	return breaker_pause_ms(&dependency->breaker, now_ns / 1000000);
}

void dependency_watch(struct dependency *dependency)
{
	assert(dependency != NULL);
	breaker_watch(&dependency->breaker);
}

bool dependency_hold(struct dependency *dependency)
{
	assert(dependency != NULL);
	return breaker_hold(&dependency->breaker);
}

bool dependency_is_held(const struct dependency *dependency)
{
	assert(dependency != NULL);
	return breaker_is_held(&dependency->breaker);
}

void dependency_release_hold(struct dependency *dependency)
{
	assert(dependency != NULL);
	breaker_release(&dependency->breaker);
}

void dependency_close(struct dependency *dependency)
{
	assert(dependency != NULL);
	breaker_release(&dependency->breaker);
	serve(dependency);
}

void dependency_tell(struct dependency *dependency, bool is_up, const char *problem)
{
	assert(problem != NULL);
	dependency->is_used = true;
	pthread_mutex_lock(&dependency->lock);
	dependency->is_up = is_up;
	(void)snprintf(dependency->problem, sizeof dependency->problem, "%s", is_up ? "" : problem);
	pthread_mutex_unlock(&dependency->lock);
}

void dependency_status(struct dependency *dependency, uint64_t now_ns, struct dependency_status *ret_status)
{
	assert(dependency != NULL && ret_status != NULL);
	ret_status->is_used = dependency->is_used;
	ret_status->state = dependency_state(dependency, now_ns);
	pthread_mutex_lock(&dependency->lock);
	ret_status->is_up = dependency->is_up;
	(void)snprintf(ret_status->problem, sizeof ret_status->problem, "%s", dependency->problem);
	pthread_mutex_unlock(&dependency->lock);
}

enum breaker_state dependency_state(const struct dependency *dependency, uint64_t now_ns)
{
	assert(dependency != NULL);
	return breaker_state(&dependency->breaker, now_ns / 1000000);
}
