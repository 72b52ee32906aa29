/* rebuilder.h: `tro replay`: makes the projections of a store anew from its events, beside services that run.
 *
 * While others cannot write, the events are replayed into an empty scratch store; its rows are then written to the store in one
 * transaction, each row once. Until that is committed the store has its old projections, and readers go on with them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/replayer.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/reader.h"
#include "ports/store.h"

struct rebuild {
	struct store *store;           /* borrowed: opened for replay */
	struct reader *reader;         /* borrowed: of the same store */
	struct store *scratch;         /* borrowed: an empty one … */
	struct reader *scratch_reader; /* … and its reader */
	/* After every page of events that was replayed, and of rows that were written; may be NULL. */
	void (*progress)(void *context, uint64_t events, uint64_t rows);
	void *context;

	uint64_t ret_events;
	uint64_t ret_rows;
	bool ret_is_overtaken; /* with ERR_STORE_UNAVAILABLE: another replay has begun since */
	struct uuid ret_event; /* as replay_events has them */
	struct uuid ret_stream;
	const char *ret_problem;
};

/* OK: the projections match the events. On an error nothing has changed, and others may write again, unless the store is unreachable:
 * then they may not until a replay has succeeded. ERR_STORE_UNAVAILABLE, ERR_CORRUPT (see ret_event), ERR_NO_MEMORY. */
must_check enum error rebuild_projections(struct rebuild *rebuild);
