/* command_migrate.c: `tro migrate`: brings the schema of the store up to date. */
#include <stdio.h>

#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

static void print_applied(void *context, const char *name)
{
	(*(uint32_t *)context)++;
	printf("%s is applied\n", name);
}

static void print_kept(void *context, const char *path)
{
	(void)context;
	printf("%s is the store as it was\n", path);
}

int run_migrate(const struct invocation *invocation)
{
	bool without_backup = false;
	const struct flag flags[] = {{.name = "--no-backup", .is_given = &without_backup}};
	int code = flags_read("migrate", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	char message[ADAPTERS_MESSAGE_MAX];
	uint32_t count = 0;
	const struct migration_options options = {
		.without_backup = without_backup, .kept = print_kept, .applied = print_applied, .context = &count};
	if (!adapters_migrate(invocation->config, &options, message))
		return complain("%s", message);
	puts(count == 0 ? "nothing to do: the schema is up to date" : "the schema is up to date");
	return count == 0 ? EXIT_DONE : audit_trail_write(invocation->config, SLICE("migrate"), SLICE(""), EXIT_DONE);
}
