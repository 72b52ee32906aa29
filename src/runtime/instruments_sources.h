/* instruments_sources.h: the sources of metrics at a scrape. */
#pragma once

#include <stdint.h>

#include "adapters/mongodb/mongodb.h"
#include "app/expirer.h"
#include "app/publisher.h"
#include "app/sales_watch.h"
#include "app/seat_maps.h"
#include "app/service.h"
#include "app/watch.h"
#include "http/server.h"
#include "obs/log.h"
#include "obs/metrics_options.h"
#include "pipeline/worker.h"
#include "ports/clock.h"
#include "trace/tracer.h"

enum instruments_worker {
	INSTRUMENTS_EXPIRER,
	INSTRUMENTS_PUBLISHER,
	INSTRUMENTS_MAPS,
	INSTRUMENTS_WATCH,
	INSTRUMENTS_WORKER_COUNT,
};

/* The sources asked at each scrape; each may be left out, and then reads as 0. Set before the first scrape. */
struct instruments_sources {
	struct service *service;
	struct http_server *server;
	const struct mongodb_pool *catalog_pool; /* NULL: the catalog is in the store, and these metrics are left out */
	struct logger *logger;
	const struct tracer_counters *traces;
	struct seat_maps *maps;                                           /* NULL: this process serves no clients */
	void (*outbox)(void *context, struct watched_outbox *ret_outbox); /* from a thread's last look, must not block */
	const struct sales_watch *sales;
	struct clock *clock;                                    /* tells the age of refunds */
	const struct worker *workers[INSTRUMENTS_WORKER_COUNT]; /* NULL: it does not run here */
	const char *data_dir;                                   /* of the embedded store; NULL: there is none */
	const struct publisher *publisher;
	const struct expirer *expirer;
	uint64_t (*unroutable)(void *context);   /* those of them that no queue was bound to */
	int64_t (*clock_skew_ms)(void *context); /* this process's clock less the store's; METRIC_ABSENT: not known yet */
	void *context;
};
