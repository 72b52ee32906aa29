/* seating.h: writes the seats of a commit, its own and those of seatings (ports/seating.h). Private to the SQLite adapter.
 *
 * The functions answer SQLite's codes; SQLITE_CONSTRAINT says that something is not as expected. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "domain/event.h"
#include "domain/layout.h"

struct sqlite_store;

/* The first position that no seat has or will have. */
must_check int seating_next_position(struct sqlite_store *store, int64_t *ret_position);
must_check int seating_insert_seat(struct sqlite_store *store, const struct uuid *event_id, uint64_t version, int64_t position,
                                   const struct layout_seat *seat);
/* The seats of the event are there, from this position on, all of them, or the commit fails. */
must_check int seating_end(struct sqlite_store *store, const struct event *event, int64_t *ret_first);
