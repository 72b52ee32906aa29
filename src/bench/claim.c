/* claim.c: the names of states, and what may truthfully be found of a fact. */
#include "bench/claim.h"

#include <assert.h>
#include <stddef.h>

#include "base/attributes.h"

static const char *const state_names[] = {
	[STATE_NONE] = "NONE",           [STATE_ACTIVE] = "ACTIVE",   [STATE_CONVERTED] = "CONVERTED",
	[STATE_RELEASED] = "RELEASED",   [STATE_EXPIRED] = "EXPIRED", [STATE_PENDING] = "PENDING",
	[STATE_CONFIRMED] = "CONFIRMED", [STATE_FAILED] = "FAILED",   [STATE_CANCELLED] = "CANCELLED",
};

const char *claim_state_name(enum claim_state state)
{
	assert((size_t)state < ARRAY_LENGTH(state_names));
	return state_names[state];
}

enum claim_state claim_state_parse(struct slice name)
{
	for (size_t i = 1; i < ARRAY_LENGTH(state_names); i++) {
		if (slice_equal_string(name, state_names[i]))
			return (enum claim_state)i;
	}
	return STATE_NONE;
}

bool fact_allows(const struct fact *fact, enum claim_state state, uint64_t asked_ms, uint64_t answered_ms)
{
	assert(fact != NULL);
	assert(asked_ms <= answered_ms);

	bool was_live = fact->acknowledged == STATE_ACTIVE || fact->acknowledged == STATE_PENDING;
	if (state == fact->acknowledged)
		return !was_live || asked_ms <= fact->deadline_ms + LEDGER_GRACE_MS;
	if (state == STATE_EXPIRED && was_live && answered_ms + LEDGER_GRACE_MS >= fact->deadline_ms)
		return true;
	return (fact->possible & 1u << state) != 0;
}
