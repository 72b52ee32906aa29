/* command_version.c: `tro version`. */
#include <stdio.h>

#include "base/version.h"
#include "runtime/commands.h"
#include "runtime/terminal.h"

int run_version(const struct invocation *invocation)
{
	if (invocation->argc > 1)
		return complain_usage("version", "'%s' is not understood", invocation->argv[1]);
	printf("tro " TRO_VERSION " (commit %s)\n", version_commit);
	return EXIT_DONE;
}
