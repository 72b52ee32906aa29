/* decision.h: one decision under way, and the events it appends; shared by the files of decide. Internal to the domain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "domain/state.h"

struct decision {
	const struct command *command;
	const struct view *view;
	struct changes *changes;
	struct outcome *outcome;
	uint64_t now_ms;
};

/* The rules of each kind of command. Each fills outcome->error; the return is as of decide. */
must_check enum error decide_sale_create(struct decision *decision);
must_check enum error decide_sale_change(struct decision *decision);
must_check enum error decide_hold_create(struct decision *decision);
must_check enum error decide_hold_release(struct decision *decision);
must_check enum error decide_hold_expire(struct decision *decision);
must_check enum error decide_order_create(struct decision *decision);
must_check enum error decide_order_cancel(struct decision *decision);
must_check enum error decide_order_expire(struct decision *decision);
must_check enum error decide_payment(struct decision *decision);
/* A report that the payment was given back, for decide_payment; payment: of its transaction, NULL when there is none. */
must_check enum error decide_refunded(struct decision *decision, const struct payment *payment, const struct order *order);
must_check enum error decide_refund_done(struct decision *decision);
must_check enum error decide_hold_call_off(struct decision *decision);
must_check enum error decide_order_call_off(struct decision *decision);
must_check enum error decide_sale_settle(struct decision *decision);

/* The hold or order, NULL when it is not there or is somebody else's. */
const struct hold *decision_own_hold(const struct decision *decision, const struct uuid *hold_id);
const struct order *decision_own_order(const struct decision *decision, const struct uuid *order_id);

/* Refuses with ERR_SEAT_UNKNOWN when the event has not all of the seats, and says which. ERR_NO_MEMORY. */
must_check enum error decision_check_seats(struct decision *decision, const struct uuid *event_id, const struct seat_label *seats,
                                           uint32_t count);

/* Appends, with the command's actor and trace. `answers`: the event carries the command's key. */
must_check enum error decision_append(struct decision *decision, struct event *event, bool answers);

/* Refuses with ERR_HOLD_EXPIRED. */
static inline void decision_refuse_expired(struct outcome *outcome, const struct hold *hold)
{
	outcome->error = ERR_HOLD_EXPIRED;
	outcome->at_ms = hold->expires_at_ms;
}

/* A copy to work on, in the arena of the changes, so that events may borrow from it. NULL: that is full. */
must_check struct order *decision_copy_order(const struct decision *decision, const struct order *order);
/* The same for an event of the order, which is a copy that the decision works on: the event changes it, and tells what it is then. */
must_check enum error decision_append_order(struct decision *decision, struct event *event, struct order *order, bool answers);

/* Appends the end of an active hold or of a pending order, whose seats must be its own: ERR_CORRUPT. The order is a copy that the decision
 * works on. */
must_check enum error decision_end_hold(struct decision *decision, enum event_type type, const struct hold *hold, bool answers);
must_check enum error decision_end_order(struct decision *decision, enum event_type type, struct order *order, bool answers);

/* Whether every seat of an active hold or pending order is its own: false when the view's rows are of different moments. */
bool hold_has_its_seats(const struct view *view, const struct hold *hold);
bool order_has_its_seats(const struct view *view, const struct order *order);

enum seat_taking {
	SEAT_TAKING_FREE,
	SEAT_TAKING_LAPSED, /* free once its holder, which has lapsed, is ended */
	SEAT_TAKING_TAKEN,
	SEAT_TAKING_CORRUPT,
};

/* Whether the seat can be taken now; *ret_hold or *ret_order is its lapsed holder, the other NULL. */
enum seat_taking seat_can_be_taken(const struct decision *decision, const struct seat *seat, const struct hold **ret_hold,
                                   const struct order **ret_order);
/* Appends hold.expired or order.expired for the lapsed holders of these seats, once each, but for `except` (may be NULL). */
must_check enum error end_lapsed_holders(struct decision *decision, const struct uuid *event_id, const struct seat_label *const *labels,
                                         uint32_t count, const struct order *except);
