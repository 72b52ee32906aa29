/* command_names.c: see command_names.h. */
#include "runtime/command_names.h"

#include <assert.h>

const char *const command_names[COMMAND_KIND_COUNT] = {
	[COMMAND_SALE_CREATE] = "event_create",
	[COMMAND_SALE_PAUSE] = "event_pause",
	[COMMAND_SALE_RESUME] = "event_resume",
	[COMMAND_SALE_CANCEL] = "event_cancel",
	[COMMAND_HOLD_CREATE] = "hold_create",
	[COMMAND_HOLD_RELEASE] = "hold_release",
	[COMMAND_HOLD_EXPIRE] = "hold_expire",
	[COMMAND_ORDER_CREATE] = "order_create",
	[COMMAND_ORDER_CANCEL] = "order_cancel",
	[COMMAND_ORDER_EXPIRE] = "order_expire",
	[COMMAND_PAYMENT] = "payment",
	[COMMAND_REFUND_DONE] = "refund_done",
	[COMMAND_HOLD_CALL_OFF] = "hold_call_off",
	[COMMAND_ORDER_CALL_OFF] = "order_call_off",
	[COMMAND_SALE_SETTLE] = "event_settle",
};
static_assert(COMMAND_SALE_SETTLE + 1 == COMMAND_KIND_COUNT, "every kind has a name above");
