/* migrations.c: brings the tables of the file up to what the program was built with (db/sqlite/NNN_*.sql). */
#include "adapters/sqlite/migrations.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/store_file.h"
#include "adapters/sql/migration_files.h"
#include "base/embedded.h"
#include "base/file_owner.h"

enum {
	SELECT_MIGRATIONS,
	INSERT_MIGRATION,
	STATEMENT_COUNT,
};

#define SELECT "SELECT number, name, checksum FROM migrations ORDER BY number"

const char *const migrations_select[1] = {SELECT};

static const char *const statements[STATEMENT_COUNT] = {
	[SELECT_MIGRATIONS] = SELECT,
	[INSERT_MIGRATION] = "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, unixepoch() * 1000)",
};

static const char create_migrations[] =
	"CREATE TABLE IF NOT EXISTS migrations ("
	"number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER NOT NULL, applied_at INTEGER NOT NULL)";

int64_t migrations_known(void)
{
	return migration_latest(embedded_sqlite_migrations);
}

static int take_number(void *context, int count, char **values, char **names)
{
	(void)count;
	(void)names;
	*(int64_t *)context = values[0] == NULL ? 0 : strtoll(values[0], NULL, 10);
	return 0;
}

/* Asked without a prepared statement, since `meta` is not there before the first migration. */
static int64_t read_floor(struct database *database)
{
	int64_t floor = 0;
	(void)sqlite3_exec(database->handle, "SELECT value FROM meta WHERE name = 'schema_floor'", take_number, &floor, NULL);
	return floor;
}

/* The applied migrations must be the program's first ones; the file may have later ones if it allows this program. *ret_next is the
 * first file that was not applied; *ret_schema the file's schema. */
static enum error check_applied(struct database *database, uint32_t statement, const struct embedded_file **ret_next,
                                struct schema *ret_schema, char message[static SQLITE_MESSAGE_MAX])
{
	assert(statement < database->statement_count && ret_next != NULL);
	const struct embedded_file *file = embedded_sqlite_migrations;
	struct schema schema = {.floor = read_floor(database)};
	bool may_be_newer = schema.floor > 0 && schema.floor <= migrations_known();
	enum error error = OK;
	int code;
	while (error == OK && (code = database_step(database, statement)) == SQLITE_ROW) {
		sqlite3_stmt *row = database->statements[statement];
		schema.version = sqlite3_column_int64(row, 0);
		if (file->name == NULL && may_be_newer)
			continue;
		const char *name = (const char *)sqlite3_column_text(row, 1);
		error = migration_check(file++, schema.version, name == NULL ? "without a name" : name, sqlite3_column_int64(row, 2),
		                        message);
	}
	if (error == OK && code != SQLITE_DONE) {
		database_explain(database, "migrations", message);
		error = ERR_SYSTEM;
	}
	database_reset(database, statement);
	if (error == OK) {
		*ret_next = file;
		*ret_schema = schema;
	}
	return error;
}

enum error migrations_check(struct database *database, uint32_t statement, char message[static SQLITE_MESSAGE_MAX])
{
	assert(database != NULL);
	const struct embedded_file *next = NULL;
	struct schema schema;
	enum error error = check_applied(database, statement, &next, &schema, message);
	if (error != OK || schema_judge(embedded_sqlite_migrations, SQLITE_OLDEST_SCHEMA, &schema) == SCHEMA_FITS)
		return error;
	(void)snprintf(message, SQLITE_MESSAGE_MAX,
	               "its schema is older than this program: it lacks %s. 'tro migrate' brings it up to date, in place", next->name);
	return ERR_CORRUPT;
}

enum error sqlite_check_store(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {.path = path,
	                                         .statements = migrations_select,
	                                         .statement_count = ARRAY_LENGTH(migrations_select),
	                                         .cache_kib = 256,
	                                         .looks = true};
	const struct embedded_file *next = embedded_sqlite_migrations;
	struct database database;
	struct schema schema;
	char problem[SQLITE_MESSAGE_MAX] = "";
	if (database_open(&options, &database, problem) == OK) {
		enum error error = check_applied(&database, 0, &next, &schema, message);
		database_release(&database);
		if (error != OK || next != embedded_sqlite_migrations)
			return error;
	}
	(void)snprintf(message, SQLITE_MESSAGE_MAX,
	               "it is empty, or the database of another program: it has none of a store's migrations%s%.300s",
	               problem[0] == '\0' ? "" : "; ", problem);
	return ERR_CORRUPT;
}

/* A file that takes something away raises the floor, and with the epoch it ends what was begun on the tables as they were. */
static int raise_floor(struct database *database, int64_t floor)
{
	char sql[256];
	if (floor == 0)
		return SQLITE_OK;
	int length = snprintf(sql, sizeof sql,
	                      "UPDATE meta SET value = max(value, %lld) WHERE name = 'schema_floor';"
	                      "UPDATE meta SET value = value + 1 WHERE name = 'epoch'",
	                      (long long)floor);
	assert(length > 0 && (size_t)length < sizeof sql);
	(void)length;
	return database_execute(database, sql);
}

