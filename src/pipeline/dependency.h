/* dependency: what stands between this process and a system outside it that may be slow, hang or be down: the store, the catalog, Redis, the broker,
 * the issuer of token keys. Each is called in the same way:
 *
 *	deadline   begin says until when the call may take; the caller hands that to the adapter, which gives up then
 *	bulkhead   no more than calls_max calls are under way: one more is refused at once, and waits for nobody
 *	breaker    after failures_max failures in a row calls are refused at once; after a pause one call, the probe, finds out whether it is back
 *	retry      the pauses have decorrelated jitter and grow while the probes fail. What is safe to repeat is repeated by the caller, within its deadline
 *
 * Somebody who looks after the system by other means may hold the breaker open, and says whether the system serves; readiness, metrics and the log
 * show both. Safe from any thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/backoff.h"
#include "obs/metrics.h"
#include "pipeline/breaker.h"

#define DEPENDENCY_PROBLEM_MAX 256

struct dependency_options {
	uint64_t deadline_ms;   /* what one call may take */
	uint32_t calls_max;     /* calls under way */
	uint32_t failures_max;  /* in a row; they open the breaker */
	uint64_t pause_base_ms; /* how long it stays open: the shortest pause … */
	uint64_t pause_max_ms;  /* … and the longest */
	uint64_t
		slow_ms; /* a failure that took less, and was over before its deadline, was not waited for and counts for nothing; 0: all count */
};

enum dependency_answer {
	DEPENDENCY_SERVED,
	DEPENDENCY_FAILED,
	DEPENDENCY_UNDECIDED, /* the call has found nothing out */
};

struct dependency {
	const char *name; /* static: of readiness, metrics and the log */
	struct dependency_options options;
	struct breaker breaker;
	_Atomic uint32_t calls; /* under way */
	_Atomic bool is_used;   /* it was called, or told of */
	_Atomic bool is_up;
	struct metric *durations; /* of calls, in microseconds; NULL: nobody counts */
	uint32_t series;
	pthread_mutex_t lock; /* guards: */
	struct backoff backoff;
	uint64_t random;
	char problem[DEPENDENCY_PROBLEM_MAX];
};

struct dependency_call {
	uint64_t began_ns;
	uint64_t deadline_ns;
	bool is_probe; /* the one call that is let in to find out */
};

/* random: any 64 bits, others in each process. */
void dependency_init(struct dependency *dependency, const char *name, const struct dependency_options *options, uint64_t random);
void dependency_release(struct dependency *dependency);
/* Calls are observed from now on; before threads use it. The metric is borrowed. */
void dependency_measure(struct dependency *dependency, struct metric *durations, uint32_t series);

/* Whether to call it now. True obliges the caller to dependency_end. now_ns: of a monotonic clock. */
must_check bool dependency_begin(struct dependency *dependency, uint64_t now_ns, struct dependency_call *ret_call);
void dependency_end(struct dependency *dependency, const struct dependency_call *call, enum dependency_answer answer, uint64_t now_ns);
/* Milliseconds until the next call is let in; 0: now. */
uint64_t dependency_pause_ms(const struct dependency *dependency, uint64_t now_ns);

/* Whoever looks after it says first that he begins to look: what is served from then on is worth more than what he finds. Hold and release are those of
 * its breaker: hold opens it, unless a call was served meanwhile, and answers whether it is held now. */
void dependency_watch(struct dependency *dependency);
bool dependency_hold(struct dependency *dependency);
bool dependency_is_held(const struct dependency *dependency);
void dependency_release_hold(struct dependency *dependency);
/* Whoever looks after it has found it serving by a call as others make it: that was the probe, and the breaker is closed. */
void dependency_close(struct dependency *dependency);
/* Whether it serves, and if not, why: one line for people. */
void dependency_tell(struct dependency *dependency, bool is_up, const char *problem);

struct dependency_status {
	bool is_used;
	bool is_up; /* as it was told last */
	enum breaker_state state;
	char problem[DEPENDENCY_PROBLEM_MAX];
};
void dependency_status(struct dependency *dependency, uint64_t now_ns, struct dependency_status *ret_status);
enum breaker_state dependency_state(const struct dependency *dependency, uint64_t now_ns);
