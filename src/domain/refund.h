/* refund.h: money that came and is to be given back: one row for each payment and reason. DUE → DONE.
 *
 * A refund is made by the domain event that finds it due, and its id is the id of that event: so it is a UUID of version 7 that ends with
 * the shard of the order's event. TRO moves no money: somebody pays it back and says so. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "domain/money.h"
#include "domain/row.h"
#include "domain/text.h"

/* Numbers are stored: append only. */
enum refund_reason {
	REFUND_LATE_PAYMENT = 1,      /* the order was over and its seats were taken */
	REFUND_OVERPAYMENT = 2,       /* more came than the order's total: the difference */
	REFUND_MISMATCH = 3,          /* too little came, or in another currency */
	REFUND_DUPLICATE_PAYMENT = 4, /* the order was confirmed by another transaction */
	REFUND_EVENT_CANCELLED = 5,
};

enum refund_status {
	REFUND_DUE = 1,
	REFUND_DONE = 2,
};

struct refund {
	struct row row;
	struct uuid refund_id;
	struct uuid order_id;
	struct uuid event_id;
	struct short_text transaction_id; /* of the payment that is given back */
	int64_t amount;                   /* minor units, above 0 */
	struct currency currency;         /* of the payment: not always the order's */
	enum refund_reason reason;
	enum refund_status status;
	uint64_t created_at_ms;
	uint64_t done_at_ms;   /* 0 while due */
	struct uuid closed_by; /* the domain event order.refunded that closed it; nil while due */
	struct slice answer;   /* its data, as loaded; inside the same allocation. Empty while due */
};

/* "late_payment", "overpayment", "mismatch", "duplicate_payment", "event_cancelled". */
const char *refund_reason_name(enum refund_reason reason);
/* "due", "done". */
const char *refund_status_name(enum refund_status status);
