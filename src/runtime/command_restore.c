/* command_restore.c: `tro restore`: puts a backup in the place of the embedded store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store_file.h"
#include "base/path.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/forgotten.h"
#include "runtime/process.h"
#include "runtime/terminal.h"
#include "runtime/verification.h"

/* Forgets the users who were forgotten since the backup was made. */
static int forget_in(const char *copy, const char *data_dir)
{
	struct privacy *privacy;
	char message[SQLITE_MESSAGE_MAX];
	uint32_t count;
	if (sqlite_privacy_open(copy, &privacy, message) != OK)
		return complain("%s", message);
	int code = forgotten_apply(data_dir, privacy, &count);
	privacy_free(privacy);
	if (count > 0)
		printf("%u users are forgotten again\n", count);
	return code;
}

/* The same as at the start of a server: a backup of an older program is brought up to date, here in the copy. */
static int copy_and_verify(const struct invocation *invocation, const char *backup, const char *copy)
{
	char message[ADAPTERS_MESSAGE_MAX];
	if (sqlite_copy(backup, false, copy, message) != OK || sqlite_check_store(copy, message) != OK ||
	    sqlite_migrate(copy, NULL, message) != OK)
		return complain("%s was not restored: %s", backup, message);
	if (forget_in(copy, invocation->config->systems.data_dir) != EXIT_DONE)
		return EXIT_FAILED;
	int code = verification_run_copy(invocation, copy, backup, "restored");
	if (code == EXIT_DONE) /* in the copy: when that takes its place the store says where it came from */
		return audit_trail_write_at(copy, SLICE("restore"), slice_of(backup), EXIT_DONE);
	return code;
}

/* The old store has its log to itself until here. Without a log it is whole, so that a crash before the rename leaves it, and one after it
 * leaves the new store without a log that is not its own. The log of a damaged store goes with it. */
static bool take_place(struct store_file *file, char message[static ADAPTERS_MESSAGE_MAX])
{
	enum error error = sqlite_retire(file->path, message);
	if ((error != OK && error != ERR_CORRUPT) || sqlite_remove_logs(file->path, message) != OK) {
		store_file_abandon(file);
		return false;
	}
	return store_file_finish(file, message);
}

static int restore(const struct invocation *invocation, const char *backup, const char *path, bool may_replace)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct store_file file;
	if (!store_file_begin(path, may_replace, &file, message))
		return complain("%s", message);
	if (!store_file_inherit(&file, message))
		return complain("%s", message);
	int code = copy_and_verify(invocation, backup, file.partial);
	if (code != EXIT_DONE) {
		store_file_abandon(&file);
		return code;
	}
	if (!take_place(&file, message))
		return complain("%s", message);
	printf("%s is restored from %s\n", path, backup);
	return EXIT_DONE;
}

int run_restore(const struct invocation *invocation)
{
	const char *backup = NULL;
	bool may_replace = false;
	const struct flag flags[] = {{.name = "--force", .is_given = &may_replace}};
	int code = flags_read("restore", invocation, flags, ARRAY_LENGTH(flags), &backup, 1);
	if (code != EXIT_DONE)
		return code;
	if (backup == NULL)
		return complain_usage("restore", "FILE is missing");
	char path[ADAPTERS_PATH_MAX], message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_store_path(invocation->config, path, message))
		return complain("%s", message);
	if (access(backup, R_OK) != 0)
		return complain("%s cannot be read: %s", backup, strerror(errno));
	if (store_file_is_of(backup, path))
		return complain("%s is the store itself or belongs to it, and is no backup of it", backup);
	if (!process_lock(invocation->config->systems.data_dir, message, sizeof message))
		return complain("%s", message);
	return restore(invocation, backup, path, may_replace);
}
