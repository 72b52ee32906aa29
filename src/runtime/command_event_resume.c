/* command_event_resume.c: `tro event resume`. */
#include "runtime/commands.h"
#include "runtime/operator_session.h"

int run_event_resume(const struct invocation *invocation)
{
	struct command command = {.kind = COMMAND_SALE_RESUME};
	return operator_session_run(invocation, "event resume", "the id of an event is required", &command, &command.event_id);
}
