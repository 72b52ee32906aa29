/* command.c: which lane a command belongs to. */
#include "domain/command.h"

#include <assert.h>

uint8_t command_shard(const struct command *command)
{
	assert(command != NULL);
	switch (command->kind) {
	case COMMAND_SALE_CREATE:
		return uuid_shard(&command->sale_create.event_id);
	case COMMAND_SALE_PAUSE:
	case COMMAND_SALE_RESUME:
	case COMMAND_SALE_CANCEL:
	case COMMAND_SALE_SETTLE:
		return uuid_shard(&command->event_id);
	case COMMAND_HOLD_CREATE:
		return uuid_shard(&command->hold_create.event_id);
	case COMMAND_HOLD_RELEASE:
	case COMMAND_HOLD_EXPIRE:
	case COMMAND_HOLD_CALL_OFF:
		return uuid_shard(&command->hold_id);
	case COMMAND_ORDER_CREATE:
		return uuid_shard(&command->order_create.order_id);
	case COMMAND_ORDER_CANCEL:
	case COMMAND_ORDER_EXPIRE:
	case COMMAND_ORDER_CALL_OFF:
		return uuid_shard(&command->order_id);
	case COMMAND_PAYMENT:
		return uuid_shard(&command->payment.order_id);
	case COMMAND_REFUND_DONE:
		return uuid_shard(&command->refund_id);
	case COMMAND_KIND_COUNT:
		break;
	}
	assert(false && "a command has a kind");
	return 0;
}
