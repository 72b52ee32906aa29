/* payment.h: the inbox of payment reports: one row for every transaction that was applied, so that none is applied twice.
 * FAILED → SUCCEEDED when the provider tries a transaction again. The refunds (refund.h) that the row names say what is given back. */
#pragma once

#include "base/slice.h"
#include "base/uuid.h"
#include "domain/limits.h"
#include "domain/money.h"
#include "domain/refund.h"
#include "domain/row.h"
#include "domain/text.h"

enum payment_status {
	PAYMENT_SUCCEEDED = 1,
	PAYMENT_FAILED = 2,
	PAYMENT_REFUNDED = 3, /* a report only: a row is never in this state */
};

/* "SUCCEEDED", "FAILED", "REFUNDED". */
const char *payment_status_name(enum payment_status status);

struct payment {
	struct row row;
	struct short_text transaction_id;
	struct uuid order_id;
	enum payment_status status;
	int64_t amount; /* as reported, else the order's total */
	struct currency currency;
	struct uuid refund_ids[REFUNDS_PER_PAYMENT_MAX]; /* refunds of this payment; nil where there is none */
	struct uuid applied_by;                          /* id of the domain event that applied it; its data was the answer */
	struct slice answer;                             /* that data, as loaded; inside the same allocation */
};
