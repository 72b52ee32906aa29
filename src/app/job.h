/* job.h: one request on its way through the stages: a command or a query, its way, its answer, and the callback for its end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/trace_context.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "domain/seat.h"
#include "ports/admission.h"
#include "ports/catalog.h"

enum query_kind {
	QUERY_HOLD, /* id; the owner is the user */
	QUERY_ORDER,
	QUERY_HOLD_HISTORY, /* after: a sequence */
	QUERY_ORDER_HISTORY,
	QUERY_EVENTS,       /* after_id, filter */
	QUERY_EVENT,        /* id */
	QUERY_REFUNDS,      /* id: of an event, nil: of all; refund_status, after_id */
	QUERY_SEATS,        /* id, seat_status, after: a position */
	QUERY_AVAILABILITY, /* id */
};

#define QUERY_LIMIT_MAX 1000
#define QUERY_LIMIT_DEFAULT 100

struct query {
	enum query_kind kind;
	struct slice user;  /* holds and orders of others are as if they were not there … */
	bool is_of_anybody; /* … unless it may read everybody's */
	struct uuid id;
	uint32_t limit; /* 1 to QUERY_LIMIT_MAX */
	uint64_t after; /* 0: from the first */
	bool has_after_id;
	struct uuid after_id;
	enum seat_status seat_status;     /* 0: any */
	enum refund_status refund_status; /* 0: any */
	struct catalog_filter filter;     /* borrowed like the rest of the request */
};

enum job_kind {
	JOB_COMMAND,
	JOB_QUERY,
	JOB_ADMISSION, /* the caller answers by itself, if it is let: only counted against the limits */
	JOB_REFUSAL,   /* the caller refuses by itself and has set outcome.error: only counted against the limits */
	JOB_FETCH,     /* a query of the catalog for all who wait for its page: that of event_pages.h, which nobody submits */
};

enum job_stage {
	STAGE_ADMISSION,
	STAGE_COMMIT,
	STAGE_READ,
	STAGE_CATALOG,
	STAGE_COUNT,
};

#define JOB_STAGES_MAX 3

/* The stages that a job goes through, in order, and when it came to each of them, by the monotonic clock. A job that is refused ends
 * early. */
struct job_way {
	enum job_stage stages[JOB_STAGES_MAX];
	uint32_t count;
	uint32_t entered; /* the number of stages that the job has entered */
	uint64_t entered_ns[JOB_STAGES_MAX];
	uint64_t taken_ns[JOB_STAGES_MAX]; /* when it was taken from the stage's queue, the last time; 0: it was not, or there is none */
	uint64_t ended_ns;                 /* when the outcome was complete */
};

/* Made by the caller, who keeps it alive until `done`. Between service_submit and `done` it belongs to the service. */
struct job {
	struct list_node node;
	enum job_kind kind;
	union {
		struct command command;
		struct query query;
	};
	struct trace_context trace; /* the request's span, to which all work for the job belongs; a command's events carry it */
	struct slice trace_state;   /* the request's tracestate; empty: none */
	bool begins_trace;          /* there is no request: the job itself is that span */
	struct trace_context batch; /* of the last commit batch that it was in; span id all zero: it was in none whose trace is recorded */
	struct arena *arena;        /* the request's; the answer is written here */
	uint64_t deadline_ns;       /* of the monotonic clock: not begun by then it is refused with ERR_OVERLOADED */
	/* The caller sets user, service and address (empty: not limited), and reads the quotas and retry_after for its headers. The rest is
	 * set by job_set_out and the admission stage. */
	struct admission_request admission;
	struct job_way way;  /* job_set_out's */
	bool has_key_in_use; /* admission holds its key: the service's */
	enum error failure;  /* why its answer cannot be made, so that the others are decided without it: the committer's */
	struct outcome outcome;
	/* Called exactly once, on any thread (also from within service_submit); must not block. Completions of one batch come in a row. */
	void (*done)(struct job *job);
	void *context;
};

/* The job begins its way: the one place that sets the fields that no caller sets. has_catalog: changes of events go to the catalog before
 * their makers are answered. */
void job_set_out(struct job *job, bool has_catalog, uint64_t now_ns);
/* The same for a query whose request was let go on before, as a JOB_ADMISSION: it comes to the stage behind. */
void job_set_out_admitted(struct job *job);
/* The job is taken from the queue of the stage that it came to last. */
static inline void job_taken(struct job *job, uint64_t now_ns)
{
	job->way.taken_ns[job->way.entered - 1] = now_ns;
}
/* Whether there is a stage that the job has not come to. */
bool job_goes_on(const struct job *job);
/* The job, which goes on, comes to its next stage, which is returned. */
enum job_stage job_enter(struct job *job, uint64_t now_ns);
