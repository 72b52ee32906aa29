/* test_postgres_faults.c: commits that meet rivals, lost connections and servers that stop, forced on a real server.
 *
 * The driver works through a proxy that cuts, holds and delays COMMITs, the rival directly. */
#include "tests/contract/backends.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/postgres/postgres.h"
#include "tests/support/store_driver.h"
#include "tests/support/postgres_proxy.h"

#define PATIENCE_MS 15000

struct scene {
	struct backend *backend;
	struct postgres_proxy *proxy;
	PGconn *session; /* to look at the database, and to be in the way */
	struct store_driver driver;
	struct store_driver rival;
};

static void pause_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&time, NULL);
}

/* The first column of the first row. */
static int64_t ask(PGconn *session, const char *sql)
{
	PGresult *answer = PQexec(session, sql);
	if (PQresultStatus(answer) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(session));
	int64_t value = strtoll(PQgetvalue(answer, 0, 0), NULL, 10);
	PQclear(answer);
	return value;
}

static void ignore_notice(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static void run(PGconn *session, const char *sql)
{
	PGresult *answer = PQexec(session, sql);
	if (PQresultStatus(answer) != PGRES_COMMAND_OK)
		fail_msg("%s", PQerrorMessage(session));
	PQclear(answer);
}

/* Until the answer is not 0. */
static void wait_until(PGconn *session, const char *sql)
{
	for (int waited_ms = 0; ask(session, sql) == 0; waited_ms += 10) {
		assert_true(waited_ms < PATIENCE_MS);
		pause_ms(10);
	}
}

/* A store waits for a row or a key of another's transaction. */
static void wait_for_waiter(const struct scene *scene)
{
	wait_until(scene->session, "SELECT count(*) FROM pg_locks WHERE NOT granted");
}

/* Of everything that a commit writes. */
static int64_t hash_of_database(const struct scene *scene)
{
#define ROWS(table) "(SELECT string_agg(t::text, '|' ORDER BY t::text) FROM " table " t)"
	return ask(scene->session, "SELECT hashtextextended(concat_ws('/', " ROWS("events") ", " ROWS("sales") ", " ROWS("seats") ", " ROWS(
					   "holds") ", " ROWS("orders") ", " ROWS("payments") ", " ROWS("outbox") "), 0)");
}

static int64_t count_events(const struct scene *scene)
{
	int64_t count = ask(scene->session, "SELECT count(*) FROM events");
	/* All that happens here is published. */
	assert_int_equal(ask(scene->session, "SELECT coalesce(sum(length(events)), 0) / 16 FROM outbox"), count);
	return count;
}

static struct postgres_proxy *open_proxy(const char *dsn)
{
	uint16_t port = 0;
	const char *host = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
		if (strcmp(option->keyword, "port") == 0)
			port = (uint16_t)strtoul(option->val, NULL, 10);
		if (strcmp(option->keyword, "host") == 0)
			host = option->val;
	}
	struct postgres_proxy *proxy = postgres_proxy_new(host, port, 0);
	PQconninfoFree(options);
	assert_non_null(proxy);
	return proxy;
}

/* A sale is open, and both know the same. */
static struct scene scene_begin(struct backend *backend)
{
	struct scene scene = {.backend = backend, .proxy = open_proxy(backend_dsn(backend)), .session = PQconnectdb(backend_dsn(backend))};
	char dsn[600], message[POSTGRES_MESSAGE_MAX];
	struct store *store;
	(void)snprintf(dsn, sizeof dsn, "%s host=127.0.0.1 port=%u", backend_dsn(backend), postgres_proxy_port(scene.proxy));
	assert_int_equal(PQstatus(scene.session), CONNECTION_OK);
	assert_int_equal(postgres_store_open(dsn, false, &store, message), OK);
	store_driver_init(&scene.driver, store);
	store_driver_init(&scene.rival, backend_store(backend));
	assert_int_equal(store_driver_run(&scene.driver, 0, sale_create_command(&scene.driver.request)), OK);
	return scene;
}

