/* world.h: one run: a database, processes that share it, publisher_processes that publish, clients that ask, the model that knows, and the time.
 *
 * Everything is drawn from the seed, so that a run can be had again exactly. One thread. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/memory/database.h"
#include "app/expirer.h"
#include "app/job.h"
#include "base/attributes.h"
#include "tests/sim/publishing.h"
#include "tests/sim/coverage.h"
#include "tests/sim/model.h"
#include "tests/sim/prng.h"
#include "tests/sim/process.h"
#include "tests/sim/request.h"

#define PROCESS_COUNT 3
#define MOMENTS_MAX (ATTEMPTS_MAX + 1)
#define TRACE_LINES 48
#define TRACE_LINE_LENGTH 200

enum attempt_state {
	ATTEMPT_WAITING, /* in a process's queue or batch */
	ATTEMPT_ANSWERED,
	ATTEMPT_LOST, /* its process crashed */
};

/* One request on its way, once. */
struct attempt {
	struct job job;
	struct arena arena;
	struct request request;
	enum attempt_state state;
	uint16_t number;         /* its place in world.attempts */
	uint32_t first_moment;   /* the newest when it was submitted */
	bool is_applied;         /* the database has its events */
	struct slice body;       /* … and this is its answer; in the arena */
	struct uuid resource_id; /* … about this */
	uint32_t batch;          /* number of the batch it was served in */
	struct job *origin;      /* the expirer's job it stands for; NULL */
};

/* How much goes wrong in this run, per thousand operations. */
struct hardships {
	uint32_t nested; /* others are at work within a store operation */
	uint32_t torn;   /* loads come row by row */
	uint32_t busy;
	uint32_t down;
	uint32_t unknown;
	uint32_t crash;
	uint32_t resolve; /* failing */
	uint32_t hang;    /* of a publisher */
	uint32_t replay;  /* of the times when one might begin */
};

struct trace {
	char lines[TRACE_LINES][TRACE_LINE_LENGTH];
	uint32_t count;
};

struct world {
	uint64_t seed;
	struct prng prng;
	struct hardships hardships;
	uint64_t hold_ttl_ms, order_ttl_ms;
	uint64_t now_ms;
	uint32_t step;
	uint32_t depth;          /* steps within steps */
	uint32_t commit_count;   /* that wrote something */
	uint32_t batch_count;    /* that were taken up */
	uint32_t created_events; /* a bit for each event that somebody has put on sale */
	struct memory_database *database;
	bool is_marked;                           /* a replay was begun and not ended */
	struct process_store *turns[SHARD_COUNT]; /* the owner of each shard's turn; NULL: nobody */
	struct reader *reader;
	struct reader *expirer_reader;
	struct expirer *expirer;
	struct clock expirer_clock;
	struct random expirer_random;
	struct process processes[PROCESS_COUNT];
	struct publisher_process publisher_processes[PUBLISHER_PROCESS_COUNT];
	struct wire late_wires[LATE_WIRES_MAX]; /* that nobody looks after */
	uint32_t late_wire_count;
	struct audience audience;
	struct attempt attempts[ATTEMPTS_MAX];
	uint32_t attempt_count;
	/* The model after each change; the last is how things are. */
	struct model moments[MOMENTS_MAX];
	uint32_t moment_count;
	struct uuid refund_ids[ATTEMPTS_MAX][REFUNDS_PER_PAYMENT_MAX]; /* of each transaction */
	uint64_t digest;                                               /* of all events and answers */
	struct coverage *coverage;                                     /* borrowed */
	struct trace *trace;                                           /* borrowed; NULL: none is kept */
	jmp_buf failed;
	char failure[512];
};

/* A whole run, checked to its end. False: something was wrong, which world->failure tells. Everything else is as it was left, until
 * world_release. */
must_check bool world_run(struct world *world, uint64_t seed, struct coverage *coverage, struct trace *trace);
void world_release(struct world *world);

/* Ends the run with a violation. */
_Noreturn void world_fail(struct world *world, const char *format, ...) format_printf(2, 3);
void world_trace(struct world *world, const char *format, ...) format_printf(2, 3);
void world_digest(struct world *world, const void *data, size_t length);

static inline const struct model *world_model(const struct world *world)
{
	return &world->moments[world->moment_count - 1];
}

static inline void world_cover(struct world *world, enum situation situation)
{
	cover(world->coverage, situation);
}

/* Sends the request to a process, as a new attempt; NULL when the run has had enough. origin: as in struct attempt. */
struct attempt *world_submit(struct world *world, const struct request *request, struct process *process, struct job *origin);
/* A process or publisher that is not in a step does one, or a client does something: such things may happen within another's operation. */
void world_interfere(struct world *world);

static inline struct attempt *attempt_of(struct job *job)
{
	return container_of(job, struct attempt, job);
}
