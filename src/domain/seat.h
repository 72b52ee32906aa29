/* seat.h: one seat of one event. AVAILABLE → HELD → RESERVED → SOLD; any → AVAILABLE. */
#pragma once

#include <stdint.h>

#include "base/uuid.h"
#include "domain/row.h"
#include "domain/text.h"

enum seat_status {
	SEAT_AVAILABLE = 1,
	SEAT_HELD = 2,     /* by the hold holder_id */
	SEAT_RESERVED = 3, /* by the pending order holder_id */
	SEAT_SOLD = 4,     /* to the confirmed order holder_id */
};

struct seat {
	struct row row;
	struct uuid event_id;
	struct seat_label label;
	enum seat_status status;
	struct uuid holder_id; /* nil when available */
	int64_t price;         /* minor units of the sale's currency */
};

/* "available", "held", "reserved", "sold". */
const char *seat_status_name(enum seat_status status);
