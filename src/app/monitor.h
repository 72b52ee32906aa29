/* monitor.h: looks once a second after what the service stands on: whether the store and the catalog serve, and whether the catalog
 * has what the store has. What it finds is what readiness says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports/catalog.h"
#include "ports/clock.h"
#include "ports/reader.h"

#define MONITOR_INTERVAL_MS 1000

/* Starts zeroed but for what is borrowed; then it reads as not up until the first step. */
struct monitor {
	struct reader *reader;   /* borrowed, and used by nobody else; so is the catalog */
	struct catalog *catalog; /* NULL: this process has none */
	struct clock *clock;     /* borrowed */
	/* What the last step found; safe to read from any thread. */
	_Atomic bool is_store_up; /* it answers and can be written to */
	_Atomic bool is_catalog_up;
	_Atomic bool is_catalog_current; /* it was brought to where the store is */
	_Atomic uint64_t store_ns;       /* how long each took to answer */
	_Atomic uint64_t catalog_ns;
};

/* The step of a worker (pipeline/worker.h); `context` is the struct monitor. */
uint64_t monitor_step(void *context);
