/* store.h: writes events and their projections.
 *
 * A store is used by one thread at a time; make one for each lane.
 *
 * The projections have an epoch, which a replay raises. A row of an earlier epoch may be wrong although its version is right, as the
 * replay may have mended it. So load tells the view the epoch of its rows, and commit refuses changes that were decided on rows of
 * another epoch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "ports/seating.h"
#include "state/changes.h"
#include "state/needs.h"
#include "state/shard_set.h"
#include "state/view.h"

enum store_result {
	STORE_OK = 0,
	STORE_STALE, /* a version differs, or a key, payment or id exists already: nothing was written; load again and decide again */
	STORE_BUSY, /* a conflict with another transaction that may not come again: nothing was written; the same changes may be tried after a pause */
	STORE_DOWN,    /* cannot be reached, is full or refuses to write: nothing was written */
	STORE_UNKNOWN, /* the connection broke during the commit: call resolve before anything else */
	STORE_CORRUPT, /* stored data is wrong, or does not fit this program; nothing was written, and an operator must act */
};

/* The client's error for a store's result: OK, ERR_CORRUPT, or ERR_STORE_UNAVAILABLE. */
static inline enum error error_of(enum store_result result)
{
	if (result == STORE_OK)
		return OK;
	return result == STORE_CORRUPT ? ERR_CORRUPT : ERR_STORE_UNAVAILABLE;
}

struct store;

struct store_operations {
	/* Processes that want the same rows take turns with their shards. take_turn ends the turn that this store has; the next load
	 * waits, in order and for a limited time, until no other process has a turn with any of these shards. Turns only save conflicts:
	 * no answer depends on them, and a load whose wait timed out goes on and sets `missed_turn`. A turn lasts through any number of
	 * loads and commits until end_turn, or until a commit of changes that say ends_turn, whatever its result. NULL, both: the store
	 * has no turns. */
	void (*take_turn)(struct store *store, const struct shard_set *shards);
	void (*end_turn)(struct store *store);

	/* Opens a transaction for the next loads and the next commit: all of those loads see one moment, and the commit writes only if
	 * nobody has since changed the rows that they found. begin cannot fail: load reports its failure. Loads may leave out rows that
	 * are as the view has them. `end` ends the transaction with nothing written; a commit ends it, too, whatever its result. NULL,
	 * both, for a store whose views are of one moment anyway. */
	void (*begin)(struct store *store);
	void (*end)(struct store *store);

	/* Puts every row that `needs` names into the view, absent ones with version 0. `needs` names no rows that are changed in the
	 * view, and none in flight. The rows of one call are from one moment, but not those of two calls, nor those that were in the
	 * view before: the commit compares versions. If another process has written since the last call, the store may view_clear first,
	 * provided that nothing in the view is changed; then the caller asks for its needs again. Behind an overlay another thread may
	 * use the view meanwhile: load may look rows up only in a transaction of begin. STORE_OK, STORE_BUSY, STORE_DOWN, STORE_CORRUPT
	 * (also when the view has no memory). */
	enum store_result (*load)(struct store *store, const struct needs *needs, struct view *view);

	/* Writes everything in `changes`, durably, or nothing: appends the events, inserts or updates the rows at their stored versions,
	 * checks the relied rows' versions and that the unused keys are unused, and adds one outbox row per partition for the published
	 * events. With changes->is_replay it writes only the rows. Changes with nothing to write are only checked. Any result. */
	enum store_result (*commit)(struct store *store, const struct changes *changes);

	/* Finds out by the first event's id whether these changes, which have at least one event, were committed. The answer is final:
	 * changes that were not committed never will be, even if the lost commit is still on its way, and must not be given to commit
	 * again. May be called any number of times. STORE_OK with *ret_committed set, STORE_BUSY, STORE_DOWN. */
	enum store_result (*resolve)(struct store *store, const struct changes *changes, bool *ret_committed);

	/* Replay makes the projections anew, beside services that run. Begin stops all other writers: when it returns, their commits
	 * under way are stored or never will be, and their load and commit answer that the store is down. Readers go on with the old
	 * projections. Clear begins a transaction with new, empty projections: commit with is_replay writes to them, and no one else
	 * sees them. End replaces the old ones by them (is_done, after clear), or drops them, and lets others write again. If the
	 * process dies before End nothing has changed, but no one writes until another replay ends. Of two replays at once the one that
	 * began first fails, with STORE_STALE. Begin: STORE_OK, STORE_BUSY (others do not end), STORE_DOWN; the others the same and
	 * STORE_STALE. */
	enum store_result (*replay_begin)(struct store *store);
	enum store_result (*replay_clear)(struct store *store);
	enum store_result (*replay_end)(struct store *store, bool is_done);

	void (*free)(struct store *store);
};

struct store {
	const struct store_operations *operations;
	const struct seating_operations *seating; /* NULL: the seats of an event come with the commit that makes its sale */
	/* The caller's deadline, by the monotonic clock: load, commit and resolve wait for another machine until then and fail with
	 * STORE_DOWN, or STORE_UNKNOWN for a commit. Large changes have more time, in proportion. 0: the adapter's own limit. */
	uint64_t deadline_ns;
	/* Looking up keys costs no round trip: the caller always does so before it decides, so that a repeat never makes its batch
	 * stale. */
	bool has_local_reads;
	bool missed_turn; /* the last load's wait for its turn timed out */
};

static inline bool store_has_turns(const struct store *store)
{
	return store->operations->take_turn != NULL;
}

static inline void store_begin(struct store *store)
{
	if (store->operations->begin != NULL)
		store->operations->begin(store);
}

static inline void store_end(struct store *store)
{
	if (store->operations->end != NULL)
		store->operations->end(store);
}

must_check static inline enum store_result store_load(struct store *store, const struct needs *needs, struct view *view)
{
	return store->operations->load(store, needs, view);
}

must_check static inline enum store_result store_commit(struct store *store, const struct changes *changes)
{
	return store->operations->commit(store, changes);
}

must_check static inline enum store_result store_resolve(struct store *store, const struct changes *changes, bool *ret_committed)
{
	return store->operations->resolve(store, changes, ret_committed);
}

/* Takes NULL. */
static inline void store_free(struct store *store)
{
	if (store != NULL)
		store->operations->free(store);
}
