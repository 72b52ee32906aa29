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

#include "base/path.h"
#define PARTIAL ".partial"

static bool fail(const char *path, const char *what, char message[static SQLITE_MESSAGE_MAX])
{
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.300s %s: %s", path, what, strerror(errno));
	return false;
}

/* Whether both are the same name of the same folder. */
static bool is_one_place(const char *one, const char *other)
{
	char folders[2][STORE_FILE_PATH_MAX];
	return strcmp(path_name(one), path_name(other)) == 0 && path_folder(one, folders[0], sizeof folders[0]) &&
	       path_folder(other, folders[1], sizeof folders[1]) && path_is_same_file(folders[0], folders[1]);
}

bool store_file_is_of(const char *name, const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", PARTIAL};
	assert(name != NULL && path != NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char beside[STORE_FILE_PATH_MAX];
		int length = snprintf(beside, sizeof beside, "%s%s", path, suffixes[i]);
		bool is_whole = length > 0 && (size_t)length < sizeof beside;
		if (is_whole && (path_is_same_file(name, beside) || is_one_place(name, beside)))
			return true;
	}
	return false;
}

/* A device, a pipe or a folder that has the name is not to be replaced by a file. */
static bool is_special(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	struct stat status;
	if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
		return false;
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.400s is there already, and is not a regular file", path);
	return true;
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

/* Opens and locks the partial file, which may be left from before. */
static bool open_partial(struct store_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	file->lock = open(file->partial, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->lock < 0)
		return fail(file->partial, "cannot be made", message);
	if (flock(file->lock, LOCK_EX | LOCK_NB) == 0 && is_ours(file))
		return true;
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.400s is being written by another program", file->partial);
	(void)close(file->lock);
	return false;
}

/* A partial file with a second name was finished, and rename_to_new could not take away its old name. To write to it would destroy the
 * finished file, so the old name goes and another file gets it. */
static bool leave_finished(struct store_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	struct stat status;
	if (fstat(file->lock, &status) == 0 && status.st_nlink == 1)
		return true;
	bool is_away = unlink(file->partial) == 0 || fail(file->partial, "cannot be removed", message);
	(void)close(file->lock);
	return is_away && open_partial(file, message);
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
	(void)snprintf(file.partial, sizeof file.partial, "%s" PARTIAL, path);
	if (is_special(path, message) || (!may_replace && is_taken(path, message)))
		return false;
	if (!open_partial(&file, message) || !leave_finished(&file, message))
		return false;
	bool is_empty = fchmod(file.lock, 0600) == 0 && ftruncate(file.lock, 0) == 0;
	if (!is_empty)
		(void)fail(file.partial, "cannot be written", message);
	if (!is_empty || sqlite_remove_logs(file.partial, message) != OK) {
		store_file_abandon(&file);
		return false;
	}
	*ret_file = file;
	return true;
}

/* A rename that never replaces, also on file systems that cannot do it in one step. There the file is in place with its new name; an old
 * name that cannot be taken away is left to leave_finished. */
static bool rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	if ((errno != EINVAL && errno != ENOSYS) || link(from, to) != 0)
		return false;
	(void)unlink(from);
	return true;
}

/* Whether the owner of a folder can read and write a file in it. */
static bool is_usable(const struct stat *file, const struct stat *folder)
{
	mode_t needed = file->st_uid == folder->st_uid   ? S_IRUSR | S_IWUSR
	                : file->st_gid == folder->st_gid ? S_IRGRP | S_IWGRP
	                                                 : S_IROTH | S_IWOTH;
	return folder->st_uid == 0 || (file->st_mode & needed) == needed;
}

bool store_file_inherit(struct store_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	assert(file->lock >= 0);
	char name[STORE_FILE_PATH_MAX];
	struct stat folder, model, made;
	bool is_done = path_folder(file->path, name, sizeof name) && stat(name, &folder) == 0;
	if (is_done && (stat(file->path, &model) != 0 || !is_usable(&model, &folder))) {
		model = folder;
		model.st_mode = S_IRUSR | S_IWUSR;
	}
	if (is_done && fchown(file->lock, model.st_uid, model.st_gid) == 0)
		is_done = fchmod(file->lock, model.st_mode & 0777) == 0;
	is_done = is_done && fstat(file->lock, &made) == 0;
	if (is_done && is_usable(&made, &folder))
		return true;
	if (is_done)
		(void)snprintf(message, SQLITE_MESSAGE_MAX,
		               "%.300s belongs to user %u, who could not use a store of user %u: restore as that user, or as root", name,
		               (unsigned)folder.st_uid, (unsigned)made.st_uid);
	else
		(void)fail(file->partial, "cannot be given the owner of its folder", message);
	store_file_abandon(file);
	return false;
}

static bool sync_folder_of(const char *path)
{
	char folder[STORE_FILE_PATH_MAX];
	int descriptor = path_folder(path, folder, sizeof folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
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
