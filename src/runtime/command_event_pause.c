/* command_event_pause.c: `tro event pause`. */
#include "runtime/commands.h"
#include "runtime/operator_session.h"

int run_event_pause(const struct invocation *invocation)
{
	struct command command = {.kind = COMMAND_SALE_PAUSE};
	return operator_session_run(invocation, "event pause", "the id of an event is required", &command, &command.event_id);
}
