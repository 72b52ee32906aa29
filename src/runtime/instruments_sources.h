/* instruments_sources.h: who is asked for metrics at a scrape. */
#pragma once

#include <stdint.h>

#include "app/expirer.h"
#include "app/publisher.h"
#include "app/sales_watch.h"
#include "app/seat_maps.h"
#include "app/service.h"
#include "http/server.h"
#include "obs/log.h"
#include "pipeline/worker.h"
#include "ports/clock.h"
#include "trace/tracer.h"

struct instruments_outbox {
	uint64_t entries; /* that wait to be published */
	uint64_t age_ms;  /* of the oldest */
	uint64_t publishers;
};

enum instruments_worker {
	INSTRUMENTS_EXPIRER,
	INSTRUMENTS_PUBLISHER,
	INSTRUMENTS_MAPS,
	INSTRUMENTS_WATCH,
	INSTRUMENTS_WORKER_COUNT,
};

/* What is asked at each scrape; each may be left out, and then reads as 0. Set before the first scrape. */
struct instruments_sources {
	struct service *service;
	struct http_server *server;
	struct logger *logger;
	const struct tracer_counters *traces;
	struct seat_maps *maps;
	void (*outbox)(void *context, struct instruments_outbox *ret_outbox); /* from a thread's last look, must not block */
	const struct sales_watch *sales;
	struct clock *clock;                                    /* what a refund's age goes by */
	const struct worker *workers[INSTRUMENTS_WORKER_COUNT]; /* NULL: it does not run here */
	const char *data_dir;                                   /* of the embedded store; NULL: there is none */
	const struct publisher *publisher;
	const struct expirer *expirer;
	uint64_t (*unroutable)(void *context);   /* those of them that no queue was bound to */
	int64_t (*clock_skew_ms)(void *context); /* this process's clock less the store's */
	void *context;
};
