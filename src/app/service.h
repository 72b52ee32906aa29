/* service.h: the way of every request through the stages: admission, then the commit lane, a read lane or the catalog lane, then its
 * answer.
 *
 *   command ─▶ admission ─▶ the commit lane ─▶ done                  (a new event goes through the catalog lane first)
 *   query   ─▶ admission ─▶ a read lane, or the catalog lane ─▶ done
 *
 * Public pages have a lane of their own, so that a slow catalog delays neither holds nor orders. While the store or the catalog is down
 * its requests are refused at once; one batch at a time finds out whether it is back, or the monitor says so (service_store_found). A
 * job that still waits at its deadline is answered then, even if the lanes' threads are stuck. Nothing here knows HTTP or SQL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/inconsistency.h"
#include "app/job.h"
#include "app/service_options.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/lane_use.h"

struct service;

/* Starts the lanes. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error service_new(const struct service_options *options, struct service **ret_service);
/* Serves what waits, stops the lanes. The last service_submit has returned before. Takes NULL. */
void service_free(struct service *service);

/* Hands a job over. It is answered through job->done in every case: over its limit with ERR_RATE_LIMITED, with ERR_OVERLOADED when its lane
 * is full. Safe from any thread. */
void service_submit(struct service *service, struct job *job);

/* The same for a job that has been let go on before, as a JOB_ADMISSION. */
void service_submit_admitted(struct service *service, struct job *job);

/* The monitor calls …_asked before it checks the store or the catalog, and …_found with the result; a call that was served in between
 * outweighs the result. While the store is found down, commands are refused; while it or the catalog does not answer at all, queries are
 * refused too, and waiting jobs are answered at once. A store or catalog that answers, if only to refuse, is asked for each query: it
 * may be back; but not a catalog whose callers have a patience of their own, because each would wait for as long. One thread calls
 * these. */
void service_store_asked(struct service *service);
void service_store_found(struct service *service, bool is_up, bool is_silent);
void service_catalog_asked(struct service *service);
void service_catalog_found(struct service *service, bool is_up, bool is_silent);

/* The name of a lane whose thread has not come back for ten seconds though jobs came, and does not wait for a store or a catalog: only a
 * new process can help. NULL: there is none. Safe from any thread; takes no lock. */
const char *service_silent_lane(const struct service *service);

/* For metrics. Safe from any thread. */
struct service_status {
	struct lane_use admission, commit, read, catalog; /* all zero: this process has no such lane */
	bool refuses_commits;                             /* after failures in a row, until a try succeeds */
	bool refuses_reads;
	bool refuses_events; /* but for pages served within the last minute */
	uint64_t batches, commands, events, stale, conflicts, retries, failures, inconsistent; /* struct committer_counters */
	struct inconsistency inconsistency;                                                    /* the last, when there were any */
	uint64_t seating_chunks, seating_seats, seating_longest_ns;                            /* struct seating_counters */
	uint64_t admitted_shared, admitted_alone;                                              /* struct admission_stage_counters */
};
void service_status(struct service *service, struct service_status *ret_status);
