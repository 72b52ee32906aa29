/* dependency: guards the calls to an outside system that may be slow, hang or be down: the store, the catalog, Redis, the broker, the
 * issuer of token keys. Each is called in the same way:
 *
 *	deadline   begin answers the call's deadline; the caller hands it to the adapter, which gives up then
 *	bulkhead   at most calls_max calls are under way: one more is refused at once
 *	breaker    after failures_max failures in a row calls are refused at once; after a pause one call, the probe, finds out whether it is back
 *	retry      the pauses have decorrelated jitter and grow while the probes fail. The caller repeats calls that are safe to repeat, within its deadline
 *
 * A watcher that checks the system by other means may hold the breaker open, and says whether the system serves; readiness, metrics and
 * the log show both. Safe from any thread. */
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
	uint64_t deadline_ms;   /* the time limit of one call */
	uint32_t calls_max;     /* calls under way */
	uint32_t failures_max;  /* in a row; they open the breaker */
	uint64_t pause_base_ms; /* the breaker's pauses: the shortest … */
	uint64_t pause_max_ms;  /* … and the longest */
	uint64_t slow_ms;       /* a failure quicker than this, and before its deadline, does not count; 0: all count */
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
/* Observes calls from now on; call it before threads use the dependency. The metric is borrowed. */
void dependency_measure(struct dependency *dependency, struct metric *durations, uint32_t series);

/* True: call the system now, and then dependency_end. now_ns: of a monotonic clock. */
must_check bool dependency_begin(struct dependency *dependency, uint64_t now_ns, struct dependency_call *ret_call);
void dependency_end(struct dependency *dependency, const struct dependency_call *call, enum dependency_answer answer, uint64_t now_ns);
/* Milliseconds until the next call is let in; 0: now. */
uint64_t dependency_pause_ms(const struct dependency *dependency, uint64_t now_ns);

/* A watcher calls watch before it checks the system: a call that is served after that counts for more than the check. Hold opens the
 * breaker unless a call was served since, and answers whether the breaker is held now; release ends the hold. */
void dependency_watch(struct dependency *dependency);
bool dependency_hold(struct dependency *dependency);
bool dependency_is_held(const struct dependency *dependency);
void dependency_release_hold(struct dependency *dependency);
/* The watcher made a call like everybody's and was served: that was the probe, and the breaker is closed. */
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
