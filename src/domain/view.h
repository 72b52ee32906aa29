/* view.h: what a lane knows of the store: rows it has loaded or written, each with its version. A cache, never an authority.
 *
 * Rows are found by their natural keys. A row that the store does not have is remembered as absent (version 0) until the step ends.
 * Rows stay where they are while a step runs; between steps the least recently used go when there are more than the maximum.
 *
 * One step decides at a time, but several may be on their way to the store. What such a step has changed is in flight: it stays where it is
 * and as it is, and nobody decides on it (command_meets_flight) until it is known whether it was stored. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/hlc.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/hold.h"
#include "domain/key.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "domain/shard_set.h"

struct view;

/* rows_max: how many rows survive a step. NULL when out of memory. */
must_check struct view *view_new(uint32_t rows_max, struct hash_seed seed);
/* A view of its own to load into while others work on this one: what is looked up in it is looked up here first. Free it before the view.
 * NULL when out of memory. */
must_check struct view *view_new_annex(struct view *view);
/* Moves the annex's rows to its view, as loaded in the step that is deciding there; not those that have come there meanwhile. False: the two
 * are of different epochs; what was of the older one is forgotten, and the step cannot decide: it is to load again. */
must_check bool view_absorb(struct view *annex);
/* Takes NULL. */
void view_free(struct view *view);

/* A batch begins: its loads are new. */
void view_step_begin(struct view *view, uint64_t now_ms);
/* The same, and only what is loaded or confirmed in this step counts as known: needs (needs.h) name every other row. */
void view_step_begin_exact(struct view *view, uint64_t now_ms);
/* Everything changed is now as stored; absent rows and keys are forgotten, and what is over the maximum. */
void view_step_committed(struct view *view);
/* Nothing changed was stored: changed rows and rows relied on are forgotten, to be loaded again, and what is over the maximum. */
void view_step_failed(struct view *view);
/* The step ends with what it changed on its way to the store: moves those rows to `flying`, which is the caller's and was initialised. */
void view_step_take_off(struct view *view, struct list *flying);
/* Between steps: what took off was stored, or was not. It is in the view as stored, or forgotten; `flying` is empty, and
 * the view has no more than its maximum but for what is in flight. */
void view_landed(struct view *view, struct list *flying);
void view_lost(struct view *view, struct list *flying);
/* Forget the row with the key of this one, unless it is in flight: it may not be so any more. */
void view_forget(struct view *view, const struct row *row);
/* Whether the row needs no loading in this step. */
bool view_knows(const struct view *view, const struct row *row);
/* The store still has the row as it is here: it counts as loaded in this step. */
void view_confirm(struct view *view, const struct row *row);
/* Rows of the shard that were loaded before now are not known any more: others may have changed them. */
void view_distrust(struct view *view, uint8_t shard);
/* The shards of the rows that were found changed by somebody else since the last call: put with another version than they had here. */
struct shard_set view_take_moved(struct view *view);
/* Forget everything but what is in flight: the store was changed by somebody else. */
void view_clear(struct view *view);

/* The epoch of the store (ports/store.h) that its rows are of; 0: none was loaded. */
uint64_t view_epoch(const struct view *view);
/* For load, before it puts rows of this epoch. False: rows of another were here, and are forgotten: the needs are not what they were. */
must_check bool view_enter_epoch(struct view *view, uint64_t epoch);

uint64_t view_now_ms(const struct view *view);
uint32_t view_row_count(const struct view *view);
/* Rows in flight; of an annex those of its view. */
uint32_t view_flying_count(const struct view *view);
/* The clock that has observed the version of every row put here. */
struct hlc *view_clock(struct view *view);

/* NULL: not loaded. A row with version 0: loaded, and not in the store. */
const struct sale *view_sale(const struct view *view, const struct uuid *event_id);
const struct seat *view_seat(const struct view *view, const struct uuid *event_id, const struct seat_label *label);
const struct hold *view_hold(const struct view *view, const struct uuid *hold_id);
const struct order *view_order(const struct view *view, const struct uuid *order_id);
const struct payment *view_payment(const struct view *view, const struct short_text *transaction_id);
const struct refund *view_refund(const struct view *view, const struct uuid *refund_id);
const struct key *view_key(const struct view *view, const uint8_t bytes[static KEY_HASH_LENGTH]);

/* Put a copy of a row as the store has it: called by store.load. `row` of the argument matters only in its version, which is both the
 * view's and the stored one; version 0 says that the store has no such row, and then only the key fields count. Replaces an unchanged row
 * of the same key. Answers the row, or NULL when out of memory. */
must_check struct sale *view_put_sale(struct view *view, const struct sale *sale);
must_check struct seat *view_put_seat(struct view *view, const struct seat *seat);
must_check struct hold *view_put_hold(struct view *view, const struct hold *hold);
must_check struct order *view_put_order(struct view *view, const struct order *order);
must_check struct payment *view_put_payment(struct view *view, const struct payment *payment);
must_check struct refund *view_put_refund(struct view *view, const struct refund *refund);
must_check struct key *view_put_key(struct view *view, const struct key *key);

/* Put a copy in the place of the row with its key, which is there and not in flight, and keep that one's versions: for rows whose answer
 * changes, before view_change. Answers the new row, or NULL when out of memory with the old one untouched. */
must_check struct payment *view_replace_payment(struct view *view, const struct payment *payment);
must_check struct refund *view_replace_refund(struct view *view, const struct refund *refund);

/* Add the row to the changed ones and give it its new version: apply's. A key changes when it is used. */
void view_change(struct view *view, struct row *row, uint64_t version);
/* The changed rows, each once, in the order of their first change; linked by row->changed. */
const struct list *view_changed(const struct view *view);
/* A decision rests on this row. It must be checked unless it is changed, for then it is guarded by its own version; nor, for a refusal,
 * when it was loaded in this step: so it was when the request was here already. A success must still be right when it is committed. */
void view_rely_on(struct view *view, const struct row *row, bool is_refusal);
/* Copies of the rows relied on that have not changed since: as they are now, whoever changes them while this step is in flight. The arrays and
 * texts that hang on them are not copied. All in the arena; NULL when that is full. */
must_check const struct row **view_relied(const struct view *view, struct arena *arena, uint32_t *ret_count);
