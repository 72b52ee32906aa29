/* service_inside.h: shared by the files of the service: its parts, and the functions that end a job. Private to app.
 *
 *	service.c          puts the stages together, routes jobs, serves commands, keeps time
 *	service_queries.c  the read lanes
 *	service_catalog.c  the catalog lane
 *	service_seating.c  large events
 *	service_jobs.c     how jobs end */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/admission_stage.h"
#include "app/dependencies.h"
#include "app/query_handler.h"
#include "app/committer.h"
#include "app/event_pages.h"
#include "app/inconsistency.h"
#include "app/seating_stage.h"
#include "app/service_options.h"
#include "base/list.h"
#include "pipeline/lane.h"
#include "pipeline/worker.h"

struct read_lane {
	struct service *service;
	struct reader *reader;
	struct query_handler *query_handler;
	struct lane *lane;
	uint64_t failed_ms; /* when the store was found down last */
};

struct service {
	struct service_options options;
	struct committer *committer;
	struct lane *commit_lane;
	struct seating_stage *seating;       /* of commands that make large events; NULL: they go to the commit lane */
	pthread_mutex_t inconsistency_mutex; /* guards: */
	struct inconsistency inconsistency;  /* the last that was found */
	struct read_lane read_lanes[SERVICE_READ_LANES_MAX];
	_Atomic uint32_t next_read_lane;
	struct event_pages *pages;
	struct lane *catalog_lane;
	struct admission_stage *admission;
	struct worker *timekeeper;         /* answers overdue jobs */
	_Atomic(const char *) silent_lane; /* the timekeeper's finding; NULL: none */
	bool has_found_store;              /* it was up once: service_store_found's */
	uint64_t fetch_began_ns;           /* the catalog lane's */
	uint64_t catalog_failed_ms;        /* when the catalog was found down last: the catalog lane's */
};

static inline struct job *service_job_of(struct list_node *node)
{
	return container_of(node, struct job, node);
}

/* A failed try answers all requests that came before its end; a later request has a try of its own, for the store may be back. */
static inline bool service_came_before(const struct job *job, uint64_t failed_ms)
{
	return failed_ms != 0 && job->way.entered_ns[0] / 1000000 <= failed_ms;
}

uint64_t service_monotonic_ms(const struct service *service);
/* The first job of the list, taken off; NULL: it is empty. */
struct job *service_pop_job(struct list *list);
/* The job's answer is complete; its key is free, or remembered when it stands for something. */
void service_answer(struct service *service, struct job *job);
void service_refuse(struct service *service, struct job *job, enum error error);
void service_refuse_all(struct service *service, struct list *jobs, enum error error);
/* A command has come to its end, or goes on to the catalog: a change of a sale is answered when the catalog has it. */
void service_answer_command(struct service *service, struct job *job);
void service_answer_all(struct service *service, struct list *jobs);
/* Moves the jobs that are not too late to `ret_timely` and refuses the others. Answers how many it moved. */
uint32_t service_take_timely(struct service *service, struct list *batch, struct list *ret_timely);
static inline struct dependency *service_dependency(struct service *service, enum dependency_id id)
{
	return &service->options.dependencies->of[id];
}

/* The lanes' `serve` functions (pipeline/lane.h); `context` is a struct read_lane, and the struct service. */
void service_serve_queries(void *context, struct list *batch, uint32_t count);
/* The query handler's; `context` is the service. */
void service_queries_answered(void *context, struct list *jobs);
void service_serve_catalog(void *context, struct list *batch, uint32_t count);
/* Makes the pages of events, which the catalog lane serves. ERR_NO_MEMORY. */
must_check enum error service_make_pages(struct service *service);

/* committer: the options of the commit lane's. */
must_check enum error service_start_seating(struct service *service, const struct committer_options *committer);
struct service_status;
void service_seating_status(const struct service *service, struct service_status *status);
/* Whether the command goes to the stage of large events, and not to the commit lane. */
bool service_seats_ahead(const struct service *service, const struct job *job);
