/* service_options.h: the parts, settings and listeners of a service. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/batch_trace.h"
#include "app/job.h"
#include "ports/admission.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "ports/store.h"
#include "state/changes.h"

#define SERVICE_READ_LANES_MAX 8

struct dependencies; /* dependencies.h */

/* Everything handed over is borrowed and outlives the service. A process that only has commands of its own, such as the expiry worker,
 * does without readers, catalog and admission; then no queries and no jobs with somebody to admit are submitted. */
struct service_options {
	struct store **stores;       /* one for each batch in flight */
	uint32_t store_count;        /* 1 to COMMITS_IN_FLIGHT_MAX (committer.h); as many threads serve the commit lane */
	struct store *seating_store; /* for large events alone (seating_stage.h), or NULL */
	struct reader **readers; /* one for each read lane; the last of several counts the seats of large events and does nothing else */
	uint32_t reader_count;
	struct catalog *catalog;           /* the catalog lane's, or NULL … */
	uint64_t catalog_patience_ms;      /* the longest wait of a query for it; 0: the catalog's own limit */
	struct reader *catalog_reader;     /* … and its reader: new events are brought to the catalog by it */
	struct admission *admission;       /* or NULL */
	struct dependencies *dependencies; /* of the process: guard the store, reads, catalog and admission */
	struct clock *clock;
	struct random *random;
	/* Nothing is decided or read before service_store_found says first that the store is up: until then its time is not known. */
	bool awaits_store;
	uint32_t queue_capacity; /* jobs that may wait in each lane */
	uint32_t batch_max;
	uint32_t view_rows_max;
	/* As in committer_options. */
	void (*committed)(void *context, const struct changes *changes);
	void (*measured)(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count);
	/* As in committer_options, but with `traces`. */
	void (*traced)(void *traces, const struct batch_trace *trace, const struct list *jobs);
	/* The catalog was asked for a page from began_ns to ended_ns. The fetch has the trace and the query of the first job that asked;
	 * its other members mean nothing. May be NULL. */
	void (*fetched)(void *traces, const struct job *fetch, uint64_t began_ns, uint64_t ended_ns, bool is_down);
	void *traces;
	/* The job has its outcome, and job->way says when it came to each stage. Before job->done, on any thread. May be NULL. */
	void (*answered)(void *context, const struct job *job);
	void *context;
};
