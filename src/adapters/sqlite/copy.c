/* copy.c: a copy of a file while others work on it, and making room for another file in its place. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/sqlite/database.h"

#define CACHE_KIB 8192

static enum error explain_errno(const char *path, const char *what, char message[static SQLITE_MESSAGE_MAX])
{
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.300s: %s: %s", path, what, strerror(errno));
	return ERR_SYSTEM;
}

static enum error sync_file(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	int file = open(path, O_RDWR | O_CLOEXEC);
	bool is_synced = file >= 0 && fsync(file) == 0;
	enum error error = is_synced ? OK : explain_errno(path, "cannot be synced to the disk", message);
	if (file >= 0)
		(void)close(file);
	return error;
}

/* All pages in one step: the source's read transaction lasts from the first to the last, so others write on and the copy is of one
 * moment. */
static enum error copy_pages(struct database *source, struct database *target, char message[static SQLITE_MESSAGE_MAX])
{
	sqlite3_backup *backup = sqlite3_backup_init(target->handle, "main", source->handle, "main");
	int code = SQLITE_BUSY;
	if (backup != NULL) {
		code = sqlite3_backup_step(backup, -1);
		int finish = sqlite3_backup_finish(backup);
		if (code != SQLITE_BUSY && code != SQLITE_LOCKED)
			code = finish;
	}
	if (code == SQLITE_OK)
		return OK;
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "the store cannot be copied: %s", sqlite3_errmsg(target->handle));
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB ? ERR_CORRUPT : ERR_SYSTEM;
}

/* Nobody else knows the copy yet: it needs no journal, and is synced as a whole when it is complete. */
static enum error copy_into(struct database *source, const char *to, char message[static SQLITE_MESSAGE_MAX])
{
	struct database target = {0};
	enum error error = ERR_SYSTEM;
	if (sqlite3_open_v2(to, &target.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    database_execute(&target, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") == SQLITE_OK)
		error = copy_pages(source, &target, message);
	else
		database_explain(&target, to, message);
	database_release(&target);
	return error != OK ? error : sync_file(to, message);
}

/* Whether the pages and indexes of a file that nobody writes to are whole. ERR_CORRUPT, ERR_SYSTEM. */
must_check static enum error check_integrity(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	static const char *const check[] = {"PRAGMA integrity_check(1)"};
	const struct database_options options = {
		.path = path, .statements = check, .statement_count = 1, .cache_kib = CACHE_KIB, .looks = true};
	struct database database;
	enum error error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	int code = database_step(&database, 0);
	struct slice found = column_text(database.statements[0], 0);
	if (code != SQLITE_ROW) {
		database_explain(&database, path, message);
		error = ERR_CORRUPT;
	} else if (!slice_equal(found, slice_of("ok"))) {
		const char *last =
			found.length == 0 ? NULL : memrchr(found.data, '\n', found.length - 1); /* a head line may be before it */
		struct slice words = last == NULL ? found : (struct slice){last + 1, found.length - (size_t)(last + 1 - found.data)};
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "its pages are damaged: %.*s", (int)strcspn(words.data, "\n"), words.data);
		error = ERR_CORRUPT;
	}
	database_release(&database);
	return error;
}

enum error sqlite_copy(const char *from, bool is_in_use, const char *to, char message[static SQLITE_MESSAGE_MAX])
{
	assert(from != NULL && to != NULL && strcmp(from, to) != 0);
	/* A connection that only looks may assume that nobody writes, which must stay true during the copy. */
	const struct database_options options = {.path = from, .cache_kib = CACHE_KIB, .looks = !is_in_use};
	struct database source;
	enum error error = database_open(&options, &source, message);
	if (error != OK)
		return error;
	error = copy_into(&source, to, message);
	database_release(&source);
	return error != OK ? error : check_integrity(to, message);
}

enum error sqlite_remove_logs(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
	char name[4096 + 16];
	assert(path != NULL && strlen(path) <= 4096);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		(void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		if (unlink(name) != 0 && errno != ENOENT)
			return explain_errno(name, "cannot be removed", message);
	}
	return OK;
}

enum error sqlite_retire(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	const struct database_options options = {.path = path, .cache_kib = 64, .syncs = true};
	struct database database;
	struct stat status;
	if (stat(path, &status) != 0)
		return errno == ENOENT ? OK : explain_errno(path, "cannot be looked at", message);
	if (database_open(&options, &database, message) != OK)
		return ERR_CORRUPT;
	/* This copies the log into the file and ends it; SQLite refuses while anybody else has the file open. */
	enum store_result result = database_result(database_execute(&database, "PRAGMA journal_mode = DELETE"));
	enum error error = OK;
	if (result == STORE_BUSY) {
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.300s is in use by another program", path);
		error = ERR_SYSTEM;
	} else if (result != STORE_OK) {
		database_explain(&database, path, message);
		error = result == STORE_CORRUPT ? ERR_CORRUPT : ERR_SYSTEM;
	}
	database_release(&database);
	return error;
}
