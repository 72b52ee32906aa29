/* job.h: one request on its way through the stages: a command or a query, where its answer goes, and whom to tell. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
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
	QUERY_EVENTS,  /* after_id, filter */
	QUERY_EVENT,   /* id */
	QUERY_REFUNDS, /* id: of an event, nil: of all; refund_status, after_id */
	QUERY_SEATS,   /* id, seat_status, after: a position */
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
	JOB_REFUSAL, /* the caller refuses by itself and has set outcome.error: only counted against the limits */
};

/* Made by the caller, who keeps it alive until `done`. Between service_submit and `done` it belongs to the service. */
struct job {
	struct list_node node;
	enum job_kind kind;
	union {
		struct command command;
		struct query query;
	};
	struct arena *arena;  /* the request's; the answer is written here */
	uint64_t deadline_ns; /* of the monotonic clock: not begun by then it is refused with ERR_OVERLOADED */
	/* The caller sets user and address (empty: not limited), and reads the quotas and retry_after for its headers. The rest is the service's. */
	struct admission_request admission;
	bool has_key_in_use; /* admission holds its key: the service's */
	bool is_repeat;      /* admission has seen its key finished, so it is looked up first: the service's */
	enum error failure;  /* why its answer cannot be made, so that the others are decided without it: the committer's */
	struct outcome outcome;
	/* Called exactly once, on any thread (also from within service_submit); must not block. Completions of one batch come in a row. */
	void (*done)(struct job *job);
	void *context;
};
