/* scratch.c: makes and removes the folder. */
#include "scratch.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void scratch_make(struct scratch *scratch)
{
	(void)snprintf(scratch->directory, sizeof scratch->directory, "/tmp/tro-sqlite-XXXXXX");
	const char *made = mkdtemp(scratch->directory);
	assert(made != NULL);
	(void)made;
	(void)snprintf(scratch->path, sizeof scratch->path, "%s/tro.db", scratch->directory);
}

void scratch_remove(struct scratch *scratch)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[96];
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		(void)snprintf(path, sizeof path, "%s%s", scratch->path, suffixes[i]);
		(void)unlink(path);
	}
	(void)rmdir(scratch->directory);
}

void scratch_migrate(struct scratch *scratch)
{
	char message[SQLITE_MESSAGE_MAX];
	enum error error = sqlite_migrate(scratch->path, NULL, message);
	assert(error == OK);
	(void)error;
}

struct store *scratch_store(struct scratch *scratch)
{
	char message[SQLITE_MESSAGE_MAX];
	struct store *store = NULL;
	enum error error = sqlite_store_open(scratch->path, false, &store, message);
	assert(error == OK);
	(void)error;
	return store;
}

struct reader *scratch_reader(struct scratch *scratch)
{
	char message[SQLITE_MESSAGE_MAX];
	struct reader *reader = NULL;
	enum error error = sqlite_reader_open(scratch->path, &reader, message);
	assert(error == OK);
	(void)error;
	return reader;
}

void scratch_execute(struct scratch *scratch, const char *sql)
{
	sqlite3 *handle = NULL;
	int code = sqlite3_open(scratch->path, &handle);
	if (code == SQLITE_OK)
		code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
	assert(code == SQLITE_OK);
	(void)sqlite3_close(handle);
}
