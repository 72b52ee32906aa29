/* command_migrate.c: `tro migrate`: brings the schema of the store up to date. */
#include <stdio.h>

#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

static void print_applied(void *context, const char *name)
{
	(*(uint32_t *)context)++;
	printf("%s is applied\n", name);
}

int run_migrate(const struct invocation *invocation)
{
	int code = flags_read("migrate", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	char message[ADAPTERS_MESSAGE_MAX];
	uint32_t count = 0;
	if (!adapters_migrate(invocation->config, print_applied, &count, message))
		return complain("%s", message);
	puts(count == 0 ? "nothing to do: the schema is up to date" : "the schema is up to date");
	return EXIT_DONE;
}
