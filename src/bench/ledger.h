/* ledger.h: everything the server has acknowledged, and everything it was asked whose answer may never have come.
 *
 * A claim is one hold and the order made from it. The checker compares the claims with what the server says later; the journal keeps
 * each change of the ledger as a line, so that another process can do the same after a crash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"

#define LEDGER_CLAIMS_MAX 20000000
#define LEDGER_EVENTS_MAX 100000

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
	uint32_t possible;      /* bits 1 << state: what requests without an answer may have made of it */
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

struct journal;

struct ledger {
	struct claim *claims;
	uint32_t claim_count, claim_capacity;
	struct ledger_event *events;
	uint32_t event_count, event_capacity;
	struct journal *journal; /* borrowed; NULL: none is kept */
};

/* All zero is an empty ledger. Takes NULL. */
void ledger_release(struct ledger *ledger);

must_check enum error ledger_add_event(struct ledger *ledger, const struct uuid *event_id, uint32_t seats);
/* A hold was acknowledged at `at_ms`. `claim` has everything but the order, the states and the times. ERR_LIMIT past LEDGER_CLAIMS_MAX. */
must_check enum error ledger_hold(struct ledger *ledger, const struct claim *claim, uint64_t at_ms, uint32_t *ret_index);
/* A request is about to be sent that would bring the claim's hold (RELEASED, CONVERTED) or order (CONFIRMED, FAILED, CANCELLED) into `state`. */
must_check enum error ledger_asked(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms);
/* An order was acknowledged; `order` has the id, the deadline and the hash. */
must_check enum error ledger_order(struct ledger *ledger, uint32_t index, const struct fact *order, uint64_t at_ms);
/* An answer said that the claim's order, or its hold while it has none, is in `state` for good. */
must_check enum error ledger_settled(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms);

/* Whether a fact may truthfully be found in `state` by an answer that came between the two moments. The server's clock may differ from
 * ours by LEDGER_GRACE_MS, and its worker has as long to see to what is due. */
#define LEDGER_GRACE_MS 2000
bool fact_allows(const struct fact *fact, enum claim_state state, uint64_t asked_ms, uint64_t answered_ms);

/* "ACTIVE", …; "NONE". */
const char *claim_state_name(enum claim_state state);
/* STATE_NONE for anything else. */
enum claim_state claim_state_parse(struct slice name);
