/* test_postgres.c: the PostgreSQL adapter alone, with its server: sessions that end, locks, refusals to write, migrations. */
#include "tests/contract/backends.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapters/postgres/postgres.h"
#include "tests/support/store_driver.h"
#include "tests/support/postgres_proxy.h"

static PGconn *connect_to(const struct backend *backend)
{
	PGconn *session = PQconnectdb(backend_dsn(backend));
	assert_int_equal(PQstatus(session), CONNECTION_OK);
	return session;
}

static void run(PGconn *session, const char *sql)
{
	PGresult *answer = PQexec(session, sql);
	assert_true(PQresultStatus(answer) == PGRES_COMMAND_OK || PQresultStatus(answer) == PGRES_TUPLES_OK);
	PQclear(answer);
}

static void run_once(const struct backend *backend, const char *sql)
{
	PGconn *session = connect_to(backend);
	run(session, sql);
	PQfinish(session);
}

/* Ends every session of the database but the one that asks. */
static void end_sessions(const struct backend *backend)
{
	run_once(backend, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
	                  " WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

static struct store_driver open_driver_and_sale(struct backend *backend)
{
	struct store_driver driver;
	store_driver_init(&driver, backend_store(backend));
	assert_int_equal(store_driver_run(&driver, 0, sale_create_command(&driver.request)), OK);
	return driver;
}

static void close_driver(struct store_driver *driver)
{
	store_free(driver->store);
	store_driver_release(driver);
}

static void a_session_that_ended_while_idle_is_made_again(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	end_sessions(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK); /* in a load */
	store_driver_begin(&driver, 2);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 2, "ann", "2")), OK);
	end_sessions(*state);
	assert_int_equal(store_driver_commit(&driver), STORE_OK);
	close_driver(&driver);
}

static void load_seat_into(struct store_driver *driver, struct view *view, uint32_t seat)
{
	struct needs needs;
	needs_init(&needs, &driver->request);
	struct seat_name name = {.event_id = test_event_id(), .label = test_label(seat)};
	needs.seats = &name;
	needs.seat_count = 1;
	assert_int_equal(store_load(driver->store, &needs, view), STORE_OK);
}

static void load_seat(struct store_driver *driver, uint32_t seat)
{
	load_seat_into(driver, driver->view, seat);
}

static bool has_seat(const struct view *view, uint32_t seat)
{
	struct uuid event_id = test_event_id();
	struct seat_label label = test_label(seat);
	return view_seat(view, &event_id, &label) != NULL;
}

/* It may be another thread's at that moment; a look-up would make the row the one used last. */
static void a_load_into_an_overlay_leaves_its_view_alone(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	struct view *view = view_new(2, (struct hash_seed){0});
	load_seat_into(&driver, view, 1);
	load_seat_into(&driver, view, 2);
	view_step_failed(view);
	struct view *overlay = view_new_overlay(view);
	load_seat_into(&driver, overlay, 1);
	load_seat_into(&driver, view, 3);
	view_step_failed(view); /* it keeps the two that were used last */
	assert_false(has_seat(view, 1));
	assert_true(has_seat(view, 2));
	view_free(overlay);
	view_free(view);
	close_driver(&driver);
}

static uint64_t version_of(const struct store_driver *driver, uint32_t seat)
{
	struct uuid event_id = test_event_id();
	struct seat_label label = test_label(seat);
	return view_seat(driver->view, &event_id, &label)->row.version;
}