static void scene_end(struct scene *scene)
{
	store_free(scene->driver.store);
	store_free(scene->rival.store);
	store_driver_release(&scene->driver);
	store_driver_release(&scene->rival);
	PQfinish(scene->session);
	postgres_proxy_free(scene->proxy);
}

/* The driver decides to hold a seat, and has not committed. */
static void decide_hold(struct store_driver *driver, uint64_t after_ms, uint32_t hold, const char *seats)
{
	store_driver_begin(driver, after_ms);
	assert_int_equal(store_driver_decide(driver, hold_command(&driver->request, hold, "ann", seats)), OK);
}

/* Until the store can say. */
static bool resolve(struct store_driver *driver)
{
	bool is_committed = false;
	enum store_result result = STORE_DOWN;
	for (int waited_ms = 0; result != STORE_OK; waited_ms += 10) {
		result = store_resolve(driver->store, &driver->changes, &is_committed);
		assert_true(result == STORE_OK || result == STORE_BUSY || result == STORE_DOWN);
		assert_true(waited_ms < PATIENCE_MS);
		if (result != STORE_OK)
			pause_ms(10);
	}
	return is_committed;
}

/* A commit on another thread. */
struct committing {
	pthread_t thread;
	struct store_driver *driver;
	enum store_result result;
};

static void *commit_now(void *argument)
{
	struct committing *committing = argument;
	committing->result = store_driver_commit(committing->driver);
	return NULL;
}

static void commit_begin(struct committing *committing, struct store_driver *driver)
{
	*committing = (struct committing){.driver = driver};
	assert_int_equal(pthread_create(&committing->thread, NULL, commit_now, committing), 0);
}

static enum store_result commit_end(struct committing *committing)
{
	assert_int_equal(pthread_join(committing->thread, NULL), 0);
	return committing->result;
}

/* The driver commits first and the rival before the driver's COMMIT has come; which then comes. `waits`: the rival must wait for the driver. */
static void commit_both(struct scene *scene, bool waits, enum store_result expected, enum store_result expected_of_rival)
{
	struct committing driver, rival;
	char state[PROXY_STATE_MAX];
	postgres_proxy_arm(scene->proxy, PROXY_DELAYS_COMMIT, 1, 1);
	commit_begin(&driver, &scene->driver);
	postgres_proxy_wait_held(scene->proxy);
	commit_begin(&rival, &scene->rival);
	enum store_result result_of_rival = STORE_OK;
	if (waits)
		wait_for_waiter(scene);
	else
		result_of_rival = commit_end(&rival);
	postgres_proxy_let_go(scene->proxy, state);
	if (waits)
		result_of_rival = commit_end(&rival);
	assert_int_equal(commit_end(&driver), expected);
	assert_int_equal(result_of_rival, expected_of_rival);
}

static void expect_stale_and_nothing_written(struct scene *scene)
{
	int64_t hash = hash_of_database(scene);
	assert_int_equal(store_driver_commit(&scene->driver), STORE_STALE);
	assert_int_equal(hash_of_database(scene), hash);
}

static void changes_that_are_stale_write_nothing(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver, *rival = &scene.rival;

	decide_hold(driver, 10, 1, "1 2"); /* a row that it writes has moved */
	assert_int_equal(store_driver_run(rival, 11, hold_command(&rival->request, 2, "bob", "2")), OK);
	expect_stale_and_nothing_written(&scene);

	decide_hold(driver, 20, 1, "1"); /* a row that it relies on has moved: the sale */
	assert_int_equal(store_driver_run(rival, 21, sale_command(&rival->request, COMMAND_SALE_PAUSE)), OK);
	expect_stale_and_nothing_written(&scene);
	assert_int_equal(store_driver_run(rival, 22, sale_command(&rival->request, COMMAND_SALE_RESUME)), OK);

	store_driver_begin(driver, 30); /* the key has been used */
	assert_int_equal(store_driver_decide(driver, with_key(hold_command(&driver->request, 1, "ann", "1"), 5, 6)), OK);
	assert_int_equal(store_driver_run(rival, 31, with_key(hold_command(&rival->request, 3, "ann", "3"), 5, 6)), OK);
	expect_stale_and_nothing_written(&scene);
	scene_end(&scene);
}

