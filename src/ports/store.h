/* store.h: where the events and their projections are written.
 *
 * A store is used by one thread at a time; make one for each lane.
 *
 * The projections have an epoch, which a replay raises. A row of an earlier epoch may be wrong although its version is right: it may have been
 * what the replay has mended. So load tells the view the epoch of its rows, and commit refuses what was decided on those of another. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "state/changes.h"
#include "state/needs.h"
#include "state/shard_set.h"
#include "state/view.h"

enum store_result {
	STORE_OK = 0,
	STORE_STALE, /* a version differs, a key, payment or id is already there: nothing was written; load again and decide again */
	STORE_BUSY, /* a conflict with another transaction that may not come again: nothing was written; the same changes may be tried after a pause */
	STORE_DOWN,    /* cannot be reached, is full or refuses to write: nothing was written */
	STORE_UNKNOWN, /* the connection went while committing: ask resolve before anything else */
	STORE_CORRUPT, /* what is stored cannot be right, or does not fit this program: an operator's matter; nothing was written */
};

/* What a caller is told who can do nothing about it: OK, ERR_CORRUPT, or ERR_STORE_UNAVAILABLE. */
static inline enum error error_of(enum store_result result)
{
	if (result == STORE_OK)
		return OK;
	return result == STORE_CORRUPT ? ERR_CORRUPT : ERR_STORE_UNAVAILABLE;
}

struct store;

struct store_operations {
	/* Processes that want the same rows take turns with their shards. The next load waits, in order and for a limited time, until nobody else
	 * has a turn with any of these; a turn that this store has is ended first. It is a courtesy: nothing that is answered rests on it, and a
	 * load whose wait timed out goes on and sets `missed_turn`. A turn goes on through any number of loads and commits until end_turn, or a
	 * commit of changes that say ends_turn, whatever comes of that. NULL, both: the store has no turns. */
	void (*take_turn)(struct store *store, const struct shard_set *shards);
	void (*end_turn)(struct store *store);

	/* Opens a transaction for the next loads and the next commit: all of those loads see one moment, and what the commit writes is written
	 * only if nobody has changed meanwhile what they found. Nothing fails here: a failure shows in load. Loads may leave out rows that are
	 * as the view has them. `end` ends it with nothing written; so does a commit, whatever comes of that. NULL, both, for a store whose views
	 * are of one moment anyway. */
	void (*begin)(struct store *store);
	void (*end)(struct store *store);

	/* Puts every row that `needs` names into the view, absent ones with version 0. Rows already changed in the view are not named.
	 * The rows of one call are from one moment, but those of two calls are not, nor are those that were in the view before: versions tell at
	 * commit. A store that finds that somebody else has written since
	 * its last call may view_clear first when nothing in the view is changed; then the caller asks for its needs again. Rows in flight may be
	 * in the view; they are never named. Of an overlay the view behind it may be another thread's meanwhile: only in a transaction of begin the
	 * load may look rows up.
	 * STORE_OK, STORE_BUSY, STORE_DOWN, STORE_CORRUPT (also when the view has no memory). */
	enum store_result (*load)(struct store *store, const struct needs *needs, struct view *view);

	/* Writes everything in `changes`, durably, or nothing: appends the events, inserts or updates the rows at their stored versions, checks the
	 * relied rows' versions and that the unused keys are unused, and adds one outbox row per partition for the published events.
	 * With changes->is_replay only the rows are written. Changes with nothing to write are only checked. Any result. */
	enum store_result (*commit)(struct store *store, const struct changes *changes);

	/* Says whether these changes, which have at least one event, were committed, by their first event's id. The answer is final: when they
	 * were not they never will be, even if the commit that was lost is still on its way, and they may not be given to commit again. May be
	 * called any number of times. STORE_OK with *ret_committed set, STORE_BUSY, STORE_DOWN. */
	enum store_result (*resolve)(struct store *store, const struct changes *changes, bool *ret_committed);

	/* Replay makes the projections anew, beside services that run. Begin keeps everybody else from writing: when it returns, what others had
	 * on the way is stored or will never be, and load and commit of theirs answer that the store is down. Readers go on with the old
	 * projections. Clear starts the new ones, which are empty, with one transaction: commit with is_replay writes to them, and nobody else
	 * sees them. End puts them in the place of the old (is_done, after clear), or takes back what was begun, and lets others write again.
	 * When the process ends before that nothing has changed, but nobody writes until a replay is ended. Of two at once the one that began
	 * first fails, with STORE_STALE. Begin: STORE_OK, STORE_BUSY (others do not end), STORE_DOWN; the others the same and STORE_STALE. */
	enum store_result (*replay_begin)(struct store *store);
	enum store_result (*replay_clear)(struct store *store);
	enum store_result (*replay_end)(struct store *store, bool is_done);

	void (*free)(struct store *store);
};

struct store {
	const struct store_operations *operations;
	/* The caller's, by the monotonic clock: load, commit and resolve wait for another machine until then and give it up, with STORE_DOWN, or
	 * STORE_UNKNOWN for a commit. Large changes have more time, in proportion. 0: as long as the adapter thinks right. */
	uint64_t deadline_ns;
	/* Looking up keys before deciding costs no round trip: do it always, so that a repeat never makes its batch stale. */
	bool has_local_reads;
	bool missed_turn; /* the last load's wait for the turn that it was to take timed out */
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
