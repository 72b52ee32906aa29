/* command_refund_done.c: `tro refund done`: the word that a refund was given back. */
#include "runtime/commands.h"
#include "runtime/operator_session.h"

int run_refund_done(const struct invocation *invocation)
{
	struct command command = {.kind = COMMAND_REFUND_DONE};
	return operator_session_run(invocation, "refund done", "the id of a refund is required", &command, &command.refund_id);
}
