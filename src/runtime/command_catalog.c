/* command_catalog.c: `tro catalog rebuild`: the operator's care for what people browse. */
#include <stdio.h>

#include "app/catalog_rebuilder.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

static void show_progress(void *context, const struct catalog_rebuild *rebuild)
{
	(void)context;
	fprintf(stderr, "%llu events looked at, %llu made again\n", (unsigned long long)rebuild->ret_sales,
	        (unsigned long long)rebuild->ret_made);
}

static int rebuild_with(const struct adapters *adapters)
{
	char message[ADAPTERS_MESSAGE_MAX], id[UUID_TEXT_LENGTH + 1];
	struct catalog_rebuild rebuild = {.reader = adapters->readers[0], .catalog = adapters->catalog, .progress = show_progress};
	enum error error = catalog_rebuild(&rebuild);
	if (error != OK)
		return complain("%s", adapters_explain(adapters, error, message));
	printf("%llu events, %llu entries made again, %llu of no event dropped\n", (unsigned long long)rebuild.ret_sales,
	       (unsigned long long)rebuild.ret_made, (unsigned long long)rebuild.ret_dropped);
	if (rebuild.ret_unplaced == 0)
		return EXIT_DONE;
	uuid_format(&rebuild.ret_last_unplaced, id);
	return complain("%llu events contradict themselves and were left as they are, the last of them %s: 'tro verify' says how",
	                (unsigned long long)rebuild.ret_unplaced, id);
}

int run_catalog_rebuild(const struct invocation *invocation)
{
	int code = flags_read("catalog rebuild", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open(invocation->config, ROLE_TOOL, &adapters, message))
		return complain("%s", message);
	code = rebuild_with(&adapters);
	adapters_close(&adapters);
	return audit_trail_write(invocation->config, SLICE("catalog rebuild"), SLICE(""), code);
}
