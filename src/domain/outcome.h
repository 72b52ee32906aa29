/* outcome.h: the result of a command. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/order.h"
#include "domain/refund.h"
#include "domain/text.h"

struct outcome {
	enum error error;                   /* OK: done, or done before and answered again */
	bool is_replayed;                   /* the key (or the transaction) had been used: nothing was done now */
	struct uuid resource_id;            /* the hold, order or event; of a replay too */
	struct slice body;                  /* the resource as JSON, as it was right after; in the command's arena. Empty on a refusal */
	const struct seat_label *conflicts; /* ERR_SEATS_TAKEN: every seat that was lost; in the command's arena */
	uint32_t conflict_count;
	const uint32_t *unknown_seats; /* ERR_SEAT_UNKNOWN: which of the seats asked for, ascending; in the command's arena */
	uint32_t unknown_count;
	uint64_t at_ms;                 /* ERR_HOLD_EXPIRED: its deadline. ERR_NOT_ON_SALE: when sales begin, or ended */
	bool is_past;                   /* ERR_NOT_ON_SALE: sales ended */
	enum order_status order_status; /* ERR_ORDER_NOT_CANCELLABLE, ERR_ORDER_NOT_PAYABLE: the order's status */
	const struct refund *refund; /* COMMAND_REFUND_DONE: the refund as it is now; in the command's arena. The body is of no use then */
};
