/* migrations.c: brings the tables of the database up to what the program was built with (db/postgres/NNN_*.sql).
 *
 * A migration writes the row of number 0 first, in the transaction of everything else: others wait for its lock, on servers that
 * have advisory locks and on those that have none. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connection.h"
#include "adapters/sql/migration_files.h"
#include "base/embedded.h"
#include "base/now.h"

#define TIMEOUT_MS 600000
#define TRIES_MAX 10
#define PAUSE_MS 50 /* before the second try; each further one waits as much longer */

static const char make_table[] =
	"CREATE TABLE IF NOT EXISTS migrations (number int8 PRIMARY KEY, name text NOT NULL, checksum int8 NOT "
	"NULL, applied_at int8 NOT NULL);"
	"INSERT INTO migrations (number, name, checksum, applied_at) VALUES (0, 'lock', 0, 0) ON CONFLICT (number) DO NOTHING";
static const char take_lock[] = "SET lock_timeout = 60000; SET statement_timeout = 0; BEGIN;"
				"UPDATE migrations SET applied_at = applied_at + 1 WHERE number = 0";
static const char select_applied[] = "SELECT number, name, checksum FROM migrations WHERE number > 0 ORDER BY number";

static enum error fail(const struct connection *connection, const char *what, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(what != NULL);
	(void)snprintf(message, POSTGRES_MESSAGE_MAX, "%s: %s", what, connection->problem);
	return ERR_SYSTEM;
}

/* Whether the database lets this program write though it has migrations that the program lacks. */
static bool may_be_newer(struct connection *connection)
{
	PGresult *answer = NULL;
	if (connection_run(connection, "SELECT value FROM meta WHERE name = 'schema_floor'", TIMEOUT_MS, &answer) != STORE_OK)
		return false;
	int64_t floor = PQntuples(answer) == 1 ? strtoll(PQgetvalue(answer, 0, 0), NULL, 10) : 0;
	PQclear(answer);
	return floor > 0 && floor <= migration_latest(embedded_postgres_migrations);
}

/* The applied migrations must be the program's first ones; the database may have later ones if it allows this program. *ret_next is the
 * first file that was not applied. */
static enum error check_applied(struct connection *connection, const struct embedded_file **ret_next,
                                char message[static POSTGRES_MESSAGE_MAX])
{
	assert(connection->handle != NULL && ret_next != NULL);
	const struct embedded_file *file = embedded_postgres_migrations;
	PGresult *applied = NULL;
	enum error error = OK;
	if (connection_run(connection, select_applied, TIMEOUT_MS, &applied) != STORE_OK)
		error = fail(connection, "the database cannot be migrated", message);
	for (int row = 0; error == OK && row < PQntuples(applied); row++) {
		if (file->name == NULL && may_be_newer(connection))
			break;
		error = migration_check(file++, strtoll(PQgetvalue(applied, row, 0), NULL, 10), PQgetvalue(applied, row, 1),
		                        strtoll(PQgetvalue(applied, row, 2), NULL, 10), message);
	}
	PQclear(applied);
	if (error == OK)
		*ret_next = file;
	return error;
}

/* CockroachDB also gets what stands in comments that begin with crdb: there is no other SQL that only one of the servers takes. */
static void reveal(char *sql)
{
	assert(sql != NULL);
	static const char opening[] = "/*crdb", closing[] = "*/";
	while ((sql = strstr(sql, opening)) != NULL) {
		char *end = strstr(sql, closing);
		assert(end != NULL);
		memset(sql, ' ', sizeof opening - 1);
		memset(end, ' ', sizeof closing - 1);
	}
}

static enum store_result run_file(struct connection *connection, const struct embedded_file *file)
{
	assert(file->data != NULL);
	char *sql = strdup(file->data);
	if (sql == NULL)
		return STORE_DOWN;
	if (connection_is_cockroach(connection))
		reveal(sql);
	enum store_result result = connection_run(connection, sql, TIMEOUT_MS, NULL);
	free(sql);
	return result;
}

/* A file that removes something raises the floor, and the epoch with it: changes that others decided on the earlier tables are not
 * written, and they look at the floor before they decide again. */
static enum store_result raise_floor(struct connection *connection, int64_t floor)
{
	char update[256];
	if (floor == 0)
		return STORE_OK;
	int length = snprintf(update, sizeof update,
	                      "UPDATE meta SET value = value + 1 WHERE name = 'epoch';"
	                      "UPDATE meta SET value = greatest(value, %lld) WHERE name = 'schema_floor'",
	                      (long long)floor);
	assert(length > 0 && (size_t)length < sizeof update);
	(void)length;
	return connection_run(connection, update, TIMEOUT_MS, NULL);
}

static enum error apply_file(struct connection *connection, const struct embedded_file *file, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(file->name != NULL);
	char insert[512];
	int length = snprintf(insert, sizeof insert,
	                      "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (%lld, '%s', %lld, %lld)",
	                      (long long)migration_number(file), file->name, (long long)migration_checksum(file), (long long)wall_now_ms());
	assert(length > 0 && (size_t)length < sizeof insert);
	(void)length;
	if (run_file(connection, file) == STORE_OK && raise_floor(connection, migration_floor(file)) == STORE_OK &&
	    connection_run(connection, insert, TIMEOUT_MS, NULL) == STORE_OK)
		return OK;
	return fail(connection, file->name, message);
}

/* *ret_first is the first file that was applied now; those after it were too. */
static enum error migrate_all(struct connection *connection, const struct embedded_file **ret_first,
                              char message[static POSTGRES_MESSAGE_MAX])
{
	assert(ret_first != NULL);
	static const char what[] = "the database cannot be migrated";
	const struct embedded_file *first = NULL;
	if (connection_begin(connection) != STORE_OK || connection_run(connection, make_table, TIMEOUT_MS, NULL) != STORE_OK ||
	    connection_run(connection, take_lock, TIMEOUT_MS, NULL) != STORE_OK)
		return fail(connection, what, message);
	enum error error = check_applied(connection, &first, message);
	for (const struct embedded_file *file = first; error == OK && file->name != NULL; file++)
		error = apply_file(connection, file, message);
	if (error == OK && connection_run(connection, "COMMIT", TIMEOUT_MS, NULL) != STORE_OK)
		error = fail(connection, what, message);
	if (error == OK)
		*ret_first = first;
	return error;
}

/* Whether what failed last may go well when it is tried again: a conflict, or a table that two began to make at once. */
static bool has_collided(const struct connection *connection)
{
	assert(connection != NULL);
	static const char *const prefixes[] = {"40", "23505", "42710", "42P07"};
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++)
		if (strncmp(connection->state, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

enum error postgres_migrate(const char *dsn, void (*applied)(void *context, const char *name), void *context,
                            char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL);
	struct connection connection;
	const struct embedded_file *first = NULL;
	enum error error = connection_open(dsn, NULL, 0, &connection, message);
	if (error != OK)
		return error;
	error = migrate_all(&connection, &first, message);
	for (int tries = 1; error == ERR_SYSTEM && has_collided(&connection) && tries < TRIES_MAX; tries++) {
		pause_ms((uint64_t)PAUSE_MS * (uint64_t)tries);
		if (connection_run(&connection, "ROLLBACK", TIMEOUT_MS, NULL) == STORE_OK)
			error = migrate_all(&connection, &first, message);
	}
	connection_release(&connection); /* and with it a transaction that was not committed */
	for (const struct embedded_file *file = first; error == OK && applied != NULL && file->name != NULL; file++)
		applied(context, file->name);
	return error;
}