static enum error apply_file(struct database *database, const struct embedded_file *file, char message[static SQLITE_MESSAGE_MAX])
{
	assert(file->name != NULL && file->data != NULL);
	assert(sqlite3_get_autocommit(database->handle) == 0);
	sqlite3_stmt *insert = database->statements[INSERT_MIGRATION];
	bind_int(insert, 1, migration_number(file));
	bind_text(insert, 2, slice_of(file->name));
	bind_int(insert, 3, migration_checksum(file));
	if (database_execute(database, file->data) == SQLITE_OK && raise_floor(database, migration_floor(file)) == SQLITE_OK &&
	    database_run(database, INSERT_MIGRATION) == SQLITE_OK)
		return OK;
	database_explain(database, file->name, message);
	return ERR_SYSTEM;
}

static enum error give_to_owner(int file, const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(file >= 0 && path != NULL);
	if (file_owner_as_folder(file, path))
		return OK;
	(void)snprintf(message, SQLITE_MESSAGE_MAX, "%.300s cannot be given the owner of its folder: %s", path, strerror(errno));
	return ERR_SYSTEM;
}

/* The parts of one migration of a file. */
struct work {
	const char *path;
	struct database database;
	const struct embedded_file *first; /* the first file that is applied now; those after it are too */
	char kept[STORE_FILE_PATH_MAX];    /* the copy of the file as it was; empty: none */
};

/* The copy is read beside the transaction of the migration, which has not written yet and lets nobody else write. */
static enum error keep_copy(struct work *work, char message[static SQLITE_MESSAGE_MAX])
{
	assert(work->path != NULL && work->first != NULL);
	char name[STORE_FILE_PATH_MAX], moment[32];
	struct tm utc;
	time_t now = time(NULL);
	struct store_file file;
	(void)strftime(moment, sizeof moment, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	int length = snprintf(name, sizeof name, "%s.schema-%03lld.%s", work->path, (long long)migration_number(work->first - 1), moment);
	if (length < 0 || (size_t)length >= sizeof name || !store_file_begin(name, false, &file, message))
		return ERR_SYSTEM;
	enum error error = give_to_owner(file.lock, file.partial, message);
	if (error == OK)
		error = sqlite_copy(work->path, true, file.partial, message);
	if (error != OK)
		store_file_abandon(&file);
	else if (!store_file_finish(&file, message))
		error = ERR_SYSTEM;
	if (error == OK)
		(void)snprintf(work->kept, sizeof work->kept, "%s", name);
	return error;
}

static enum error migrate_all(struct work *work, bool keeps_backup, char message[static SQLITE_MESSAGE_MAX])
{
	char problem[SQLITE_MESSAGE_MAX] = "the path is too long";
	struct schema schema;
	enum error error = check_applied(&work->database, SELECT_MIGRATIONS, &work->first, &schema, message);
	bool has_contents = work->first != embedded_sqlite_migrations;
	if (error == OK && keeps_backup && has_contents && work->first->name != NULL && keep_copy(work, problem) != OK) {
		(void)snprintf(message, SQLITE_MESSAGE_MAX,
		               "the store is as it was, because no copy of it could be made before its migration: %.350s", problem);
		error = ERR_SYSTEM;
	}
	for (const struct embedded_file *file = work->first; error == OK && file->name != NULL; file++)
		error = apply_file(&work->database, file, message);
	if (error == OK && database_execute(&work->database, "COMMIT") != SQLITE_OK) {
		database_explain(&work->database, "migrations", message);
		error = ERR_SYSTEM;
	}
	if (error != OK && work->kept[0] != '\0')
		(void)unlink(work->kept); /* the store itself has not changed */
	return error;
}

/* A new store that root makes belongs to the owner of its folder, as SQLite's own files beside it then do. A file that cannot be made here
 * cannot be opened afterwards either, and then SQLite says why. */
static enum error make_file(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0)
		return OK;
	enum error error = give_to_owner(file, path, message);
	if (error != OK)
		(void)unlink(path); /* the next try would find it made */
	(void)close(file);
	return error;
}

/* The table of migrations is made first, since the statements that ask it are prepared when a database opens. */
static enum error make_table(const char *path, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL);
	const struct database_options options = {.path = path, .cache_kib = 256, .creates = true, .syncs = true};
	struct database database;
	enum error error = make_file(path, message);
	if (error == OK)
		error = database_open(&options, &database, message);
	if (error != OK)
		return error;
	if (database_execute(&database, create_migrations) != SQLITE_OK) {
		database_explain(&database, path, message);
		error = ERR_SYSTEM;
	}
	database_release(&database);
	return error;
}

static void tell(const struct work *work, const struct sqlite_migration *migration)
{
	assert(work != NULL && migration != NULL);
	if (migration->kept != NULL && work->kept[0] != '\0')
		migration->kept(migration->context, work->kept);
	for (const struct embedded_file *file = work->first; migration->applied != NULL && file->name != NULL; file++)
		migration->applied(migration->context, file->name);
}

enum error sqlite_migrate(const char *path, const struct sqlite_migration *migration, char message[static SQLITE_MESSAGE_MAX])
{
	static const struct sqlite_migration silent = {0};
	assert(path != NULL);
	enum error error = make_table(path, message);
	if (error != OK)
		return error;
	if (migration == NULL)
		migration = &silent;
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = 1024, .syncs = true};
	struct work work = {.path = path};
	error = database_open(&options, &work.database, message);
	if (error != OK)
		return error;
	if (database_execute(&work.database, "BEGIN IMMEDIATE") != SQLITE_OK) {
		database_explain(&work.database, path, message);
		error = ERR_SYSTEM;
	}
	if (error == OK)
		error = migrate_all(&work, migration->keeps_backup, message);
	database_rollback(&work.database);
	database_release(&work.database);
	if (error == OK)
		tell(&work, migration);
	return error;
}
