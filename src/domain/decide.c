/* decide.c: answers a command with a used key as before; else calls the rules of the command's kind. */
#include "domain/decide.h"

#include <assert.h>
#include <string.h>

#include "domain/decision.h"

/* The answer of a key or payment, copied to where the caller will look for it. */
static enum error decide_key(struct decision *decision, const struct key *key)
{
	assert(decision->command->idempotency.is_present && key->row.version != 0);
	struct outcome *outcome = decision->outcome;
	bool is_same = memcmp(key->idempotency.fingerprint, decision->command->idempotency.fingerprint, KEY_HASH_LENGTH) == 0;
	if (!is_same) {
		outcome->error = ERR_IDEMPOTENCY_MISMATCH;
		return OK;
	}
	struct slice body = arena_copy(decision->command->arena, key->answer);
	if (body.data == NULL)
		return ERR_NO_MEMORY;
	outcome->error = OK;
	outcome->is_replayed = true;
	outcome->resource_id = key->stream_id;
	outcome->body = body;
	return OK;
}

static enum error decide_kind(struct decision *decision)
{
	switch (decision->command->kind) {
	case COMMAND_SALE_CREATE:
		return decide_sale_create(decision);
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
		return decide_sale_change(decision);
	case COMMAND_HOLD_CREATE:
		return decide_hold_create(decision);
	case COMMAND_HOLD_RELEASE:
		return decide_hold_release(decision);
	case COMMAND_HOLD_EXPIRE:
		return decide_hold_expire(decision);
	case COMMAND_ORDER_CREATE:
		return decide_order_create(decision);
	case COMMAND_ORDER_CANCEL:
		return decide_order_cancel(decision);
	case COMMAND_ORDER_EXPIRE:
		return decide_order_expire(decision);
	case COMMAND_PAYMENT:
		return decide_payment(decision);
	case COMMAND_REFUND_DONE:
		return decide_refund_done(decision);
	case COMMAND_HOLD_CALL_OFF:
		return decide_hold_call_off(decision);
	case COMMAND_ORDER_CALL_OFF:
		return decide_order_call_off(decision);
	case COMMAND_SALE_SETTLE:
		return decide_sale_settle(decision);
	case COMMAND_KIND_COUNT:
		break;
	}
	assert(false && "a command has a kind");
	return ERR_CORRUPT;
}

enum error decide(const struct command *command, const struct view *view, struct changes *changes, struct outcome *ret_outcome)
{
	assert(command != NULL && view != NULL && changes != NULL && ret_outcome != NULL);
	struct outcome outcome = {.error = OK};
	struct decision decision = {
		.command = command,
		.view = view,
		.changes = changes,
		.outcome = &outcome,
		.now_ms = view_now_ms(view),
	};
	uint32_t event_count = changes_event_count(changes);
	const struct key *key = command->idempotency.is_present ? view_key(view, command->idempotency.key) : NULL;
	enum error error = key != NULL && key->row.version != 0 ? decide_key(&decision, key) : decide_kind(&decision);
	if (error != OK) {
		changes_truncate(changes, event_count);
		return error;
	}
	assert(outcome.error == OK || changes_event_count(changes) == event_count);
	assert(changes_event_count(changes) - event_count <= EVENTS_PER_COMMAND_MAX);
	*ret_outcome = outcome;
	return OK;
}
