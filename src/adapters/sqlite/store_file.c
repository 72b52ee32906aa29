/* store_file.c: see store_file.h. */
#include "adapters/sqlite/store_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(const char *path, const char *what, char message[static SQLITE_MESSAGE_MAX])
{
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.300s %s: %s", path, what, strerror(errno));
	return false;
}

static bool is_taken(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return false;
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.400s is there already: --force replaces it", path);
	return true;
}

/* Whether the name still leads to the file that was locked: another process may have finished with it in between. */
static bool is_ours(const struct store_file *file)
{
	struct stat locked, named;
	return fstat(file->lock, &locked) == 0 && lstat(file->partial, &named) == 0 && locked.st_dev == named.st_dev &&
	       locked.st_ino == named.st_ino && S_ISREG(locked.st_mode);
}

bool store_file_begin(const char *path, bool may_replace, struct store_file *ret_file, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_file != NULL);
	struct store_file file = {.may_replace = may_replace, .lock = -1};
	if (strlen(path) >= sizeof file.path || *path == '\0') {
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "FILE is empty, or longer than a path can be");
		return false;
	}
	(void)snprintf(file.path, sizeof file.path, "%s", path);
	(void)snprintf(file.partial, sizeof file.partial, "%s.partial", path);
	if (!may_replace && is_taken(path, message))
		return false;
	file.lock = open(file.partial, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file.lock < 0)
		return fail(file.partial, "cannot be made", message);
	if (flock(file.lock, LOCK_EX | LOCK_NB) != 0 || !is_ours(&file)) {
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.400s is being written by another program", file.partial);
		(void)close(file.lock);
		return false;
	}
	if (fchmod(file.lock, 0600) != 0 || ftruncate(file.lock, 0) != 0 || sqlite_remove_logs(file.partial, message) != OK) {
		(void)fail(file.partial, "cannot be written", message);
		(void)close(file.lock);
		return false;
	}
	*ret_file = file;
	return true;
}

/* A rename that never replaces, also on file systems that cannot do it in one step. */
static bool rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	return (errno == EINVAL || errno == ENOSYS) && link(from, to) == 0 && unlink(from) == 0;
}

static bool sync_folder_of(const char *path)
{
	char folder[STORE_FILE_PATH_MAX];
	const char *slash = strrchr(path, '/');
	(void)snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1), slash == NULL ? "." : path);
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_synced = descriptor >= 0 && fsync(descriptor) == 0;
	if (descriptor >= 0)
		(void)close(descriptor);
	return is_synced;
}

bool store_file_finish(struct store_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	assert(file->lock >= 0);
	bool is_renamed = file->may_replace ? rename(file->partial, file->path) == 0 : rename_to_new(file->partial, file->path);
	if (!is_renamed) {
		if (errno != EEXIST || !is_taken(file->path, message))
			(void)fail(file->path, "cannot be put in place", message);
		store_file_abandon(file);
		return false;
	}
	bool is_synced = sync_folder_of(file->path);
	if (!is_synced)
		(void)fail(file->path, "is in place, but its folder cannot be synced to the disk", message);
	(void)close(file->lock);
	file->lock = -1;
	return is_synced;
}

void store_file_abandon(struct store_file *file)
{
	char ignored[SQLITE_MESSAGE_MAX];
	assert(file->lock >= 0);
	(void)sqlite_remove_logs(file->partial, ignored);
	(void)unlink(file->partial);
	(void)close(file->lock);
	file->lock = -1;
}
