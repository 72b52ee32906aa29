/* sale.h: the sale of one event's seats: its window, its currency, and whether it is paused or cancelled.
 *
 * On the wire "event" means the concert that people buy tickets for, which is a sale here; the event store keeps domain events
 * (event.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "domain/money.h"
#include "domain/row.h"

enum sale_status {
	SALE_ON_SALE = 1,
	SALE_PAUSED = 2,
	SALE_CANCELLED = 3,
};

struct sale {
	struct row row;
	struct uuid event_id;
	uint32_t sequence; /* of the event's stream */
	enum sale_status status;
	struct currency currency;
	uint64_t on_sale_from_ms;  /* 0: at once */
	uint64_t on_sale_until_ms; /* 0: no end */
	uint32_t seat_count;
	bool is_settled; /* cancelled, and nothing of it is open any more: no hold, no pending order, no confirmed order with its money */
};

/* Why a hold is refused now: OK, ERR_NOT_ON_SALE, ERR_SALES_PAUSED or ERR_EVENT_CANCELLED. */
enum error sale_check_open(const struct sale *sale, uint64_t now_ms);
/* "on_sale", "paused", "cancelled". */
const char *sale_status_name(enum sale_status status);