/* 23505. */
static void of_two_with_one_key_at_once_one_is_stale(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver, *rival = &scene.rival;
	store_driver_begin(driver, 10);
	assert_int_equal(store_driver_decide(driver, with_key(hold_command(&driver->request, 1, "ann", "1"), 5, 6)), OK);
	struct command repeat = with_key(hold_command(&rival->request, 2, "ann", "2"), 5, 6);
	store_driver_begin(rival, 11);
	assert_int_equal(store_driver_decide(rival, repeat), OK);
	commit_both(&scene, true, STORE_OK, STORE_STALE);
	assert_int_equal(count_events(&scene), 2);

	assert_int_equal(store_driver_run(rival, 12, repeat), OK);
	assert_true(rival->outcome.is_replayed);
	struct uuid winner = test_hold_id(1);
	assert_true(uuid_equal(&rival->outcome.resource_id, &winner));
	assert_int_equal(count_events(&scene), 2);
	scene_end(&scene);
}

/* 40001, of the row that both write. */
static void of_two_that_want_one_seat_at_once_one_is_busy(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *rival = &scene.rival;
	decide_hold(&scene.driver, 10, 1, "1 2");
	decide_hold(rival, 11, 2, "2 3");
	commit_both(&scene, true, STORE_OK, STORE_BUSY);
	assert_int_equal(count_events(&scene), 2);
	assert_int_equal(store_driver_run(rival, 12, hold_command(&rival->request, 2, "bob", "2 3")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(rival, 13, hold_command(&rival->request, 2, "bob", "3")), OK);
	scene_end(&scene);
}

/* 40001, of what each reads and the other writes: a refusal that rests on a seat which the other sets free. */
static void of_two_that_cross_one_is_busy(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver, *rival = &scene.rival;
	assert_int_equal(store_driver_run(rival, 1, hold_command(&rival->request, 1, "eve", "1")), OK);
	assert_int_equal(store_driver_run(rival, 2, hold_command(&rival->request, 2, "eve", "2")), OK);
	assert_int_equal(store_driver_run(driver, 3, hold_command(&driver->request, 3, "ann", "1 2")),
	                 ERR_SEATS_TAKEN); /* now it has seen them */
	store_driver_begin(driver, 10);
	assert_int_equal(store_driver_decide(driver, hold_command(&driver->request, 3, "ann", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_decide(driver, release_command(&driver->request, 2, "eve")), OK);
	store_driver_begin(rival, 11);
	assert_int_equal(store_driver_decide(rival, hold_command(&rival->request, 4, "bob", "2")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_decide(rival, release_command(&rival->request, 1, "eve")), OK);
	commit_both(&scene, false, STORE_BUSY, STORE_OK);
	assert_int_equal(count_events(&scene), 4);
	assert_int_equal(store_driver_run(driver, 12, hold_command(&driver->request, 3, "ann", "1")), OK);
	scene_end(&scene);
}

/* 40P01. Stores take rows in one order, so that the other must be somebody else. */
static void a_deadlock_makes_busy(void **state)
{
	struct scene scene = scene_begin(*state);
	struct committing driver;
	PGconn *other = PQconnectdb(backend_dsn(*state));
	int64_t hash = hash_of_database(&scene);
	decide_hold(&scene.driver, 10, 1, "1 2");
	run(other, "BEGIN");
	run(other, "SET LOCAL deadlock_timeout = '60s'"); /* it is not the one that gives up */
	run(other, "UPDATE seats SET price = price WHERE seat = 'A-1-2'");
	commit_begin(&driver, &scene.driver);
	wait_for_waiter(&scene);
	assert_int_equal(PQsendQuery(other, "UPDATE seats SET price = price WHERE seat = 'A-1-1'"), 1);
	assert_int_equal(commit_end(&driver), STORE_BUSY);
	PQfinish(other);
	wait_until(scene.session, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
	assert_int_equal(hash_of_database(&scene), hash);
	assert_int_equal(store_driver_run(&scene.driver, 11, hold_command(&scene.driver.request, 1, "ann", "1 2")), OK);
	scene_end(&scene);
}

/* The commit meets the fault: its answer is lost, the store says whether it happened, and nothing has happened twice. */
static void lose_answer(struct scene *scene, enum proxy_fault fault, bool happens)
{
	int64_t hash = hash_of_database(scene), events = count_events(scene);
	uint32_t faults = postgres_proxy_faults(scene->proxy);
	decide_hold(&scene->driver, 10, 1, "1");
	postgres_proxy_arm(scene->proxy, fault, 1, 1);
	assert_int_equal(store_driver_commit(&scene->driver), STORE_UNKNOWN);
	assert_int_equal(postgres_proxy_faults(scene->proxy), faults + 1);
	for (int i = 0; i < 2; i++)
		assert_true(resolve(&scene->driver) == happens);
	assert_int_equal(count_events(scene), happens ? events + 1 : events);
	assert_true((hash_of_database(scene) == hash) == !happens);
	enum error error = store_driver_run(&scene->driver, 11, hold_command(&scene->driver.request, 1, "ann", "1"));
	assert_int_equal(error, happens ? ERR_SEATS_TAKEN : OK);
	assert_int_equal(count_events(scene), events + 1);
}

static void a_connection_lost_before_the_commit_is_found_out(void **state)
{
	struct scene scene = scene_begin(*state);
	lose_answer(&scene, PROXY_CUTS_BEFORE_COMMIT, false);
	scene_end(&scene);
}

static void a_connection_lost_after_the_commit_is_found_out(void **state)
{
	struct scene scene = scene_begin(*state);
	lose_answer(&scene, PROXY_CUTS_BEFORE_ANSWER, true);
	scene_end(&scene);
}

static void a_connection_lost_in_the_answer_is_found_out(void **state)
{
	struct scene scene = scene_begin(*state);
	lose_answer(&scene, PROXY_CUTS_IN_ANSWER, true);
	scene_end(&scene);
}

/* 40003, which a PostgreSQL server never says: the proxy puts it in the place of the COMMIT's answer. */
static void a_commit_that_the_server_calls_unknown_is_found_out(void **state)
{
	struct scene scene = scene_begin(*state);
	lose_answer(&scene, PROXY_SAYS_UNKNOWN, true);

	decide_hold(&scene.driver, 20, 2, "2");
	assert_int_equal(store_driver_run(&scene.rival, 21, hold_command(&scene.rival.request, 3, "bob", "2")), OK);
	postgres_proxy_arm(scene.proxy, PROXY_SAYS_UNKNOWN, 1, 1);
	assert_int_equal(store_driver_commit(&scene.driver), STORE_UNKNOWN);
	assert_false(resolve(&scene.driver));
	assert_int_equal(count_events(&scene), 3);
	scene_end(&scene);
}

/* The transaction is still on its way when the store says that it did not happen. */
static void come_late(struct scene *scene, enum proxy_fault fault, const char *expected_state)
{
	char said[PROXY_STATE_MAX];
	int64_t hash = hash_of_database(scene);
	decide_hold(&scene->driver, 10, 1, "1");
	postgres_proxy_arm(scene->proxy, fault, 1, 1);
	assert_int_equal(store_driver_commit(&scene->driver), STORE_UNKNOWN);
	postgres_proxy_wait_held(scene->proxy);
	assert_false(resolve(&scene->driver));
	postgres_proxy_let_go(scene->proxy, said);
	assert_string_equal(said, expected_state);
	assert_false(resolve(&scene->driver));
	assert_int_equal(hash_of_database(scene), hash);
	assert_int_equal(store_driver_run(&scene->driver, 11, hold_command(&scene->driver.request, 1, "ann", "1")), OK);
	assert_int_equal(count_events(scene), 2);
}

static void a_transaction_that_was_given_up_cannot_come_later(void **state)
{
	struct scene scene = scene_begin(*state);
	come_late(&scene, PROXY_HOLDS_TRANSACTION, "22012");
	scene_end(&scene);
}

static void a_commit_that_was_given_up_cannot_come_later(void **state)
{
	struct scene scene = scene_begin(*state);
	come_late(&scene, PROXY_HOLDS_COMMIT, "40001");
	scene_end(&scene);
}

struct letting_go {
	pthread_t thread;
	struct postgres_proxy *proxy;
	long after_ms;
};

static void *let_go(void *argument)
{
	const struct letting_go *letting_go = argument;
	char said[PROXY_STATE_MAX];
	pause_ms(letting_go->after_ms);
	postgres_proxy_let_go(letting_go->proxy, said);
	return NULL;
}

/* The transaction goes on while it is being found out, a little earlier or later each time; either may be first. */
static void resolving_a_commit_tells_its_true_outcome(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver;
	for (uint32_t i = 1; i <= 30; i++) {
		struct letting_go letting_go = {.proxy = scene.proxy, .after_ms = i / 2};
		int64_t events = count_events(&scene);
		decide_hold(driver, (uint64_t)i * 10, i, "1");
		postgres_proxy_arm(scene.proxy, i % 2 == 0 ? PROXY_HOLDS_COMMIT : PROXY_HOLDS_TRANSACTION, 1, 1);
		assert_int_equal(store_driver_commit(driver), STORE_UNKNOWN);
		postgres_proxy_wait_held(scene.proxy);
		assert_int_equal(pthread_create(&letting_go.thread, NULL, let_go, &letting_go), 0);
		bool is_committed = resolve(driver);
		assert_int_equal(pthread_join(letting_go.thread, NULL), 0);
		assert_int_equal(count_events(&scene), is_committed ? events + 1 : events);
		assert_true(resolve(driver) == is_committed);
		if (is_committed)
			assert_int_equal(store_driver_run(driver, (uint64_t)i * 10 + 1, release_command(&driver->request, i, "ann")), OK);
	}
	scene_end(&scene);
}

/* As a commit lane does it: until it is done. */
static enum error persist(struct store_driver *driver, uint64_t *now_ms, struct command command)
{
	for (int tries = 0; tries < 100; tries++) {
		store_driver_begin(driver, ++*now_ms);
		enum error error = store_driver_decide(driver, command);
		enum store_result result = store_driver_commit(driver);
		assert_int_not_equal(result, STORE_CORRUPT);
		if (result == STORE_OK || (result == STORE_UNKNOWN && resolve(driver)))
			return error;
	}
	fail_msg("it is not done");
	return ERR_INTERNAL;
}

/* Resolving commits too, and is cut as well. */
static void nothing_is_lost_and_nothing_done_twice(void **state)
{
	enum { HOLDS = 60 };
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver;
	uint64_t now_ms = 0;
	postgres_proxy_arm(scene.proxy, PROXY_CUTS_ANYHOW, 2, UINT32_MAX);
	for (uint32_t i = 1; i <= HOLDS; i++) {
		struct command command = with_key(hold_command(&driver->request, i, "ann", "1 2 3"), (uint8_t)i, 1);
		assert_int_equal(persist(driver, &now_ms, command), OK);
		assert_int_equal(persist(driver, &now_ms, release_command(&driver->request, i, "ann")), OK);
	}
	assert_true(postgres_proxy_faults(scene.proxy) > HOLDS);
	assert_int_equal(count_events(&scene), 1 + 2 * HOLDS);
	assert_int_equal(ask(scene.session, "SELECT count(*) FROM holds WHERE status = 3"), HOLDS);
	assert_int_equal(ask(scene.session, "SELECT count(*) FROM seats WHERE status = 1"), TEST_SEAT_COUNT);
	scene_end(&scene);
}

/* The server ends all its sessions, recovers from its log and goes on when one of its processes is killed. */
static void crash_server(struct scene *scene)
{
	PGconn *victim = PQconnectdb(backend_dsn(scene->backend));
	(void)PQsetNoticeProcessor(scene->session, ignore_notice, NULL); /* the server says to each what has happened */
	(void)PQsetNoticeProcessor(victim, ignore_notice, NULL);
	assert_int_equal(kill((pid_t)ask(victim, "SELECT pg_backend_pid()"), SIGKILL), 0);
	PQfinish(victim);
	PGresult *last_words;
	while ((last_words = PQexec(scene->session, "SELECT 1")) != NULL && PQstatus(scene->session) == CONNECTION_OK)
		PQclear(last_words); /* until it ends */
	PQclear(last_words);
	for (int waited_ms = 0; PQstatus(scene->session) != CONNECTION_OK; waited_ms += 10) {
		assert_true(waited_ms < PATIENCE_MS);
		pause_ms(10);
		PQreset(scene->session);
	}
}

static void a_server_that_restarts_between_commits_is_found_again(void **state)
{
	struct scene scene = scene_begin(*state);
	struct store_driver *driver = &scene.driver, *rival = &scene.rival;
	uint64_t now_ms = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		crash_server(&scene);
		assert_int_equal(persist(driver, &now_ms, hold_command(&driver->request, i, "ann", "1 2")), OK);
		assert_int_equal(persist(rival, &now_ms, hold_command(&rival->request, 10 + i, "bob", "2 3")), ERR_SEATS_TAKEN);
		assert_int_equal(persist(driver, &now_ms, release_command(&driver->request, i, "ann")), OK);
	}
	assert_int_equal(count_events(&scene), 7);
	scene_end(&scene);
}

static void a_server_that_goes_in_a_commit_is_asked_when_it_is_back(void **state)
{
	struct scene scene = scene_begin(*state);
	char said[PROXY_STATE_MAX];
	decide_hold(&scene.driver, 10, 1, "1");
	postgres_proxy_arm(scene.proxy, PROXY_HOLDS_COMMIT, 1, 1);
	assert_int_equal(store_driver_commit(&scene.driver), STORE_UNKNOWN);
	postgres_proxy_wait_held(scene.proxy);
	crash_server(&scene);
	postgres_proxy_let_go(scene.proxy, said);
	assert_string_equal(said, "08006");
	assert_false(resolve(&scene.driver));
	assert_int_equal(count_events(&scene), 1);

	decide_hold(&scene.driver, 11, 1, "1");
	postgres_proxy_arm(scene.proxy, PROXY_CUTS_BEFORE_ANSWER, 1, 1);
	assert_int_equal(store_driver_commit(&scene.driver), STORE_UNKNOWN);
	crash_server(&scene);
	assert_true(resolve(&scene.driver));
	assert_int_equal(count_events(&scene), 2);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(changes_that_are_stale_write_nothing),
		BACKEND_TEST(of_two_with_one_key_at_once_one_is_stale),
		BACKEND_TEST(of_two_that_want_one_seat_at_once_one_is_busy),
		BACKEND_TEST(of_two_that_cross_one_is_busy),
		BACKEND_TEST(a_deadlock_makes_busy),
		BACKEND_TEST(a_connection_lost_before_the_commit_is_found_out),
		BACKEND_TEST(a_connection_lost_after_the_commit_is_found_out),
		BACKEND_TEST(a_connection_lost_in_the_answer_is_found_out),
		BACKEND_TEST(a_commit_that_the_server_calls_unknown_is_found_out),
		BACKEND_TEST(a_transaction_that_was_given_up_cannot_come_later),
		BACKEND_TEST(a_commit_that_was_given_up_cannot_come_later),
		BACKEND_TEST(resolving_a_commit_tells_its_true_outcome),
		BACKEND_TEST(nothing_is_lost_and_nothing_done_twice),
		BACKEND_TEST(a_server_that_restarts_between_commits_is_found_again),
		BACKEND_TEST(a_server_that_goes_in_a_commit_is_asked_when_it_is_back),
	};
	return backends_run("faults", tests, ARRAY_LENGTH(tests));
}
