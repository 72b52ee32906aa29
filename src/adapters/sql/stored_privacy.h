/* stored_privacy.h: the items of a user as SQL databases have them. */
#pragma once

#include "adapters/sql/stored.h"
#include "base/attributes.h"
#include "ports/privacy.h"

/* Reads the row of the part and hands it over; the arena is cleared. False: it cannot be right, or was not taken. */
must_check bool stored_privacy_take(struct columns columns, enum privacy_part part, struct arena *arena,
                                    bool (*take)(void *context, enum privacy_part part, const void *item), void *context);
/* "user_id":"…", as the data of an event has it. */
void stored_user_member(struct buffer *buffer, struct slice user);
