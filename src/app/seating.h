/* seating.h: puts the seats of a large event into the store, chunk by chunk, before the command that makes the event is committed.
 *
 * A chunk is as large as keeps others waiting for a few milliseconds (seating_pace.h), and between chunks they have time to commit. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "domain/command.h"
#include "ports/clock.h"
#include "ports/store.h"

/* Fewer seats come with the commit. */
#define SEATING_SEATS_MIN 2000

/* Of chunks that were written. One thread writes, any may read. */
struct seating_counters {
	_Atomic uint64_t chunks, seats;
	_Atomic uint64_t longest_ns; /* that a chunk kept others from writing, of the event that is being made or was made last */
};

struct seating_options {
	struct store *store; /* borrowed, as all that follows; one that has seatings */
	struct clock *clock;
	void (*pause)(void *context, uint64_t ms);
	void *context;
	const _Atomic bool *is_stopping;   /* the caller wants no more of it; may be NULL */
	struct seating_counters *counters; /* may be NULL */
};

/* Whether the seats of what the command makes are put into the store before. */
bool seating_is_for(const struct command *command, const struct store *store);
/* Sets command->sale_create.seats_version; 0: the event is there, or the key was used. The commit is to follow at once.
 * ERR_OVERLOADED: others write the same event, or it takes too long; ERR_SHUTTING_DOWN; ERR_STORE_UNAVAILABLE; ERR_CORRUPT; ERR_NO_MEMORY.
 * Then nothing is left of it, as far as the store could be reached; a sweep deletes the seats that a stopping process leaves. */
must_check enum error seating_write(const struct seating_options *options, struct command *command);
/* Deletes what seating_write has written, after the commit has failed or found the event made already. */
void seating_undo(const struct seating_options *options, const struct command *command);
/* Deletes some of what others have left. Answers whether there is more. */
bool seating_sweep(const struct seating_options *options);
