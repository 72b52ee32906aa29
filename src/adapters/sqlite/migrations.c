/* migrations.c: brings the tables of the file up to what the program was built with (db/sqlite/NNN_*.sql). */
#include <stdio.h>

#include "adapters/sqlite/migrations.h"

#include "adapters/sqlite/database.h"
#include "adapters/sql/migration_files.h"
#include "base/embedded.h"

enum {
	SELECT_MIGRATIONS,
	INSERT_MIGRATION,
	STATEMENT_COUNT,
};

#define SELECT "SELECT number, name, checksum FROM migrations ORDER BY number"

const char *const migrations_select[1] = {SELECT};

static const char *const statements[STATEMENT_COUNT] = {
	[SELECT_MIGRATIONS] = SELECT,
	[INSERT_MIGRATION] = "INSERT INTO migrations VALUES (?, ?, ?, unixepoch() * 1000)",
};

static const char create_migrations[] =
	"CREATE TABLE IF NOT EXISTS migrations ("
	"number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER NOT NULL, applied_at INTEGER NOT NULL)";

/* What was applied must be what the program begins with. *ret_next is the first file that was not. */
static enum error check_applied(struct database *database, uint32_t statement, const struct embedded_file **ret_next,
                                char message[static SQLITE_MESSAGE_MAX])
{
	const struct embedded_file *file = embedded_sqlite_migrations;
	enum error error = OK;
	int code;
	while (error == OK && (code = database_step(database, statement)) == SQLITE_ROW) {
		sqlite3_stmt *row = database->statements[statement];
		error = migration_check(file++, sqlite3_column_int64(row, 0), (const char *)sqlite3_column_text(row, 1),
		                        sqlite3_column_int64(row, 2), message);
	}
	if (error == OK && code != SQLITE_DONE) {
		database_explain(database, "migrations", message);
		error = ERR_SYSTEM;
	}
	database_reset(database, statement);
	if (error == OK)
		*ret_next = file;
	return error;
}

enum error migrations_check(struct database *database, uint32_t statement, const char **ret_lacks, char message[static SQLITE_MESSAGE_MAX])
{
	const struct embedded_file *next = NULL;
	enum error error = check_applied(database, statement, &next, message);
	if (error == OK)
		*ret_lacks = next->name;
	return error;
}

static enum error apply_file(struct database *database, const struct embedded_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	sqlite3_stmt *insert = database->statements[INSERT_MIGRATION];
	bind_int(insert, 1, migration_number(file));
	bind_text(insert, 2, slice_of(file->name));
	bind_int(insert, 3, migration_checksum(file));
	if (database_execute(database, file->data) == SQLITE_OK && database_run(database, INSERT_MIGRATION) == SQLITE_OK)
		return OK;
	database_explain(database, file->name, message);
	return ERR_SYSTEM;
}

/* *ret_first is the first file that was applied now; those after it were too. */
static enum error migrate_all(struct database *database, const struct embedded_file **ret_first, char message[static SQLITE_MESSAGE_MAX])
{
	const struct embedded_file *first = NULL;
	enum error error = check_applied(database, SELECT_MIGRATIONS, &first, message);
	for (const struct embedded_file *file = first; error == OK && file->name != NULL; file++)
		error = apply_file(database, file, message);
	if (error == OK && database_execute(database, "COMMIT") != SQLITE_OK) {
		database_explain(database, "migrations", message);
		error = ERR_SYSTEM;
	}
	if (error == OK)
		*ret_first = first;
	return error;
}

/* The table of migrations is made first, since the statements that ask it are prepared when a database opens. */
static enum error make_table(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	const struct database_options options = {.path = path, .cache_kib = 256, .creates = true, .syncs = true};
	struct database database;
	enum error error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	if (database_execute(&database, create_migrations) != SQLITE_OK) {
		database_explain(&database, path, message);
		error = ERR_SYSTEM;
	}
	database_release(&database);
	return error;
}

enum error sqlite_migrate(const char *path, void (*applied)(void *context, const char *name), void *context,
                          char message[static SQLITE_MESSAGE_MAX])
{
	enum error error = make_table(path, message);
	if (error != OK)
		return error;
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = 1024, .syncs = true};
	struct database database;
	error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	if (database_execute(&database, "BEGIN IMMEDIATE") != SQLITE_OK) {
		database_explain(&database, path, message);
		error = ERR_SYSTEM;
	}
	const struct embedded_file *first = NULL;
	if (error == OK)
		error = migrate_all(&database, &first, message);
	database_rollback(&database);
	database_release(&database);
	for (const struct embedded_file *file = first; error == OK && applied != NULL && file->name != NULL; file++)
		applied(context, file->name);
	return error;
}
