/* hold.h: seats kept for one user for a few minutes. ACTIVE → CONVERTED | RELEASED | EXPIRED. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "domain/row.h"
#include "domain/text.h"

enum hold_status {
	HOLD_ACTIVE = 1,
	HOLD_CONVERTED = 2, /* an order was made of it */
	HOLD_RELEASED = 3,
	HOLD_EXPIRED = 4,
};

struct hold {
	struct row row;
	struct uuid hold_id;
	struct uuid event_id;
	struct short_text user;
	uint32_t sequence; /* of the hold's stream */
	enum hold_status status;
	uint64_t created_at_ms;
	uint64_t expires_at_ms;
	uint32_t seat_count;
	struct seat_label *seats; /* in the order they were asked for; inside the same allocation as the hold */
};

/* Dead, though nobody may have marked it yet: from expires_at on. */
static inline bool hold_is_lapsed(const struct hold *hold, uint64_t now_ms)
{
	return hold->status == HOLD_ACTIVE && now_ms >= hold->expires_at_ms;
}

/* "ACTIVE", "CONVERTED", "RELEASED", "EXPIRED". */
const char *hold_status_name(enum hold_status status);
