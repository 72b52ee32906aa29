/* payment.h: the inbox of payment reports: one row for every transaction that was applied, so that none is applied twice. */
#pragma once

#include "base/slice.h"
#include "base/uuid.h"
#include "domain/row.h"
#include "domain/text.h"

enum payment_status {
	PAYMENT_SUCCEEDED = 1,
	PAYMENT_FAILED = 2,
};

struct payment {
	struct row row;
	struct short_text transaction_id;
	struct uuid order_id;
	enum payment_status status;
	struct uuid applied_by; /* id of the domain event that applied it; its data was the answer */
	struct slice answer;    /* that data, as loaded; inside the same allocation */
};
