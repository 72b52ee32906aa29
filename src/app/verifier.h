/* verifier.h: is the store what its events say? Replays them all into an empty store, and compares every row of the two; looks whether what
 * waits in the outbox is there; and then compares the catalog with the store. Nothing is written to it. */
#pragma once

#include <stdint.h>

#include "app/replayer.h"
#include "base/attributes.h"
#include "base/error.h"
#include "domain/row.h"
#include "ports/catalog.h"
#include "ports/reader.h"
#include "ports/store.h"

enum verify_finding {
	VERIFY_MISSING,    /* the events make this row, and the store does not have it */
	VERIFY_EXTRA,      /* the store has a row that no event makes */
	VERIFY_DIFFERENT,  /* `field` is not what the events make it */
	VERIFY_UNREADABLE, /* the store's row contradicts itself; row: as the events make it, or its key alone */
};

struct verify {
	struct reader *reader;         /* borrowed: of the store in question */
	struct store *scratch;         /* borrowed: an empty one … */
	struct reader *scratch_reader; /* … and its reader */
	struct catalog *catalog;       /* borrowed; NULL: it is not looked at */
	/* Events up to this time are all stored, and no more will come: they are read before the store is looked at as of one moment, so
	 * that this is short. 0: nothing is known of any. */
	uint64_t settled_ms;
	/* Called for each difference; row: as the events make it, or the store's row that no event makes. */
	void (*found)(void *context, enum verify_finding finding, const struct row *row, const char *field);
	/* For each outbox row that cannot be right, and why; NULL: the outbox is not looked at. */
	void (*found_waiting)(void *context, const struct waiting_entry *entry, const char *problem);
	void (*progress)(void *context, uint64_t events); /* may be NULL */
	void *context;

	uint64_t ret_events;
	uint64_t ret_rows;
	uint64_t ret_waiting; /* outbox rows that were looked at */
	uint64_t ret_differences;
	struct uuid ret_event;   /* with ERR_CORRUPT: the event that cannot be replayed … */
	struct uuid ret_stream;  /* … its stream … */
	const char *ret_problem; /* … and why; NULL: a row or an event cannot even be read */
};

/* OK when it could be done, whatever was found. The store is read at one moment, so a server may run beside it; that the catalog lags is no
 * difference. Memory is bounded, however many the events. ERR_STORE_UNAVAILABLE, ERR_CATALOG_UNAVAILABLE, ERR_CORRUPT (see ret_event),
 * ERR_NO_MEMORY. */
must_check enum error verify_store(struct verify *verify);
