/* backends.c: memory and SQLite, or a server: PostgreSQL at the DSN in TRO_TEST_POSTGRES (tests/peers/postgres.py), or of catalogs alone MongoDB
 * at the URI in TRO_TEST_MONGO (tests/peers/mongodb.py). */
#include "tests/contract/backends.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapters/memory/database.h"
#include "adapters/mongodb/mongodb.h"
#include "adapters/postgres/postgres.h"
#include "adapters/sqlite/sqlite.h"
#include "base/hex.h"
#include "tests/support/fake_catalog.h"

struct backend {
	const struct backend_kind *kind;
	struct memory_database *memory;
	char directory[64];
	char path[80];
	char dsn[512];
	struct mongodb_pool *mongodb;
};

struct backend_kind {
	const char *name;
	void (*begin)(struct backend *backend);
	void (*end)(struct backend *backend);
	enum error (*store)(struct backend *backend, struct store **ret_store);
	enum error (*reader)(struct backend *backend, struct reader **ret_reader);
	enum error (*seat_feed)(struct backend *backend, struct seat_feed **ret_feed);
	enum error (*outbox)(struct backend *backend, struct outbox **ret_outbox);
	enum error (*catalog)(struct backend *backend, struct catalog **ret_catalog);
	void (*run)(struct backend *backend, const char *sql);                  /* NULL: it knows no SQL */
	enum error (*audit)(struct backend *backend, struct audit **ret_audit); /* NULL: it has none */
};

static void memory_begin(struct backend *backend)
{
	backend->memory = memory_database_new();
	assert_non_null(backend->memory);
}

static void memory_end(struct backend *backend)
{
	memory_database_free(backend->memory);
}

static enum error memory_store(struct backend *backend, struct store **ret_store)
{
	return memory_store_new(backend->memory, ret_store);
}

static enum error memory_reader(struct backend *backend, struct reader **ret_reader)
{
	return memory_reader_new(backend->memory, ret_reader);
}

static enum error memory_seat_feed(struct backend *backend, struct seat_feed **ret_feed)
{
	return memory_seat_feed_new(backend->memory, ret_feed);
}

/* The clock of leases: as with the others, the machine's. */
static uint64_t wall_now_ms(struct clock *clock)
{
	(void)clock;
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const struct clock_operations wall_operations = {.now_ms = wall_now_ms};
static struct clock wall_clock = {.operations = &wall_operations};

static enum error memory_outbox(struct backend *backend, struct outbox **ret_outbox)
{
	return memory_outbox_new(backend->memory, &wall_clock, ret_outbox);
}

/* That of the tests, which is a catalog like the others. */
static enum error memory_catalog(struct backend *backend, struct catalog **ret_catalog)
{
	(void)backend;
	struct fake_catalog *catalog = fake_catalog_new();
	*ret_catalog = catalog == NULL ? NULL : &catalog->base;
	return catalog == NULL ? ERR_NO_MEMORY : OK;
}

static void sqlite_begin(struct backend *backend)
{
	char message[SQLITE_MESSAGE_MAX];
	(void)snprintf(backend->directory, sizeof backend->directory, "/tmp/tro-contract-XXXXXX");
	assert_non_null(mkdtemp(backend->directory));
	(void)snprintf(backend->path, sizeof backend->path, "%s/tro.db", backend->directory);
	assert_int_equal(sqlite_migrate(backend->path, NULL, message), OK);
}

static void sqlite_end(struct backend *backend)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[96];
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		(void)snprintf(path, sizeof path, "%s%s", backend->path, suffixes[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(backend->directory), 0);
}

static enum error sqlite_store(struct backend *backend, struct store **ret_store)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_store_open(backend->path, false, ret_store, message);
}

static enum error sqlite_reader(struct backend *backend, struct reader **ret_reader)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_reader_open(backend->path, ret_reader, message);
}

static enum error sqlite_seat_feed(struct backend *backend, struct seat_feed **ret_feed)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_seat_feed_open(backend->path, ret_feed, message);
}

static enum error sqlite_outbox(struct backend *backend, struct outbox **ret_outbox)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_outbox_open(backend->path, ret_outbox, message);
}

static enum error sqlite_audit(struct backend *backend, struct audit **ret_audit)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_audit_open(backend->path, ret_audit, message);
}

