/* order.h: seats that wait for their payment, or have it.
 * PENDING → CONFIRMED | FAILED | EXPIRED | CANCELLED; and by the late payment rule EXPIRED | FAILED | CANCELLED → CONFIRMED. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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
	bool refund_required; /* money arrived that no seat stands for */
	uint64_t created_at_ms;
	uint64_t pay_by_ms;
	uint32_t item_count;
	struct order_item *items; /* inside the same allocation as the order */
};

static inline bool order_is_lapsed(const struct order *order, uint64_t now_ms)
{
	return order->status == ORDER_PENDING && now_ms >= order->pay_by_ms;
}

/* "PENDING", … */
const char *order_status_name(enum order_status status);
/* "card", "invoice", "cash", "transfer". */
const char *payment_method_name(enum payment_method method);