static void a_transaction_sees_one_moment_and_writes_only_upon_it(void **state)
{
	struct backend *backend = *state;
	struct store_driver a = open_driver_and_sale(backend), b;
	store_driver_init(&b, backend_store(backend));
	store_driver_begin(&a, 0);
	store_begin(a.store);
	load_seat(&a, 1);
	uint64_t before = version_of(&a, 1); /* that of the sale, as all its seats have it */
	assert_int_equal(store_driver_run(&b, 0, hold_command(&b.request, 1, "bob", "2")), OK);
	load_seat(&a, 2);
	assert_int_equal(version_of(&a, 2), before); /* as it was when the transaction began */
	assert_int_equal(store_driver_decide(&a, hold_command(&a.request, 2, "ann", "2")), OK);
	assert_int_equal(store_driver_commit(&a), STORE_BUSY);
	/* The same in a new one is refused, for the seat is taken. */
	store_driver_begin(&a, 0);
	view_clear(a.view);
	store_begin(a.store);
	load_seat(&a, 2);
	assert_true(version_of(&a, 2) > before);
	assert_int_equal(store_driver_decide(&a, hold_command(&a.request, 3, "ann", "2")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_commit(&a), STORE_OK);
	store_end(a.store);
	close_driver(&b);
	close_driver(&a);
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void take_turn(struct store_driver *driver)
{
	struct uuid event_id = test_event_id();
	struct shard_set shards = {0};
	shard_set_add(&shards, uuid_shard(&event_id));
	driver->store->operations->take_turn(driver->store, &shards);
	load_seat(driver, 1);
}

static void a_turn_is_waited_for_and_then_done_without(void **state)
{
	struct backend *backend = *state;
	struct store_driver a = open_driver_and_sale(backend), b;
	store_driver_init(&b, backend_store(backend));
	store_driver_begin(&a, 0);
	store_driver_begin(&b, 0);
	take_turn(&a);
	assert_false(a.store->missed_turn);
	take_turn(&b);
	assert_true(b.store->missed_turn);
	a.store->operations->end_turn(a.store);
	take_turn(&b);
	assert_false(b.store->missed_turn);
	b.store->operations->end_turn(b.store);
	take_turn(&a);
	assert_false(a.store->missed_turn);
	close_driver(&b);
	close_driver(&a);
}

static void a_turn_ends_with_a_commit_whatever_comes_of_it(void **state)
{
	struct backend *backend = *state;
	struct store_driver a = open_driver_and_sale(backend), b;
	store_driver_init(&b, backend_store(backend));
	for (int tries = 0; tries < 2; tries++) {
		bool is_stale = tries == 1;
		store_driver_begin(&a, 0);
		take_turn(&a);
		assert_int_equal(store_driver_decide(&a, hold_command(&a.request, (uint32_t)(10 + tries), "ann", is_stale ? "3" : "2")),
		                 OK);
		if (is_stale)
			assert_int_equal(store_driver_run(&b, 50, hold_command(&b.request, 1, "bob", "3")), OK);
		a.changes.ends_turn = true;
		assert_int_equal(store_driver_commit(&a), is_stale ? STORE_STALE : STORE_OK);
		store_driver_begin(&b, 0);
		take_turn(&b);
		assert_false(b.store->missed_turn);
		b.store->operations->end_turn(b.store);
		view_step_failed(b.view);
	}
	close_driver(&b);
	close_driver(&a);
}

/* Time for what comes before use_up_time, and none for what comes after. */
static void have_time_for_a_load(struct store_driver *driver)
{
	driver->store->deadline_ns = (monotonic_ms() + 500) * 1000000;
}

static void use_up_time(void)
{
	(void)usleep(600000);
}

static void a_turn_that_cannot_be_given_back_in_time_ends_with_its_session(void **state)
{
	struct backend *backend = *state;
	struct store_driver a = open_driver_and_sale(backend), b;
	store_driver_init(&b, backend_store(backend));
	store_driver_begin(&a, 0);
	store_driver_begin(&b, 0);
	have_time_for_a_load(&a);
	take_turn(&a);
	use_up_time();
	a.store->operations->end_turn(a.store);
	take_turn(&b);
	assert_false(b.store->missed_turn);
	b.store->operations->end_turn(b.store);
	close_driver(&b);
	close_driver(&a);
}

static void a_commit_that_comes_too_late_leaves_no_transaction_open(void **state)
{
	struct backend *backend = *state;
	struct store_driver driver = open_driver_and_sale(backend);
	PGconn *session = connect_to(backend);
	store_driver_begin(&driver, 0);
	store_begin(driver.store);
	have_time_for_a_load(&driver);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "2")), OK);
	use_up_time();
	assert_int_equal(store_driver_commit(&driver), STORE_BUSY);
	store_end(driver.store);
	int64_t open = 1;
	for (int tries = 0; open > 0; tries++) {
		assert_true(tries < 200);
		(void)usleep(10000);
		PGresult *answer = PQexec(
			session, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'");
		open = strtol(PQgetvalue(answer, 0, 0), NULL, 10);
		PQclear(answer);
	}
	driver.store->deadline_ns = 0;
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "2")), OK);
	PQfinish(session);
	close_driver(&driver);
}

