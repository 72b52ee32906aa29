/* ledger.c: the claims grow as answers come; each change goes through one function, which also writes it to the journal. */
#include "bench/ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "bench/journal.h"

void ledger_release(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	free(ledger->claims);
	free(ledger->events);
	*ledger = (struct ledger){0};
}

/* Room for one member more in a growing array of at most `maximum`. */
static enum error reserve(void **array, uint32_t count, uint32_t *capacity, uint32_t maximum, size_t size)
{
	assert(count <= *capacity);

	if (count < *capacity)
		return OK;
	if (count >= maximum)
		return ERR_LIMIT;
	uint32_t grown = *capacity < 64 ? 64 : *capacity * 2;
	if (grown > maximum)
		grown = maximum;
	void *moved = realloc(*array, grown * size);
	if (moved == NULL)
		return ERR_NO_MEMORY;
	*array = moved;
	*capacity = grown;
	return OK;
}

/* Until when a deadline of the server's is certainly not over. */
static uint64_t certain_until(uint64_t deadline_ms)
{
	return deadline_ms > LEDGER_GRACE_MS ? deadline_ms - LEDGER_GRACE_MS : 0;
}

static struct claim *claim_at(struct ledger *ledger, uint32_t index)
{
	assert(index < ledger->claim_count);
	return &ledger->claims[index];
}

enum error ledger_add_event(struct ledger *ledger, const struct uuid *event_id, uint32_t seats)
{
	assert(ledger != NULL && event_id != NULL);

	void *events = ledger->events;
	enum error error = reserve(&events, ledger->event_count, &ledger->event_capacity, LEDGER_EVENTS_MAX, sizeof *ledger->events);
	if (error != OK)
		return error;
	ledger->events = events;
	ledger->events[ledger->event_count++] = (struct ledger_event){.event_id = *event_id, .seats = seats};
	return journal_write_event(ledger->journal, &ledger->events[ledger->event_count - 1]);
}

enum error ledger_hold(struct ledger *ledger, const struct claim *claim, uint64_t at_ms, uint32_t *ret_index)
{
	assert(ledger != NULL && claim != NULL && ret_index != NULL);
	assert(claim->event < ledger->event_count);
	assert(claim->first_seat + claim->seat_count <= ledger->events[claim->event].seats);

	void *claims = ledger->claims;
	enum error error = reserve(&claims, ledger->claim_count, &ledger->claim_capacity, LEDGER_CLAIMS_MAX, sizeof *ledger->claims);
	if (error != OK)
		return error;
	ledger->claims = claims;
	uint32_t index = ledger->claim_count++;
	struct claim *added = &ledger->claims[index];
	*added = *claim;
	added->hold.acknowledged = STATE_ACTIVE;
	added->from_ms = at_ms;
	added->until_ms = certain_until(claim->hold.deadline_ms);
	*ret_index = index;
	return journal_write_hold(ledger->journal, index, added, &ledger->events[added->event].event_id, at_ms);
}

enum error ledger_asked(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms)
{
	struct claim *claim = claim_at(ledger, index);
	struct fact *fact = state == STATE_RELEASED || state == STATE_CONVERTED ? &claim->hold : &claim->order;
	fact->possible |= 1u << state;
	bool may_end = state == STATE_RELEASED || state == STATE_FAILED || state == STATE_CANCELLED;
	if (may_end && at_ms < claim->until_ms)
		claim->until_ms = at_ms;
	return journal_write_asked(ledger->journal, index, claim, state, at_ms);
}

enum error ledger_order(struct ledger *ledger, uint32_t index, const struct fact *order, uint64_t at_ms)
{
	assert(order != NULL);

	struct claim *claim = claim_at(ledger, index);
	claim->hold.acknowledged = STATE_CONVERTED;
	claim->hold.possible = 0;
	claim->order = *order;
	claim->order.acknowledged = STATE_PENDING;
	claim->until_ms = certain_until(order->deadline_ms);
	return journal_write_order(ledger->journal, index, claim, at_ms);
}

enum error ledger_settled(struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms)
{
	struct claim *claim = claim_at(ledger, index);
	struct fact *fact = claim->order.acknowledged == STATE_NONE ? &claim->hold : &claim->order;
	fact->acknowledged = state;
	fact->possible = 0;
	if (state == STATE_CONFIRMED) {
		if (at_ms >= claim->until_ms) /* a late payment took the seats again: in between they may have been another's */
			claim->from_ms = at_ms;
		claim->until_ms = UINT64_MAX;
	}
	return journal_write_settled(ledger->journal, index, claim, state, at_ms);
}
