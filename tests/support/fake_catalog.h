/* fake_catalog.h: the catalog port in plain memory, which is down when it is told to be. Safe from any thread. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ports/catalog.h"

#define FAKE_CATALOG_MAX 2000

struct fake_catalog {
	struct catalog base;
	_Atomic bool is_down;
	_Atomic uint32_t questions;                     /* calls of find and list */
	_Atomic uint32_t puts;                          /* that changed something */
	pthread_mutex_t lock;                           /* guards all below */
	struct catalog_entry entries[FAKE_CATALOG_MAX]; /* in order of their ids; texts are on the heap */
	uint32_t count;
};

/* NULL: out of memory. Freed by this or by the port. */
struct fake_catalog *fake_catalog_new(void);
void fake_catalog_free(struct fake_catalog *catalog);