static void a_row_that_another_keeps_locked_is_not_waited_for_long(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	PGconn *session = connect_to(*state);
	run(session, "BEGIN");
	run(session, "UPDATE seats SET price = price");
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_BUSY);
	PQfinish(session);
	assert_int_equal(store_driver_run(&driver, 2, hold_command(&driver.request, 1, "ann", "1")), OK);
	close_driver(&driver);
}

static void a_database_that_refuses_to_write_is_down_until_it_writes(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	run_once(*state,
	         "DO 'BEGIN EXECUTE ''ALTER DATABASE '' || current_database() || '' SET default_transaction_read_only = on''; END'");
	end_sessions(*state);
	assert_int_equal(store_driver_commit(&driver), STORE_DOWN);
	run_once(*state,
	         "BEGIN READ WRITE;"
	         "DO 'BEGIN EXECUTE ''ALTER DATABASE '' || current_database() || '' RESET default_transaction_read_only''; END'; COMMIT");
	assert_int_equal(store_driver_run(&driver, 2, hold_command(&driver.request, 1, "ann", "1")), OK);
	close_driver(&driver);
}

static void messages_do_not_show_the_password(void **state)
{
	(void)state;
	static const char *const dsns[] = {
		"host=127.0.0.1 port=1 user=app password=sesame dbname=tro",
		"postgresql://app:sesame@127.0.0.1:1/tro",
		"postgresql://app:sesame%zz@127.0.0.1:1/tro",
		"postgresql://app:open@sesame@127.0.0.1:1/tro",
		"postgresql://app:sesame/open@127.0.0.1:1/tro",
		"postgresql://app:open/sesame@127.0.0.1:1/tro",
		"host=127.0.0.1 password='sesame",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(dsns); i++) {
		char message[POSTGRES_MESSAGE_MAX] = "";
		assert_int_equal(postgres_migrate(dsns[i], NULL, NULL, message), ERR_SYSTEM);
		assert_true(message[0] != '\0');
		assert_null(strstr(message, "sesame"));
		assert_null(strchr(message, '\n'));
	}
}

/* The ping of a new reader, which is not OK. */
static struct ping ping_of(const char *dsn)
{
	char message[POSTGRES_MESSAGE_MAX] = "";
	struct reader *reader;
	struct ping ping;
	assert_int_equal(postgres_reader_open(dsn, &reader, message), OK);
	assert_int_equal(reader->operations->ping(reader, &ping), STORE_DOWN);
	assert_null(strchr(ping.problem, '\n'));
	reader_free(reader);
	return ping;
}

static void says(const char *dsn, const char *words)
{
	struct ping ping = ping_of(dsn);
	if (strstr(ping.problem, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, ping.problem);
}

static void the_check_names_the_reason_not_to_serve(void **state)
{
	const char *dsn = backend_dsn(*state);
	says("host=127.0.0.1 port=1 dbname=tro", "cannot connect");
	run_once(*state, "UPDATE meta SET value = 1 WHERE name = 'replaying'");
	says(dsn, "a replay runs, or was begun and not ended");
	run_once(*state,
	         "UPDATE meta SET value = 999 WHERE name = 'schema_floor'; INSERT INTO migrations VALUES (999, '999_later.sql', 1, 1)");
	says(dsn, "newer than this program");
	run_once(*state, "DELETE FROM migrations WHERE number > 0");
	says(dsn, "older than this program");
	run_once(*state, "DROP TABLE migrations");
	says(dsn, "no schema of TRO: run 'tro migrate'");
}

static void a_database_without_a_table_is_named(void **state)
{
	run_once(*state, "DROP TABLE seats");
	says(backend_dsn(*state), "\"seats\"");
}

static void a_session_is_made_when_it_can_be(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "";
	struct reader *reader;
	struct ping ping;
	run_once(*state, "ALTER TABLE migrations RENAME TO elsewhere");
	assert_int_equal(postgres_reader_open(backend_dsn(*state), &reader, message), OK);
	assert_int_equal(reader->operations->ping(reader, &ping), STORE_DOWN);
	run_once(*state, "ALTER TABLE elsewhere RENAME TO migrations");
	enum store_result result = STORE_DOWN;
	for (int tries = 0; result != STORE_OK && tries < 300; tries++) {
		usleep(10000);
		result = reader->operations->ping(reader, &ping);
	}
	assert_int_equal(result, STORE_OK);
	assert_string_equal(ping.problem, "");
	assert_true(ping.store_now_ms != 0);
	reader_free(reader);
}

static const char empty_database[] = "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public";

/* Lets everybody in and throws them out at once. */
struct bouncer {
	int listener;
	_Atomic int visitors;
};

static void *bounce(void *context)
{
	struct bouncer *bouncer = context;
	for (int visitor; (visitor = accept(bouncer->listener, NULL, NULL)) >= 0; bouncer->visitors++)
		(void)close(visitor);
	return NULL;
}

static uint16_t port_of(int listener)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

/* On a free port; connections that nobody accepts stay in the queue, connected. */
static int listen_locally(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 8), 0);
	return listener;
}

