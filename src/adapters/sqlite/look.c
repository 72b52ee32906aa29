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
	char problem[SQLITE_MESSAGE_MAX];
	enum error error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	error = migrations_check(&database, 0, problem);
	database_release(&database);
	if (error != OK)
		(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.200s: %.300s", path, problem);
	return error;
}
