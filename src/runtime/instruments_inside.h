/* instruments_inside.h: shared by the files of the instruments. Private to runtime.
 *
 *	instruments.c       counts as things happen
 *	instruments_read.c  reads values at a scrape */
#pragma once

#include <pthread.h>

#include "app/job.h"
#include "http/api.h"
#include "obs/metrics.h"
#include "ports/clock.h"
#include "runtime/instruments_sources.h"
#include "runtime/process_metrics.h"
#include "runtime/sales_metrics.h"

#define ROUTES_MAX 64
/* "ok", "replayed", and the slugs of the error table. */
#define OUTCOME_OK 0
#define OUTCOME_REPLAYED 1
#define OUTCOME_ERRORS 1 /* plus the number of the error, which begins at 1 */

/* The values for the scrape that runs: each source is asked once, so that its numbers belong together. */
struct instruments_now {
	struct service_status service;
	struct seat_maps_status maps;
	struct watched_outbox outbox;
	bool knows_sales; /* the findings of the watch over sales are not out of date */
	uint64_t refunds_due_age_ms;
	struct seat_maps_event events[SEAT_MAPS_EVENTS_MAX];
	uint32_t event_count;
};

struct instruments {
	struct metrics *metrics;
	struct metric *requests;
	struct metric *request_duration;
	struct metric *commands;
	struct metric *holds;
	struct metric *orders;
	struct metric *expiry_lateness;
	struct metric *stage_duration;
	struct metric *commit_duration;
	struct metric *commit_commands;
	struct metric *map_lag;
	struct sales_metrics sales;
	struct instruments_sources sources;
	pthread_mutex_t scrape; /* one at a time; guards `now` and the texts of the events' ids */
	struct instruments_now now;
	char event_ids[SEAT_MAPS_EVENTS_MAX][UUID_TEXT_LENGTH + 1];
	const char *event_labels[SEAT_MAPS_EVENTS_MAX];
	struct process_metrics process;
	struct clock *clock;
	uint64_t started_ms;
	const char *routes[ROUTES_MAX]; /* distinct paths of api_routes; the first stands for none */
	uint32_t route_count;
	const char *outcomes[OUTCOME_ERRORS + ERROR_COUNT];
	const char *reasons[ERROR_COUNT]; /* by the error; OK is "none" */
	uint16_t status_series[600];
};

/* Declares what is asked. ERR_NO_MEMORY. */
must_check enum error instruments_declare_read(struct instruments *instruments);
/* Asks all sources. With `scrape` held. */
void instruments_ask(struct instruments *instruments);