/* Asks for two seconds, as often as `ask` returns. Answers how often it connected. */
static int count_tries(bool (*ask)(void *user, const char *dsn), void *user)
{
	char dsn[64];
	pthread_t thread;
	struct bouncer bouncer = {.listener = listen_locally()};
	assert_int_equal(pthread_create(&thread, NULL, bounce, &bouncer), 0);
	(void)snprintf(dsn, sizeof dsn, "host=127.0.0.1 port=%u sslmode=disable", port_of(bouncer.listener));
	for (uint64_t until_ms = monotonic_ms() + 2000; monotonic_ms() < until_ms; usleep(1000))
		assert_false(ask(user, dsn));
	assert_int_equal(shutdown(bouncer.listener, SHUT_RDWR), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(bouncer.listener);
	return bouncer.visitors;
}

static bool load_something(void *user, const char *dsn)
{
	struct store **store = user;
	char message[POSTGRES_MESSAGE_MAX] = "";
	struct view *view = view_new(100, (struct hash_seed){0});
	struct uuid event_id = test_event_id();
	if (*store == NULL)
		assert_int_equal(postgres_store_open(dsn, false, store, message), OK);
	assert_non_null(view);
	enum store_result result = store_load(*store, &(struct needs){.sales = &event_id, .sale_count = 1}, view);
	view_free(view);
	return result != STORE_DOWN;
}

static bool find_something(void *user, const char *dsn)
{
	struct reader **reader = user;
	char message[POSTGRES_MESSAGE_MAX] = "";
	struct arena arena;
	const struct row *row;
	struct uuid hold_id = test_hold_id(1);
	if (*reader == NULL)
		assert_int_equal(postgres_reader_open(dsn, reader, message), OK);
	arena_init(&arena, 4096, 1 << 20);
	enum store_result result = (*reader)->operations->find(*reader, ROW_HOLD, &hold_id, &arena, &row);
	arena_release(&arena);
	return result != STORE_DOWN;
}

/* A commit is refused between two tries, a read waits for the next. */
static void tries_to_connect_are_spaced(void **state)
{
	(void)state;
	struct store *store = NULL;
	struct reader *reader = NULL;
	/* After 0.1, 0.2, 0.4, 0.8 … s, or half of that: about six in 2 s. */
	assert_in_range(count_tries(load_something, &store), 3, 12);
	/* The same, and never more than half a second: about nine. */
	assert_in_range(count_tries(find_something, &reader), 4, 15);
	store_free(store);
	reader_free(reader);
}

static void a_session_takes_one_connection(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "", dsn[512];
	struct reader *reader;
	struct ping ping;
	PGconn *session = connect_to(*state);
	struct postgres_proxy *proxy = postgres_proxy_new("127.0.0.1", (uint16_t)strtoul(PQport(session), NULL, 10), 0);
	PQfinish(session);
	(void)snprintf(dsn, sizeof dsn, "%s port=%u", backend_dsn(*state), postgres_proxy_port(proxy));
	assert_int_equal(postgres_reader_open(dsn, &reader, message), OK);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(reader->operations->ping(reader, &ping), STORE_OK);
		assert_int_equal(postgres_proxy_connections(proxy), i);
		postgres_proxy_cut_all(proxy);
	}
	reader_free(reader);
	postgres_proxy_free(proxy);
}

