/* view.h: a lane's cache of the store: rows that it has loaded or written, each with its version. Never an authority.
 *
 * Rows are found by their natural keys. A row that the store does not have is remembered as absent (version 0) until the step ends. Rows
 * do not move while a step runs; between steps the view drops the least recently used above its maximum.
 *
 * One step decides at a time, but the store may be writing the changes of several. A row that such a step has changed is dispatched: it
 * neither moves nor changes, and no command is decided on it (command_meets_dispatched) until its batch was committed or aborted.
 *
 * The rules' side of it, looking up, putting and changing rows, is in domain/state.h. A view is used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/hlc.h"
#include "base/list.h"
#include "domain/state.h"
#include "state/shard_set.h"

/* rows_max: the rows that the view keeps between steps; 1 or more. NULL when out of memory. */
must_check struct view *view_new(uint32_t rows_max, struct hash_seed seed);
/* An overlay: a view to load into while other threads work on `view`, in which it looks first. Free it before `view`. NULL when out of
 * memory. */
must_check struct view *view_new_overlay(struct view *view);
/* Moves the overlay's rows to its view, as loaded in the step that is deciding there; except rows that are there by now. False: the two
 * have different epochs; the rows of the older one are forgotten, and the step must load again. */
must_check bool view_absorb(struct view *overlay);
/* Takes NULL. */
void view_free(struct view *view);

/* A batch begins: its loads are new. */
void view_step_begin(struct view *view, uint64_t now_ms);
/* The same, and only rows loaded or confirmed in this step count as known: needs (needs.h) name every other row. */
void view_step_begin_exact(struct view *view, uint64_t now_ms);
/* Every changed row is now as stored; absent rows and keys are forgotten, and rows over the maximum. */
void view_step_committed(struct view *view);
/* No change was stored: changed rows and rows relied on are forgotten, to be loaded again, and rows over the maximum. */
void view_step_failed(struct view *view);
/* The step ends while its changes are on their way to the store: its changed rows are dispatched, and moved to `dispatched`, which is the
 * caller's, initialised and empty. */
void view_step_dispatch(struct view *view, struct list *dispatched);
/* Between steps: the dispatched rows were stored, or were not. Keeps them as stored, or forgets them; `dispatched` is then empty, and
 * the view has at most its maximum of rows besides those that are dispatched. */
void view_committed(struct view *view, struct list *dispatched);
void view_aborted(struct view *view, struct list *dispatched);
/* Between steps: forgets the row with the key of this one, unless it is dispatched: it may have changed in the store. */
void view_forget(struct view *view, const struct row *row);
/* The next functions take rows that the view returned, as the view's notes are beside them in memory. */
/* True if the row needs no loading in this step. NULL: false. */
bool view_knows(const struct view *view, const struct row *row);
/* NULL: no. */
bool view_is_dispatched(const struct row *row);
bool view_is_relied_on(const struct row *row);
/* The store still has the row as it is here: it counts as loaded in this step. Not of an overlay; the row is not dispatched. */
void view_confirm(struct view *view, const struct row *row);
/* Rows of the shard loaded before now count as unknown: other processes may have changed them. */
void view_distrust(struct view *view, uint8_t shard);
/* The shards of rows that another process has changed since the last call, that is, rows put with another version than they had here. */
struct shard_set view_take_moved(struct view *view);
/* Forgets every row that is not dispatched: another process has changed the store. */
void view_clear(struct view *view);

/* True if there was no memory for a row since the last call; a store answers STORE_CORRUPT then. */
bool view_take_lack_of_memory(struct view *view);

/* The store's epoch (ports/store.h) of its rows; 0: none was loaded. */
uint64_t view_epoch(const struct view *view);
/* For load, before it puts rows of this epoch. False: the view had rows of another epoch and has forgotten them, so that the needs have
 * changed. */
must_check bool view_enter_epoch(struct view *view, uint64_t epoch);

uint32_t view_row_count(const struct view *view);
/* Rows that are dispatched; of an overlay those of its view. */
uint32_t view_dispatched_count(const struct view *view);
/* The clock that has observed the version of every row put here. */
struct hlc *view_clock(struct view *view);

/* Whether the step has changed anything. */
bool view_has_changes(const struct view *view);
/* The changed rows, each once, in the order of their first change, without keys, which are written with their events. The array is in the
 * arena, the rows are the view's. NULL when the arena is full. */
must_check const struct row **view_changed(const struct view *view, struct arena *arena, uint32_t *ret_count);
/* A decision rests on this row, so the commit must check its version. It need not check a changed row, which its own version guards,
 * nor, for a refusal, a row loaded in this step: the refusal was right when the request was here already. A success must still be right
 * at its commit. */
void view_rely_on(struct view *view, const struct row *row, bool is_refusal);
/* Copies of the rows relied on that have not changed since. Another batch that changes the rows while this one is being written does not
 * change the copies. The arrays and texts that hang on them are not copied. All in the arena; NULL when that is full. */
must_check const struct row **view_relied(const struct view *view, struct arena *arena, uint32_t *ret_count);
