/* forgetter.h: forgets a user: a pseudonym that nobody can trace back replaces the user's id (docs/adr/0048). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "ports/privacy.h"

#define FORGET_PSEUDONYM_LENGTH (10 + UUID_TEXT_LENGTH) /* "forgotten-" and the id of the forgetting */

enum forget_outcome {
	FORGET_DONE = 0,
	FORGET_UNKNOWN, /* the store has nothing of the user */
	FORGET_OPEN,    /* there are open holds or pending orders */
	FORGET_UNKEPT,  /* `keep` failed */
	FORGET_FAILED,  /* the store failed; privacy->problem may say why */
};

struct forgetting {
	struct privacy *privacy; /* borrowed, like all here */
	struct slice user;
	const struct audit_record *record; /* of the forgetting: its id is that of the pseudonym, its time when it happens */
	struct arena *arena;               /* for the ids of all that the user had */
	/* Keeps the traces for stores that are restored later, before they are committed. False: it could not. */
	bool (*keep)(void *context, const struct uuid *id, const struct privacy_traces *traces);
	void *context;
	bool is_again; /* only what is not later than the record's time; forget_user leaves it false */
	struct privacy_traces ret_traces;
	uint32_t ret_open_holds, ret_pending_orders;
};

/* Whether the audit has records of a program under this name. A user may be called so, too: of such a user only holds, orders and their
 * events are told from those of the program. */
bool forget_is_program(struct slice user);
/* The text has room for a terminating zero. */
struct slice forget_pseudonym(const struct uuid *id, char text[static FORGET_PSEUDONYM_LENGTH + 1]);
/* Without FORGET_DONE nothing has changed, although traces may have been kept, which does no harm. */
must_check enum forget_outcome forget_user(struct forgetting *forgetting);
/* Forgets a user again, with the same pseudonym, after a backup was restored. Does nothing if the store has forgotten the user.
 * FORGET_DONE, FORGET_FAILED. */
must_check enum forget_outcome forget_again(struct privacy *privacy, const struct privacy_traces *traces, const struct audit_record *record,
                                            struct arena *arena, bool *ret_has_changed);
