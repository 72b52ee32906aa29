/* claim.h: one hold and the order made from it, as the server acknowledged them, with the requests that were never answered. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

/* Of holds: the first four; of orders: the others and EXPIRED. */
enum claim_state {
	STATE_NONE,
	STATE_ACTIVE,
	STATE_CONVERTED,
	STATE_RELEASED,
	STATE_EXPIRED,
	STATE_PENDING,
	STATE_CONFIRMED,
	STATE_FAILED,
	STATE_CANCELLED,
};

/* The hold or the order of a claim. */
struct fact {
	struct uuid id;
	uint64_t deadline_ms; /* expires_at or pay_by */
	uint64_t body_hash;   /* of the answer that acknowledged it, which its key must replay */
	enum claim_state acknowledged;
	enum claim_state found; /* by the checker; STATE_NONE: it has not looked */
	uint32_t possible;      /* bits 1 << state: the states that requests without an answer may have led to */
};

struct claim {
	struct fact hold;
	struct fact order; /* acknowledged STATE_NONE: no order is known */
	struct uuid key;   /* of the journey: its idempotency keys and transaction id are made of it */
	uint32_t event;    /* index in the ledger */
	uint32_t user;
	uint32_t first_seat; /* of seat_count seats in a row */
	uint32_t seat_count;
	/* While the seats were certainly this claim's: from the answer on, until the first moment at which something may have ended it. */
	uint64_t from_ms;
	uint64_t until_ms;
};

struct ledger_event {
	struct uuid event_id;
	uint32_t seats;
};

/* Whether a fact may truthfully be found in `state` by an answer that came between the two moments. The server's clock may differ from
 * ours by LEDGER_GRACE_MS, and its worker has as long to see to what is due. */
#define LEDGER_GRACE_MS 2000
bool fact_allows(const struct fact *fact, enum claim_state state, uint64_t asked_ms, uint64_t answered_ms);

/* "ACTIVE", …; "NONE". */
const char *claim_state_name(enum claim_state state);
/* STATE_NONE for anything else. */
enum claim_state claim_state_parse(struct slice name);
