/* service.h: the way of every request through the stages: admission, then the commit lane of its shard or a read lane, then its answer.
 *
 * Nothing here knows HTTP or SQL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/committer.h"
#include "app/job.h"
#include "base/error.h"
#include "ports/admission.h"
#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/random.h"
#include "ports/reader.h"
#include "ports/store.h"

struct service;

#define SERVICE_LANES_MAX 64

struct service_options {
	struct store **stores;      /* one for each commit lane */
	uint32_t store_count;
	struct reader **readers;    /* one for each read lane … */
	struct catalog **catalogs;  /* … with its catalog */
	uint32_t reader_count;
	struct admission *admission;
	struct clock *clock;
	struct random *random;
	uint32_t queue_capacity;    /* jobs that may wait in each lane */
	uint32_t batch_max;
	uint32_t view_rows_max;     /* of each commit lane */
	/* As in committer_options. */
	void (*committed)(void *context, uint32_t event_count);
	void (*measured)(void *context, uint64_t commit_ns, uint32_t command_count);
	void *context;
};

/* Starts the lanes. Everything handed over is borrowed and outlives the service. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error service_new(const struct service_options *options, struct service **ret_service);
/* Serves what waits, stops the lanes. Takes NULL. */
void service_free(struct service *service);

/* Asks the rate limits, and nothing else: for requests that are no jobs. Fills the ret_ fields. The idempotency of the request is admitted too
 * when it has one; whoever admitted a key hands it over with a job whose has_key_in_use is set, or gives it back with service_forget.
 * Called on an event loop: only with an admission that is_local does it judge at once; else see service_submit. */
void service_admit(struct service *service, struct admission_request *request);
void service_forget(struct service *service, const struct idempotency *idempotency);

/* Hands a job over. It is answered through job->done in every case: with ERR_OVERLOADED when its lane is full. Safe from any thread. */
void service_submit(struct service *service, struct job *job);

/* For metrics and readiness. */
struct service_status {
	uint32_t commit_waiting;
	uint32_t read_waiting;
	bool store_is_up;   /* the last batch or ping could be served */
	uint64_t batches, commands, events, stale, retries, failures;
};
void service_status(struct service *service, struct service_status *ret_status);
