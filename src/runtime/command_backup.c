/* command_backup.c: `tro backup`: a copy of the embedded store while servers run. */
#include <stdio.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store_file.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"
#include "runtime/verification.h"

/* The copy must be whole, and what its events say. */
static int copy_and_verify(const struct invocation *invocation, const char *store, const char *copy)
{
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (sqlite_copy(store, true, copy, message) != OK)
		return complain("%s", message);
	if (!adapters_look_at(copy, invocation->config->systems.mongo_uri == NULL, &adapters, message))
		return complain("%s", message);
	int code = verification_run(invocation, &adapters);
	adapters_close(&adapters);
	return code == EXIT_DONE ? code : complain("the copy of %s was not kept: it did not pass its check", store);
}

int run_backup(const struct invocation *invocation)
{
	const char *name = NULL;
	bool may_replace = false;
	const struct flag flags[] = {{.name = "--force", .is_given = &may_replace}};
	int code = flags_read("backup", invocation, flags, ARRAY_LENGTH(flags), &name, 1);
	if (code != EXIT_DONE)
		return code;
	if (name == NULL)
		return complain_usage("backup", "FILE is missing");
	char path[ADAPTERS_PATH_MAX], message[ADAPTERS_MESSAGE_MAX];
	struct store_file file;
	if (!adapters_store_path(invocation->config, path, message))
		return complain("%s", message);
	if (access(path, F_OK) != 0)
		return complain("there is no store at %s: set DATA_DIR to that of the running server", path);
	if (!store_file_begin(name, may_replace, &file, message))
		return complain("%s", message);
	code = copy_and_verify(invocation, path, file.partial);
	if (code != EXIT_DONE) {
		store_file_abandon(&file);
		return code;
	}
	if (!store_file_finish(&file, message))
		return complain("%s", message);
	printf("%s is a verified copy of %s\n", name, path);
	return EXIT_DONE;
}
