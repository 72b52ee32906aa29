/* catalog_rebuilder.h: makes the catalog again from the streams of the sales: entries that are missing, wrong, or of no sale.
 *
 * Right entries stay as they are, so that no reader misses one. Servers may run beside it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/catalog.h"
#include "ports/reader.h"

/* True if two entries show the same, apart from their versions. */
bool catalog_entries_equal(const struct catalog_entry *a, const struct catalog_entry *b);

/* Starts zeroed but for what is borrowed. */
struct catalog_rebuild {
	struct reader *reader;   /* borrowed */
	struct catalog *catalog; /* borrowed */
	/* After each page of sales; may be NULL. */
	void (*progress)(void *context, const struct catalog_rebuild *rebuild);
	void *context;

	uint64_t ret_sales;    /* that were looked at */
	uint64_t ret_made;     /* entries that were missing or wrong */
	uint64_t ret_dropped;  /* entries of no sale */
	uint64_t ret_unplaced; /* sales that contradict themselves: left as they are */
	struct uuid ret_last_unplaced;
};

/* ERR_STORE_UNAVAILABLE, ERR_CATALOG_UNAVAILABLE, ERR_NO_MEMORY: it may be called again, from the first sale. */
must_check enum error catalog_rebuild(struct catalog_rebuild *rebuild);
