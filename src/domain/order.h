/* order.h: seats that wait for their payment, or have it.
 * PENDING → CONFIRMED | FAILED | EXPIRED | CANCELLED; and by the late payment rule EXPIRED | FAILED | CANCELLED → CONFIRMED.
 * A confirmed or ended order whose every payment was given back reads REFUNDED. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/money.h"
#include "domain/row.h"
#include "domain/text.h"

enum order_status {
	ORDER_PENDING = 1,
	ORDER_CONFIRMED = 2,
	ORDER_FAILED = 3,
	ORDER_EXPIRED = 4,
	ORDER_CANCELLED = 5,
	ORDER_REFUNDED = 6, /* never stored: shown for a confirmed or ended order whose every payment was refunded */
};

enum payment_method {
	PAYMENT_METHOD_CARD = 1,
	PAYMENT_METHOD_INVOICE = 2,
	PAYMENT_METHOD_CASH = 3,
	PAYMENT_METHOD_TRANSFER = 4,
};

struct order_item {
	struct seat_label seat;
	int64_t price; /* minor units */
};

struct order {
	struct row row;
	struct uuid order_id;
	struct uuid hold_id;
	struct uuid event_id;
	struct short_text user;
	uint32_t sequence; /* of the order's stream */
	enum order_status status;
	enum payment_method payment_method;
	struct currency currency;
	int64_t total;
	/* The money that was reported, in minor units of the order's currency: paid = kept + refunds_due + refunded, always. */
	int64_t paid;          /* by every payment that succeeded */
	int64_t kept;          /* the part that pays for the seats: the total of a confirmed order until its event is cancelled, else 0 */
	int64_t refunds_due;   /* refunds that are not yet paid */
	int64_t refunded;      /* refunds that were paid */
	uint32_t refund_count; /* refunds of this order, in any currency */
	uint32_t refunds_open; /* those of them that are due */
	struct short_text paid_with; /* transaction_id of the payment that confirmed the order; empty before */
	uint64_t created_at_ms;
	uint64_t pay_by_ms;
	uint32_t item_count;
	struct order_item *items; /* inside the same allocation as the order */
};

static inline bool order_is_lapsed(const struct order *order, uint64_t now_ms)
{
	return order->status == ORDER_PENDING && now_ms >= order->pay_by_ms;
}

static inline bool order_refund_required(const struct order *order)
{
	return order->refunds_due > 0;
}

/* The status that clients are told when the order is in `status`: ORDER_REFUNDED when it is confirmed or ended, money came, and all of it
 * was given back, in every currency. A pending order stays pending. A later payment may still revive an order that reads so. */
static inline enum order_status order_status_read(const struct order *order, enum order_status status)
{
	bool is_open = status == ORDER_PENDING || (status == ORDER_CONFIRMED && (order->kept > 0 || order->total == 0));
	return !is_open && order->refund_count > 0 && order->refunds_open == 0 ? ORDER_REFUNDED : status;
}

/* The same at a moment: an order past its deadline has expired, though nobody may have marked it yet. */
static inline enum order_status order_status_at(const struct order *order, uint64_t now_ms)
{
	return order_status_read(order, order_is_lapsed(order, now_ms) ? ORDER_EXPIRED : order->status);
}

/* True if the money adds up: each unit paid is kept, due or refunded, and a confirmed order keeps its total or nothing. */
bool order_is_balanced(const struct order *order);

/* "PENDING", … */
const char *order_status_name(enum order_status status);
/* "card", "invoice", "cash", "transfer". */
const char *payment_method_name(enum payment_method method);
