/* state.h: the state as the rules see it: the rows that they read and change, and the events that they append. src/state implements it.
 *
 * Nothing here says where rows come from, how long they stay, or how they are written: that is src/state's (state/view.h,
 * state/changes.h). */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "domain/event.h"
#include "domain/hold.h"
#include "domain/key.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/sale.h"
#include "domain/seat.h"

struct view;
struct changes;

/* When this step was begun: the time of every decision in it. */
uint64_t view_now_ms(const struct view *view);

/* NULL: not loaded. A row with version 0: loaded, and not in the store. */
const struct sale *view_sale(const struct view *view, const struct uuid *event_id);
const struct seat *view_seat(const struct view *view, const struct uuid *event_id, const struct seat_label *label);
const struct hold *view_hold(const struct view *view, const struct uuid *hold_id);
const struct order *view_order(const struct view *view, const struct uuid *order_id);
const struct payment *view_payment(const struct view *view, const struct short_text *transaction_id);
const struct refund *view_refund(const struct view *view, const struct uuid *refund_id);
const struct key *view_key(const struct view *view, const uint8_t bytes[static KEY_HASH_LENGTH]);

/* Puts a copy of a row as the store has it; the argument's `row` matters only in its version, which becomes both the view's and the stored
 * one. Version 0 says that the store has no such row, and then only the key fields count. Replaces an unchanged row of the same key.
 * Returns the row, or NULL when out of memory. */
must_check struct sale *view_put_sale(struct view *view, const struct sale *sale);
must_check struct seat *view_put_seat(struct view *view, const struct seat *seat);
must_check struct hold *view_put_hold(struct view *view, const struct hold *hold);
must_check struct order *view_put_order(struct view *view, const struct order *order);
must_check struct payment *view_put_payment(struct view *view, const struct payment *payment);
must_check struct refund *view_put_refund(struct view *view, const struct refund *refund);
must_check struct key *view_put_key(struct view *view, const struct key *key);

/* Puts a copy in the place of the row with its key, which is there and not dispatched, and keeps that one's versions: for rows whose answer
 * changes, before view_change. Returns the new row, or NULL when out of memory with the old one untouched. */
must_check struct payment *view_replace_payment(struct view *view, const struct payment *payment);
must_check struct refund *view_replace_refund(struct view *view, const struct refund *refund);

/* Adds the row, which is the view's, to the changed ones and gives it its new version, greater than the old one. A key changes when it is
 * used. */
void view_change(struct view *view, struct row *row, uint64_t version);

/* Appends a copy of the event, with its id and occurred_at filled in, and those of its refunds. NULL when the arena is full. */
must_check struct event *changes_append(struct changes *changes, const struct event *event);
/* Takes back the events past `event_count`, which have not been applied. */
void changes_truncate(struct changes *changes, uint32_t event_count);
uint32_t changes_event_count(const struct changes *changes);
/* index: below the count. Good until the next event is appended. */
const struct event *changes_event(const struct changes *changes, uint32_t index);
/* The batch's memory, which holds the texts that events borrow. */
struct arena *changes_arena(const struct changes *changes);
