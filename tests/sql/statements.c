/* statements.c: prints every SQL text that the PostgreSQL adapter sends, by standing between it and libpq.
 *
 *	sql_statements DSN [cockroach]
 *
 * The DSN is that of an empty PostgreSQL. With `cockroach` the adapter takes it for a CockroachDB, and what the server does not take then is
 * printed and kept from it. Each text is preceded by a line that says how it is sent, "prepared store" or "run store", and followed by a
 * zero byte. */
#include <assert.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/postgres.h"

static bool is_cockroach;
static const char *user = "migrations";

int __real_PQsendPrepare(PGconn *session, const char *name, const char *sql, int count, const Oid *types);
int __real_PQsendQuery(PGconn *session, const char *sql);
int __real_PQsendQueryParams(PGconn *session, const char *sql, int count, const Oid *types, const char *const *values, const int *lengths,
                             const int *formats, int format);
const char *__real_PQparameterStatus(const PGconn *session, const char *name);
int __wrap_PQsendPrepare(PGconn *session, const char *name, const char *sql, int count, const Oid *types);
int __wrap_PQsendQuery(PGconn *session, const char *sql);
int __wrap_PQsendQueryParams(PGconn *session, const char *sql, int count, const Oid *types, const char *const *values, const int *lengths,
                             const int *formats, int format);
const char *__wrap_PQparameterStatus(const PGconn *session, const char *name);

static void print(const char *how, const char *sql)
{
	printf("%s %s\n%s%c", how, user, sql, '\0');
}

int __wrap_PQsendPrepare(PGconn *session, const char *name, const char *sql, int count, const Oid *types)
{
	print("prepared", sql);
	return __real_PQsendPrepare(session, name, sql, count, types);
}

int __wrap_PQsendQueryParams(PGconn *session, const char *sql, int count, const Oid *types, const char *const *values, const int *lengths,
                             const int *formats, int format)
{
	print("run", sql);
	return __real_PQsendQueryParams(session, sql, count, types, values, lengths, formats, format);
}

int __wrap_PQsendQuery(PGconn *session, const char *sql)
{
	static const char hash[] = "USING HASH", follower[] = "follower_reads";
	print("run", sql);
	if (!is_cockroach)
		return __real_PQsendQuery(session, sql);
	char *plain = strstr(sql, follower) == NULL ? strdup(sql) : strdup("SELECT 1");
	assert(plain != NULL);
	for (char *at = plain; (at = strstr(at, hash)) != NULL;)
		memset(at, ' ', sizeof hash - 1);
	int result = __real_PQsendQuery(session, plain);
	free(plain);
	return result;
}

const char *__wrap_PQparameterStatus(const PGconn *session, const char *name)
{
	return is_cockroach && strcmp(name, "crdb_version") == 0 ? "CockroachDB" : __real_PQparameterStatus(session, name);
}

static void must(bool is_right, const char *problem)
{
	if (is_right)
		return;
	fprintf(stderr, "%s: %s\n", user, problem);
	exit(1);
}

/* A session is made by the first use, and then everything is prepared. */
static void use_all(const char *dsn)
{
	struct store *store;
	struct reader *reader;
	struct outbox *outbox;
	struct catalog *catalog;
	struct audit *audit;
	struct privacy *privacy;
	const struct uuid nobody_else = {{1}};
	struct ping ping;
	char message[POSTGRES_MESSAGE_MAX] = "";
	must(postgres_migrate(dsn, NULL, NULL, message) == OK, message);
	user = "store";
	must(postgres_store_open(dsn, false, &store, message) == OK, message);
	must(store->operations->replay_begin(store) == STORE_OK, "it cannot be used");
	must(store->operations->replay_end(store, false) == STORE_OK, "it cannot be used");
	store_free(store);
	user = "reader";
	must(postgres_reader_open(dsn, &reader, message) == OK, message);
	must(reader->operations->ping(reader, &ping) == STORE_OK, ping.problem);
	must(reader->operations->snapshot_begin(reader) == STORE_OK, "it cannot be used");
	reader->operations->snapshot_end(reader);
	reader_free(reader);
	user = "outbox";
	must(postgres_outbox_open(dsn, &outbox, message) == OK, message);
	must(outbox->operations->release(outbox, &nobody_else) == STORE_OK, "it cannot be used");
	outbox_free(outbox);
	user = "catalog";
	must(postgres_catalog_open(dsn, &catalog, message) == OK, message);
	must(catalog->operations->ping(catalog) == CATALOG_OK, "it cannot be used");
	catalog_free(catalog);
	user = "audit";
	must(postgres_audit_open(dsn, &audit, message) == OK, message);
	must(audit->operations->prune(audit, 1) == STORE_OK, "it cannot be used");
	audit_free(audit);
	user = "privacy";
	must(postgres_privacy_open(dsn, &privacy, message) == OK, message);
	must(privacy->operations->begin(privacy, true) == STORE_OK, privacy->problem);
	must(privacy->operations->end(privacy, false) == STORE_OK, privacy->problem);
	privacy_free(privacy);
}

int main(int count, char **words)
{
	if (count < 2)
		return 2;
	is_cockroach = count == 3 && strcmp(words[2], "cockroach") == 0;
	use_all(words[1]);
	return 0;
}
