/* watch.h: checks the dependencies of this process once a second, logs their changes, and answers for readiness. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/admission_monitor.h"
#include "app/dependencies.h"
#include "app/monitor.h"
#include "app/publisher.h"
#include "app/service.h"
#include "app/readiness.h"
#include "obs/log.h"
#include "ports/bus.h"

/* The last state of a dependency that was logged; zeroed: up. */
struct watched {
	bool is_down;
	char reason[READY_DETAIL_MAX];
	uint64_t since_ns;     /* it went, by the monotonic clock */
	uint64_t next_word_ns; /* when it is said again that it is waited for */
	uint64_t pause_ns;     /* between such words */
};

/* Starts zeroed but for what is borrowed. */
struct watch {
	struct monitor monitor;
	struct publisher *publisher; /* borrowed; NULL: this process has none */
	/* Borrowed; NULL: this process admits nobody, or admits alone. */
	struct admission_monitor *admission_monitor;
	bool is_admission_per_process;  /* it admits alone what other processes on the same store admit as well */
	struct service *service;        /* borrowed; NULL: this process has none */
	uint64_t inconsistent;          /* commands that were told of … */
	uint64_t inconsistent_since_ns; /* … when, by the monotonic clock; 0: never */
	_Atomic uint64_t degraded_until_ns;
	/* The trouble of the bus. Safe from any thread; not called without a publisher. */
	void (*bus_status)(const void *context, struct bus_status *ret_status);
	const void *bus_context;
	struct logger *logger; /* borrowed */
	struct clock *clock;   /* borrowed */
	_Atomic bool is_stopping;
	bool has_looked;
	bool was_skewed;
	uint64_t next_unplaced_ns;                /* when it is said again that an event cannot be brought to the catalog */
	uint64_t next_unreadable_ns;              /* when an outbox row that cannot be read is told of again; 0: there is none */
	uint64_t unroutable;                      /* messages that were told of */
	struct dependencies *dependencies;        /* borrowed: told what is found, and shown */
	struct watched watched[DEPENDENCY_COUNT]; /* the last status logged of each */
};

/* The step of a worker (pipeline/worker.h); `context` is the struct watch. */
uint64_t watch_step(void *context);
/* api_options.ready. Safe from any thread. */
void watch_ready(struct watch *watch, struct ready_report *ret_report);
/* The outbox as it was seen last, whichever process publishes; the age goes on while the store is away. Safe from any thread. */
struct watched_outbox {
	bool is_known;    /* it was seen lately; otherwise the rest is out of date */
	uint64_t entries; /* that wait to be published */
	uint64_t age_ms;  /* of the oldest */
	uint64_t publishers;
};

struct watched_outbox watch_outbox(const struct watch *watch);
