/* session.c: settings by what the server is, and a look at the schema.
 *
 * Nothing waits without an end: connecting has one limit (connect.h), everything else a deadline on this side. */
#include "adapters/postgres/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/connect.h"
#include "adapters/sql/migration_files.h"

#define SESSION_ANSWER_MS 3000 /* to each of the questions that a new session begins with */

/* A lane waits for a lock or a statement so long and not longer. */
static const char common_settings[] =
	"SET statement_timeout = 10000; SET lock_timeout = 2000; SET idle_in_transaction_session_timeout = 10000";

/* Statements are prepared while tables may be empty, and must still be right for millions of rows: only plans by index. For the rest of an
 * exchange a server waits without any limit, with rows locked: it is to notice when the client's machine is gone. */
static const char postgres_settings[] =
	"SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
	"SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
	"SET plan_cache_mode = force_generic_plan; SET jit = off; SET default_transaction_isolation = 'read committed'";

/* Readers see everything committed before they ask: nobody may make them read what followers have by now. */
static const char cockroach_settings[] =
	"SET default_transaction_use_follower_reads = off; SET default_transaction_isolation = 'serializable'";

/* Sessions that only read may be idle between reads, and read much at once. */
static const char look_settings[] = "SET default_transaction_read_only = on; SET statement_timeout = 300000;"
				    "SET idle_in_transaction_session_timeout = 300000";

/* Asked of every new session, in text. */
static const char select_schema[] = "SELECT max(number), (SELECT value FROM meta WHERE name = 'replaying'),"
				    " (SELECT value FROM meta WHERE name = 'schema_floor') FROM migrations";

static bool configure(struct connection *connection)
{
	assert(connection->handle != NULL);
	const char *settings = connection_is_cockroach(connection) ? cockroach_settings : postgres_settings;
	return connection_run(connection, common_settings, SESSION_ANSWER_MS, NULL) == STORE_OK &&
	       connection_run(connection, settings, SESSION_ANSWER_MS, NULL) == STORE_OK &&
	       (!connection->looks || connection_run(connection, look_settings, SESSION_ANSWER_MS, NULL) == STORE_OK);
}

/* Whether the tables are those of this program, and whole. */
static bool check_schema(struct connection *connection)
{
	assert(connection->handle != NULL && connection->statement_count > 0);
	PGresult *answer;
	if (connection_run(connection, select_schema, SESSION_ANSWER_MS, &answer) != STORE_OK) {
		if (strcmp(connection->state, "42P01") == 0)
			connection_complain(connection, "the database has no schema of TRO", "run 'tro migrate'");
		return false;
	}
	char difference[96];
	const struct schema schema = {.version = strtol(PQgetvalue(answer, 0, 0), NULL, 10),
	                              .floor = strtol(PQgetvalue(answer, 0, 2), NULL, 10)};
	bool is_replaying = strcmp(PQgetvalue(answer, 0, 1), "0") != 0;
	PQclear(answer);
	(void)snprintf(difference, sizeof difference, "schema %lld, which programs may serve from %lld on; the program knows %lld",
	               (long long)schema.version, (long long)schema.floor, (long long)migration_latest(embedded_postgres_migrations));
	enum schema_fit fit = schema_judge(embedded_postgres_migrations, POSTGRES_OLDEST_SCHEMA, &schema);
	if (fit == SCHEMA_IS_NEWER)
		connection_complain(connection, NEWER_PROBLEM, difference);
	else if (fit == SCHEMA_IS_OLDER)
		connection_complain(connection, "the schema of the database is older than this program, run 'tro migrate'", difference);
	else if (is_replaying && connection->refuses_replay)
		connection_complain(connection, REPLAYING_PROBLEM, REPLAYING_ADVICE);
	else
		return true;
	return false;
}

bool session_make(struct connection *connection)
{
	assert(connection->handle == NULL);
	if (!connect_session(connection))
		return false;
	if (!configure(connection))
		return false;
	return connection->statement_count == 0 || check_schema(connection);
}
