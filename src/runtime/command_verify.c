/* command_verify.c: `tro verify`: replays every event and compares the result with the store. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"
#include "runtime/verification.h"

int run_verify(const struct invocation *invocation)
{
	int code = flags_read("verify", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	const char *data_dir = invocation->config->systems.data_dir;
	if (invocation->config->systems.crdb_dsn == NULL && access(data_dir, F_OK) != 0)
		return complain("DATA_DIR %s cannot be read: %s", data_dir, strerror(errno));
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open(invocation->config, ROLE_LOOK, &adapters, message))
		return complain("%s", message);
	code = verification_run(invocation, &adapters, NULL);
	adapters_close(&adapters);
	return code;
}
