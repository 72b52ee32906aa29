/* privacy.h: exports everything that the store has about a user, and forgets the user: a pseudonym replaces the user's id in events,
 * projections and audit.
 *
 * Used by one thread, one transaction after the other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "ports/audit.h"
#include "ports/store.h"

#define PRIVACY_PROBLEM_MAX 256
#define PRIVACY_WAIT_MS 60000

enum privacy_part {
	PRIVACY_HOLDS,    /* struct row, ROW_HOLD */
	PRIVACY_ORDERS,   /* ROW_ORDER */
	PRIVACY_PAYMENTS, /* ROW_PAYMENT, of these orders */
	PRIVACY_REFUNDS,  /* ROW_REFUND, of these orders */
	PRIVACY_EVENTS,   /* struct event_record: of the streams of these holds and orders */
	PRIVACY_ACTS,     /* struct event_record: of other streams, with the user as the actor */
	PRIVACY_AUDIT,    /* struct audit_record: with the user as the actor, or about an export of the user's data */
	PRIVACY_PART_COUNT,
};

/* The records that were a user's, by random ids, from which nobody can tell the user. */
struct privacy_traces {
	const struct uuid *streams; /* holds and orders */
	uint32_t stream_count;
	const struct uuid *acts; /* events of other streams */
	uint32_t act_count;
	const struct uuid *audit; /* records */
	uint32_t audit_count;
	uint64_t at_ms; /* when the user was forgotten */
};

/* The action of the audit's record of an export, whose target is the user. */
#define PRIVACY_EXPORT_ACTION "user export"

struct privacy;

struct privacy_operations {
	/* Opens a transaction. to_forget: it keeps all others from writing until it ends, and its commit makes their copies in memory
	 * void. STORE_OK, STORE_BUSY, STORE_DOWN, STORE_CORRUPT, as all of these. */
	enum store_result (*begin)(struct privacy *privacy, bool to_forget);
	/* Hands over each item of a part; `item` is as the part says, and valid during the call. False ends it, with STORE_CORRUPT. */
	enum store_result (*each)(struct privacy *privacy, enum privacy_part part, struct slice user,
	                          bool (*take)(void *context, enum privacy_part part, const void *item), void *context);
	/* The owners of the streams, each user once, without the pseudonym. Texts live in the arena. */
	enum store_result (*owners)(struct privacy *privacy, const struct privacy_traces *traces, struct slice pseudonym,
	                            struct arena *arena, struct slice **ret_users, uint32_t *ret_count);
	/* Replaces the user by the pseudonym in these traces alone: in holds and orders, in their events and these events' data, in
	 * acts, and in the audit, whose records lose their addresses; forgets the keys of the streams' events. The traces include the
	 * audit's records of this user that are not later. user: empty: no streams, only acts and audit. */
	enum store_result (*replace)(struct privacy *privacy, const struct privacy_traces *traces, struct slice user,
	                             struct slice pseudonym);
	/* True if the audit has a record of this id. */
	enum store_result (*is_recorded)(struct privacy *privacy, const struct uuid *id, bool *ret_is);
	/* Adds a record to the audit, in the transaction. */
	enum store_result (*record)(struct privacy *privacy, const struct audit_record *record);
	enum store_result (*end)(struct privacy *privacy, bool commits);
	/* Outside a transaction: removes the replaced bytes from the files, where the adapter can. Does nothing if nothing was replaced
	 * since, unless `always`. Waits for others who read what was replaced, at most wait_max_ms, and tells `waits` once, at once. Others
	 * may write meanwhile. STORE_BUSY: they read on. */
	enum store_result (*scrub)(struct privacy *privacy, bool always);
	void (*free)(struct privacy *privacy);
};

struct privacy {
	const struct privacy_operations *operations;
	char problem[PRIVACY_PROBLEM_MAX];   /* of the last failure, in one line for people; may be empty */
	uint32_t wait_max_ms;                /* PRIVACY_WAIT_MS unless the caller sets another */
	void (*waits)(uint32_t wait_max_ms); /* the caller's; NULL: nobody is told */
};

/* Takes NULL. */
static inline void privacy_free(struct privacy *privacy)
{
	if (privacy != NULL)
		privacy->operations->free(privacy);
}
