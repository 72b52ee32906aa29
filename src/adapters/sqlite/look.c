/* look.c: whether a file that is only to be looked at is one of this program's. */
#include <assert.h>
#include <stdio.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/migrations.h"

enum error sqlite_look(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {
		.path = path,
		.statements = migrations_select,
		.statement_count = 1,
		.cache_kib = 64,
		.looks = true,
	};
	struct database database;
	const char *lacks = NULL;
	enum error error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	error = migrations_check(&database, 0, &lacks, message);
	database_release(&database);
	if (error != OK || lacks == NULL)
		return error;
	(void)snprintf(message, SQLITE_MESSAGE_MAX,
	               "%s: its schema is older than this program: it lacks %s. 'tro migrate' brings it up to date, in place", path, lacks);
	return ERR_CORRUPT;
}