/* A host that takes the connection and says nothing costs its part of the time, and not all of it. */
static void of_several_hosts_one_that_says_nothing_is_passed_over(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "", dsn[512];
	int listener = listen_locally();
	PGconn *session = connect_to(*state);
	const char *port = PQport(session);
	(void)snprintf(dsn, sizeof dsn, "host=localhost,127.0.0.1,127.0.0.1 port=1,%u,%s user=%s dbname=%s connect_timeout=2",
	               port_of(listener), port, PQuser(session), PQdb(session));
	PQfinish(session);
	struct outbox *outbox;
	uint64_t began_ms = monotonic_ms();
	assert_int_equal(postgres_outbox_open(dsn, &outbox, message), OK);
	assert_int_equal(outbox->operations->release(outbox, &(struct uuid){{1}}), STORE_OK);
	assert_in_range(monotonic_ms() - began_ms, 500, 2000);
	outbox_free(outbox);
	(void)close(listener);
}

static void a_log_in_that_takes_too_long_is_given_up(void **state)
{
	(void)state;
	char message[POSTGRES_MESSAGE_MAX] = "", dsn[128];
	int listener = listen_locally();
	struct catalog *catalog;
	uint64_t began_ms = monotonic_ms();
	(void)snprintf(dsn, sizeof dsn, "host=127.0.0.1 port=%u connect_timeout=1", port_of(listener));
	assert_int_equal(postgres_catalog_open(dsn, &catalog, message), OK);
	assert_int_equal(catalog->operations->ping(catalog), CATALOG_DOWN);
	assert_in_range(monotonic_ms() - began_ms, 990, 2500);
	catalog_free(catalog);
	(void)close(listener);
}

static void count_applied(void *context, const char *name)
{
	(*(int *)context)++;
	assert_non_null(strstr(name, ".sql"));
}

static void says_what_was_migrated(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "";
	int applied = 0;
	assert_int_equal(postgres_migrate(backend_dsn(*state), count_applied, &applied, message), OK);
	assert_int_equal(applied, 0);
	run_once(*state, empty_database);
	assert_int_equal(postgres_migrate(backend_dsn(*state), count_applied, &applied, message), OK);
	assert_true(applied > 0);
}

static void cannot_migrate(void **state, const char *sql, const char *words)
{
	char message[POSTGRES_MESSAGE_MAX] = "";
	run_once(*state, sql);
	assert_int_equal(postgres_migrate(backend_dsn(*state), NULL, NULL, message), ERR_CORRUPT);
	if (strstr(message, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, message);
}

static void migrations_that_are_not_the_programs_are_refused(void **state)
{
	cannot_migrate(
		state,
		"UPDATE meta SET value = 999 WHERE name = 'schema_floor'; INSERT INTO migrations VALUES (999, '999_later.sql', 1, 1)",
		"999_later.sql, which this program does not have: use a newer one");
	cannot_migrate(state, "DELETE FROM migrations WHERE number = 1", "lacks 001_core.sql before it");
	cannot_migrate(state, "UPDATE migrations SET number = 1, name = '001_core.sql' WHERE number = 999", "edited");
}

/* All wait at the barrier, so that they begin together. */
struct migrator {
	pthread_t thread;
	pthread_barrier_t *barrier;
	const char *dsn;
	enum error error;
	int applied;
	char message[POSTGRES_MESSAGE_MAX];
};

static void *migrate(void *context)
{
	struct migrator *migrator = context;
	(void)pthread_barrier_wait(migrator->barrier);
	migrator->error = postgres_migrate(migrator->dsn, count_applied, &migrator->applied, migrator->message);
	return NULL;
}

static int migrate_together(const char *dsn, struct migrator *migrators, unsigned count)
{
	int workers = 0;
	pthread_barrier_t barrier;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, count), 0);
	for (unsigned i = 0; i < count; i++) {
		migrators[i] = (struct migrator){.barrier = &barrier, .dsn = dsn};
		assert_int_equal(pthread_create(&migrators[i].thread, NULL, migrate, &migrators[i]), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(pthread_join(migrators[i].thread, NULL), 0);
		if (migrators[i].error != OK)
			fail_msg("%s", migrators[i].message);
		workers += migrators[i].applied > 0;
	}
	(void)pthread_barrier_destroy(&barrier);
	return workers;
}

