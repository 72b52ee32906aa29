/* replayer.h: makes the projections again from nothing but the events: the same apply, in the order of their ids. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "ports/reader.h"
#include "ports/store.h"

struct replay {
	struct reader *from; /* borrowed: the source of the events */
	struct store *to;    /* borrowed: empty of projections, or as an earlier part has left it; only they are written */
	struct uuid after;   /* the events behind this one, or from the first; when it has gone well it is the last that was read */
	struct uuid until;   /* … and up to this one, or to the last */
	/* After every page of events; may be NULL. */
	void (*progress)(void *context, uint64_t events);
	void *context;

	uint64_t ret_events;     /* applied, in all parts */
	struct uuid ret_event;   /* with ERR_CORRUPT: the event that cannot follow those before it … */
	struct uuid ret_stream;  /* … its stream … */
	const char *ret_problem; /* … and why; static; NULL: the record is no event at all */
};

/* ERR_STORE_UNAVAILABLE, ERR_CORRUPT (see ret_event), ERR_NO_MEMORY. Memory is bounded, however many the events. */
must_check enum error replay_events(struct replay *replay);

/* Decodes a record; the event borrows from the record and the arena. ERR_CORRUPT: the data does not fit the event's type; ERR_NO_MEMORY. */
must_check enum error replay_decode(const struct event_record *record, struct arena *arena, struct event *ret_event);
