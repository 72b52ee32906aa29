/* answer.h: reads the parts of the service's answers that the load generator needs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "bench/claim.h"
#include "bench/wire.h"
#include "codec/json_reader.h"

/* Texts borrow from the body. */
struct hold_answer {
	struct uuid hold_id;
	struct uuid event_id;
	struct slice user;
	struct json_value seats;
	enum claim_state state;
	uint64_t expires_at_ms;
};

struct order_answer {
	struct uuid order_id;
	struct uuid hold_id;
	struct slice user;
	struct json_value items;
	enum claim_state state;
	uint64_t total;
	uint64_t pay_by_ms;
	bool refund_required;
};

/* False: not well-formed JSON, or a member is missing or not of its form. */
must_check bool answer_read_hold(struct slice body, struct hold_answer *ret_hold);
must_check bool answer_read_order(struct slice body, struct order_answer *ret_order);
/* The event_id of a created event. */
must_check bool answer_read_event(struct slice body, struct uuid *ret_event_id);
/* Last part of a problem's type: "seats-taken". Empty when the body is no problem. */
struct slice answer_problem(struct slice body);

/* Whether the array of labels is exactly these seats, in this order. */
bool answer_names_seats(struct json_value seats, struct wire_seats expected);
/* Whether the problem's `seats` are some of these, at least one. */
bool answer_names_taken(struct slice body, struct wire_seats asked);
/* Whether the order's items are exactly these seats at their prices, and its total their sum. */
bool answer_bills_seats(const struct order_answer *order, struct wire_seats expected);

/* A page's next_cursor; empty on the last page. False: the body is no page. */
must_check bool answer_next_cursor(struct slice body, struct slice *ret_cursor);

/* A string's content as it stands in the text; empty when the value is no string. Nothing that is read here has escapes. */
struct slice answer_text(struct json_value value);
/* A number of 0 to 2^63 − 1. */
must_check bool answer_uint(struct json_value value, uint64_t *ret_number);
/* Fingerprint of a body, below 2^63; the same in every run. */
uint64_t answer_hash(struct slice body);
