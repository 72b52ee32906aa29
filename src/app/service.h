/* service.h: the way of every request through the stages: admission, then the commit lane, a read lane or the catalog lane,
 * then its answer.
 *
 *   command ─▶ admission ─▶ the commit lane ─▶ done                  (a new event goes through the catalog lane first)
 *   query   ─▶ admission ─▶ a read lane, or the catalog lane ─▶ done
 *
 * What people browse has a lane of its own, so that a slow catalog holds up neither holds nor orders. While the store or the catalog
 * is down their requests are refused at once; one batch at a time finds out whether it is back, or somebody who looks after it tells
 * (service_store_found). What still waits at its deadline is answered then, whatever the lanes' threads are stuck in. Nothing here knows HTTP
 * or SQL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/inconsistency.h"
#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/admission.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "ports/store.h"

struct service;

#define SERVICE_READ_LANES_MAX 8

/* Everything handed over is borrowed and outlives the service. A process that only has commands of its own, such as the expiry worker,
 * does without readers, catalog and admission; then no queries and no jobs with somebody to admit are submitted. */
struct service_options {
	struct store **stores;   /* one for each batch in flight */
	uint32_t store_count;    /* 1 to COMMITS_IN_FLIGHT_MAX (committer.h); as many threads serve the commit lane */
	struct reader **readers; /* one for each read lane */
	uint32_t reader_count;
	struct catalog *catalog;       /* the catalog lane's, or NULL … */
	struct reader *catalog_reader; /* … and its reader: new events are brought to the catalog by it */
	struct admission *admission;   /* or NULL */
	struct clock *clock;
	struct random *random;
	/* Nothing is decided or read before service_store_found says first that the store is up: until then its time is not known. */
	bool awaits_store;
	uint32_t queue_capacity; /* jobs that may wait in each lane */
	uint32_t batch_max;
	uint32_t view_rows_max;
	/* As in committer_options. */
	void (*committed)(void *context, uint32_t event_count);
	void (*measured)(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count);
	/* The job has its outcome, and job->way says when it came to each stage. Before job->done, on any thread. May be NULL. */
	void (*answered)(void *context, const struct job *job);
	void *context;
};

/* Starts the lanes. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error service_new(const struct service_options *options, struct service **ret_service);
/* Serves what waits, stops the lanes. The last service_submit has returned before. Takes NULL. */
void service_free(struct service *service);

/* Hands a job over. It is answered through job->done in every case: over its limit with ERR_RATE_LIMITED, with ERR_OVERLOADED when its lane
 * is full. Safe from any thread. */
void service_submit(struct service *service, struct job *job);

/* Whoever looks after the store, or the catalog, says before that he begins to, and after what he has found; what has served meanwhile, does
 * serve. While the store is found not to be up commands are refused, while it or the catalog is silent queries too, and what waits for it is
 * answered at once. One that answers, if only to refuse, is asked for each query that comes: it may be back. By one thread. */
void service_store_asked(struct service *service);
void service_store_found(struct service *service, bool is_up, bool is_silent);
void service_catalog_asked(struct service *service);
void service_catalog_found(struct service *service, bool is_silent);

/* For metrics. Safe from any thread. */
struct service_status {
	uint32_t commit_waiting; /* jobs in the queues */
	uint32_t read_waiting;
	uint32_t catalog_waiting;
	bool refuses_commits; /* after failures in a row, until a try succeeds */
	bool refuses_reads;
	bool refuses_events; /* but for pages served within the last minute */
	uint64_t batches, commands, events, stale, conflicts, retries, failures, inconsistent; /* struct committer_counters */
	struct inconsistency inconsistency;                                                    /* the last, when there were any */
	uint64_t admitted_shared, admitted_alone;                                              /* struct admission_stage_counters */
};
void service_status(struct service *service, struct service_status *ret_status);
