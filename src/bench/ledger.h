/* ledger.h: everything the server has acknowledged, and everything it was asked whose answer may never have come.
 *
 * The checker compares the claims with what the server says later; the journal keeps
 * each change of the ledger as a line, so that another process can do the same after a crash. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "bench/claim.h"

#define LEDGER_CLAIMS_MAX 20000000
#define LEDGER_EVENTS_MAX 100000

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
/* A request is about to be sent that would bring the claim's hold (RELEASED, CONVERTED) or order (CONFIRMED, FAILED, CANCELLED) into
 * `state`. */
must_check enum error ledger_asked(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms);
/* An order was acknowledged; `order` has the id, the deadline and the hash. */
must_check enum error ledger_order(struct ledger *ledger, uint32_t index, const struct fact *order, uint64_t at_ms);
/* An answer said that the claim's order, or its hold while it has none, is in `state` for good. */
must_check enum error ledger_settled(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms);
