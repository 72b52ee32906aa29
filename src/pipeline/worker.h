/* worker: one thread that works in steps, again and again: `step` does it and says how long there will be nothing to do.
 *
 * The steps themselves know no threads, so that a simulator and tests call them as they like. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/* A step answers this when it has nothing to do until it is woken. */
#define WORKER_UNTIL_WOKEN UINT64_MAX

struct worker;

struct worker_options {
	const char *name;                /* at most 15 bytes; shows as the thread's name */
	uint64_t (*step)(void *context); /* on the worker's thread; milliseconds to wait before the next, 0: at once */
	void *context;                   /* borrowed; must outlive worker_stop */
	uint32_t spacing_ms; /* steps begin at least this far apart, also when woken: work that comes meanwhile is served together */
};

/* Starts the thread with a step. *ret_worker is set before that begins, so that what it sets going may wake the worker.
 * ERR_NO_MEMORY or ERR_SYSTEM; *ret_worker is untouched then. */
must_check enum error worker_new(const struct worker_options *options, struct worker **ret_worker);
/* Ends the wait for the next step. Safe from any thread, from worker_new until worker_free; costs an atomic exchange when it was woken
 * already. */
void worker_wake(struct worker *worker);
/* The time that the finished steps have taken; for a metric. Safe from any thread. */
uint64_t worker_busy_ns(const struct worker *worker);
/* The step that runs is the last; does not wait for its end. Safe from any thread. */
void worker_end(struct worker *worker);
/* Lets a step that runs come to its end and joins the thread. May be called again. Waking it is harmless after. */
void worker_stop(struct worker *worker);
/* Stops it, frees. Takes NULL. */
void worker_free(struct worker *worker);