static void of_many_that_migrate_at_once_one_does(void **state)
{
	struct migrator migrators[8];
	for (int round = 0; round < 5; round++) {
		run_once(*state, empty_database);
		assert_int_equal(migrate_together(backend_dsn(*state), migrators, ARRAY_LENGTH(migrators)), 1);
	}
}

/* 40003: the tables are made, and the answer says that nobody knows. */
static void a_migration_whose_end_is_unknown_is_looked_at_again(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "", dsn[512];
	int applied = 0;
	PGconn *session = connect_to(*state);
	struct postgres_proxy *proxy = postgres_proxy_new("127.0.0.1", (uint16_t)strtoul(PQport(session), NULL, 10), 0);
	assert_non_null(proxy);
	run(session, empty_database);
	PQfinish(session);
	(void)snprintf(dsn, sizeof dsn, "%s port=%u", backend_dsn(*state), postgres_proxy_port(proxy));
	postgres_proxy_arm(proxy, PROXY_SAYS_UNKNOWN, 1, 1);
	if (postgres_migrate(dsn, NULL, NULL, message) != OK)
		fail_msg("%s", message);
	assert_int_equal(postgres_proxy_faults(proxy), 1);
	assert_int_equal(postgres_migrate(dsn, count_applied, &applied, message), OK);
	assert_int_equal(applied, 0);
	postgres_proxy_free(proxy);
}

static void a_replay_that_was_not_ended_keeps_services_out(void **state)
{
	char message[POSTGRES_MESSAGE_MAX] = "";
	struct store *store, *other;
	assert_int_equal(postgres_store_open(backend_dsn(*state), true, &store, message), OK);
	assert_int_equal(store->operations->replay_begin(store), STORE_OK);
	struct store_driver driver;
	assert_int_equal(postgres_store_open(backend_dsn(*state), false, &other, message), OK);
	struct uuid event_id = test_event_id();
	store_driver_init(&driver, other);
	assert_int_equal(store_load(other, &(struct needs){.sales = &event_id, .sale_count = 1}, driver.view), STORE_DOWN);
	assert_int_equal(store->operations->replay_end(store, false), STORE_OK);
	for (uint64_t until_ms = monotonic_ms() + 10000; monotonic_ms() < until_ms; usleep(10000)) /* there are pauses between its tries */
		if (store_load(other, &(struct needs){.sales = &event_id, .sale_count = 1}, driver.view) == STORE_OK)
			break;
	assert_int_equal(store_driver_run(&driver, 1, sale_create_command(&driver.request)), OK);
	close_driver(&driver);
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(a_session_that_ended_while_idle_is_made_again),
		BACKEND_TEST(a_load_into_an_overlay_leaves_its_view_alone),
		BACKEND_TEST(a_transaction_sees_one_moment_and_writes_only_upon_it),
		BACKEND_TEST(a_turn_is_waited_for_and_then_done_without),
		BACKEND_TEST(a_turn_ends_with_a_commit_whatever_comes_of_it),
		BACKEND_TEST(a_turn_that_cannot_be_given_back_in_time_ends_with_its_session),
		BACKEND_TEST(a_commit_that_comes_too_late_leaves_no_transaction_open),
		BACKEND_TEST(a_row_that_another_keeps_locked_is_not_waited_for_long),
		BACKEND_TEST(a_database_that_refuses_to_write_is_down_until_it_writes),
		BACKEND_TEST(messages_do_not_show_the_password),
		BACKEND_TEST(the_check_names_the_reason_not_to_serve),
		BACKEND_TEST(a_database_without_a_table_is_named),
		BACKEND_TEST(a_session_is_made_when_it_can_be),
		BACKEND_TEST(tries_to_connect_are_spaced),
		BACKEND_TEST(a_session_takes_one_connection),
		BACKEND_TEST(of_several_hosts_one_that_says_nothing_is_passed_over),
		BACKEND_TEST(a_log_in_that_takes_too_long_is_given_up),
		BACKEND_TEST(says_what_was_migrated),
		BACKEND_TEST(migrations_that_are_not_the_programs_are_refused),
		BACKEND_TEST(of_many_that_migrate_at_once_one_does),
		BACKEND_TEST(a_migration_whose_end_is_unknown_is_looked_at_again),
		BACKEND_TEST(a_replay_that_was_not_ended_keeps_services_out),
	};
	return backends_run("adapter", tests, ARRAY_LENGTH(tests));
}
