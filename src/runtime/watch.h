/* watch.h: looks once a second after what this process stands on, logs when it changes, and answers for readiness. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/monitor.h"
#include "app/publisher.h"
#include "http/api.h"
#include "obs/log.h"

/* Starts zeroed but for what is borrowed. */
struct watch {
	struct monitor monitor;
	struct publisher *publisher; /* borrowed; NULL: this process has none */
	struct logger *logger;       /* borrowed */
	struct clock *clock;         /* borrowed */
	_Atomic bool is_stopping;
	/* What was logged last. */
	bool has_looked;
	bool was_store_up, was_catalog_up, was_bus_up;
};

/* The step of a worker (pipeline/worker.h); `context` is the struct watch. */
uint64_t watch_step(void *context);
/* api_options.ready. Safe from any thread. */
void watch_ready(struct watch *watch, struct ready_report *ret_report);
/* The outbox as the publisher saw it last, for the metrics. */
void watch_outbox_lag(const struct watch *watch, uint64_t *ret_entries, uint64_t *ret_age_ms);