static void sqlite_run(struct backend *backend, const char *sql)
{
	sqlite3 *database;
	assert_int_equal(sqlite3_open(backend->path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(database), 1);
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static enum error sqlite_catalog(struct backend *backend, struct catalog **ret_catalog)
{
	char message[SQLITE_MESSAGE_MAX];
	return sqlite_catalog_open(backend->path, ret_catalog, message);
}

static void run_at(const char *dsn, const char *sql)
{
	PGconn *server = PQconnectdb(dsn);
	assert_int_equal(PQstatus(server), CONNECTION_OK);
	PGresult *answer = PQexec(server, sql);
	assert_int_equal(PQresultStatus(answer), PGRES_COMMAND_OK);
	PQclear(answer);
	PQfinish(server);
}

/* Runs SQL on the server's own database. */
static void run_on_server(const char *sql)
{
	run_at(getenv("TRO_TEST_POSTGRES"), sql);
}

static void postgres_run(struct backend *backend, const char *sql)
{
	run_at(backend->dsn, sql);
}

/* Each test has a database of its own. */
static void postgres_begin(struct backend *backend)
{
	char sql[64], message[POSTGRES_MESSAGE_MAX];
	(void)snprintf(sql, sizeof sql, "CREATE DATABASE contract_%d", (int)getpid());
	(void)snprintf(backend->dsn, sizeof backend->dsn, "%s dbname=contract_%d", getenv("TRO_TEST_POSTGRES"), (int)getpid());
	run_on_server(sql);
	assert_int_equal(postgres_migrate(backend->dsn, NULL, NULL, message), OK);
}

static void postgres_end(struct backend *backend)
{
	(void)backend;
	char sql[64];
	(void)snprintf(sql, sizeof sql, "DROP DATABASE contract_%d WITH (FORCE)", (int)getpid());
	run_on_server(sql);
}

static enum error postgres_store(struct backend *backend, struct store **ret_store)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_store_open(backend->dsn, false, ret_store, message);
}

static enum error postgres_reader(struct backend *backend, struct reader **ret_reader)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_reader_open(backend->dsn, ret_reader, message);
}

static enum error postgres_seat_feed(struct backend *backend, struct seat_feed **ret_feed)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_seat_feed_open(backend->dsn, ret_feed, message);
}

static enum error postgres_outbox(struct backend *backend, struct outbox **ret_outbox)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_outbox_open(backend->dsn, ret_outbox, message);
}

static enum error postgres_audit(struct backend *backend, struct audit **ret_audit)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_audit_open(backend->dsn, ret_audit, message);
}

static enum error postgres_catalog(struct backend *backend, struct catalog **ret_catalog)
{
	char message[POSTGRES_MESSAGE_MAX];
	return postgres_catalog_open(backend->dsn, ret_catalog, message);
}

/* Each test has a database of its own, which the server forgets when it ends. */
static void mongodb_begin(struct backend *backend)
{
	static uint32_t count;
	char message[MONGODB_MESSAGE_MAX];
	const char *uri = getenv("TRO_TEST_MONGO"), *database = strrchr(uri, '/');
	(void)snprintf(backend->dsn, sizeof backend->dsn, "%.*s/contract_%d_%u", (int)(database - uri), uri, (int)getpid(), ++count);
	assert_int_equal(mongodb_pool_new(backend->dsn, &backend->mongodb, message), OK);
}

static void mongodb_end(struct backend *backend)
{
	mongodb_pool_free(backend->mongodb);
}

static enum error mongodb_catalog(struct backend *backend, struct catalog **ret_catalog)
{
	return mongodb_catalog_new(backend->mongodb, false, ret_catalog);
}

static const struct backend_kind mongodb_kind = {"mongodb", mongodb_begin, mongodb_end,     NULL, NULL,
                                                 NULL,      NULL,          mongodb_catalog, NULL, NULL};

static const struct backend_kind embedded_kinds[] = {
	{"memory", memory_begin, memory_end, memory_store, memory_reader, memory_seat_feed, memory_outbox, memory_catalog, NULL, NULL},
	{"sqlite", sqlite_begin, sqlite_end, sqlite_store, sqlite_reader, sqlite_seat_feed, sqlite_outbox, sqlite_catalog, sqlite_run,
         sqlite_audit},
};
static const struct backend_kind postgres_kind = {"postgres",         postgres_begin,  postgres_end,     postgres_store, postgres_reader,
                                                  postgres_seat_feed, postgres_outbox, postgres_catalog, postgres_run,   postgres_audit};

