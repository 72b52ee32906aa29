/* command_backup.c: `tro backup`: a copy of the embedded store while servers run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store_file.h"
#include "base/path.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"
#include "runtime/verification.h"

/* The files that a server keeps beside its store are not replaced either. */
static bool belongs_to_server(const char *name, const char *path, const char *data_dir)
{
	static const char *const kept[] = {"secrets", "lock", "forgotten"};
	char other[ADAPTERS_PATH_MAX];
	for (size_t i = 0; i < ARRAY_LENGTH(kept); i++) {
		int length = snprintf(other, sizeof other, "%s/%s", data_dir, kept[i]);
		if (length > 0 && (size_t)length < sizeof other && store_file_is_of(name, other))
			return true;
	}
	char *real = realpath(path, NULL); /* SQLite keeps the log beside the file that a link leads to */
	bool belongs = store_file_is_of(name, path) || (real != NULL && store_file_is_of(name, real));
	free(real);
	return belongs;
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
	if (strcmp(name, "-") == 0)
		return complain_usage("backup", "a backup cannot be written to standard output: name a FILE");
	char path[ADAPTERS_PATH_MAX], message[ADAPTERS_MESSAGE_MAX];
	struct store_file file;
	if (!adapters_store_path(invocation->config, path, message))
		return complain("%s", message);
	if (access(path, F_OK) != 0)
		return complain("there is no store at %s: set DATA_DIR to that of the running server", path);
	if (belongs_to_server(name, path, invocation->config->systems.data_dir))
		return complain("%s belongs to the running server: name a file elsewhere for the backup", name);
	if (!store_file_begin(name, may_replace, &file, message))
		return complain("%s", message);
	bool is_copied = sqlite_copy(path, true, file.partial, message) == OK;
	code = is_copied ? verification_run_copy(invocation, file.partial, path, "backed up") : complain("%s", message);
	if (code != EXIT_DONE) {
		store_file_abandon(&file);
		return code;
	}
	if (!store_file_finish(&file, message))
		return complain("%s", message);
	printf("%s is a verified copy of %s\n", name, path);
	return audit_trail_write(invocation->config, SLICE("backup"), slice_of(name), EXIT_DONE);
}