/* cmocka hands nothing to a group: which kind is being tested now. */
static const struct backend_kind *current_kind;

int backend_setup(void **state)
{
	struct backend *backend = calloc(1, sizeof *backend);
	assert_non_null(backend);
	backend->kind = current_kind;
	backend->kind->begin(backend);
	*state = backend;
	return 0;
}

int backend_teardown(void **state)
{
	struct backend *backend = *state;
	backend->kind->end(backend);
	free(backend);
	return 0;
}

bool backend_lose_event(struct backend *backend, const struct uuid *id)
{
	char text[UUID_TEXT_LENGTH + 1], digits[2 * sizeof id->bytes + 1], sql[128];
	if (backend->kind->run == NULL)
		return false;
	uuid_format(id, text);
	*hex_encode(id->bytes, sizeof id->bytes, digits) = '\0';
	bool is_sqlite = backend->path[0] != '\0';
	(void)snprintf(sql, sizeof sql, "DELETE FROM events WHERE id = %s'%s'", is_sqlite ? "x" : "", is_sqlite ? digits : text);
	backend->kind->run(backend, sql);
	return true;
}

struct store *backend_store(struct backend *backend)
{
	struct store *store = NULL;
	assert_int_equal(backend->kind->store(backend, &store), OK);
	return store;
}

struct reader *backend_reader(struct backend *backend)
{
	struct reader *reader = NULL;
	assert_int_equal(backend->kind->reader(backend, &reader), OK);
	return reader;
}

struct seat_feed *backend_seat_feed(struct backend *backend)
{
	struct seat_feed *feed = NULL;
	assert_int_equal(backend->kind->seat_feed(backend, &feed), OK);
	return feed;
}

struct outbox *backend_outbox(struct backend *backend)
{
	struct outbox *outbox = NULL;
	assert_int_equal(backend->kind->outbox(backend, &outbox), OK);
	return outbox;
}

struct catalog *backend_catalog(struct backend *backend)
{
	struct catalog *catalog = NULL;
	assert_int_equal(backend->kind->catalog(backend, &catalog), OK);
	return catalog;
}

struct audit *backend_audit(struct backend *backend)
{
	struct audit *audit = NULL;
	if (backend->kind->audit != NULL)
		assert_int_equal(backend->kind->audit(backend, &audit), OK);
	return audit;
}

struct privacy *backend_privacy(struct backend *backend)
{
	struct privacy *privacy = NULL;
	char message[512];
	if (backend->dsn[0] != '\0')
		assert_int_equal(postgres_privacy_open(backend->dsn, &privacy, message), OK);
	else if (backend->path[0] != '\0')
		assert_int_equal(sqlite_privacy_open(backend->path, &privacy, message), OK);
	return privacy;
}

const char *backend_dsn(const struct backend *backend)
{
	return backend->dsn;
}

static int run_over(const struct backend_kind *kind, const char *suite, const struct CMUnitTest *tests, size_t count)
{
	char name[64];
	(void)snprintf(name, sizeof name, "%s over %s", suite, kind->name);
	current_kind = kind;
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

int backends_run(const char *suite, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;
	if (getenv("TRO_TEST_POSTGRES") != NULL)
		return run_over(&postgres_kind, suite, tests, count);
	for (size_t i = 0; i < ARRAY_LENGTH(embedded_kinds); i++)
		failed += run_over(&embedded_kinds[i], suite, tests, count);
	return failed;
}

int backends_run_catalogs(const char *suite, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;
	if (getenv("TRO_TEST_MONGO") != NULL)
		return run_over(&mongodb_kind, suite, tests, count);
	if (getenv("TRO_TEST_POSTGRES") != NULL)
		return run_over(&postgres_kind, suite, tests, count);
	for (size_t i = 0; i < ARRAY_LENGTH(embedded_kinds); i++)
		failed += run_over(&embedded_kinds[i], suite, tests, count);
	return failed;
}
