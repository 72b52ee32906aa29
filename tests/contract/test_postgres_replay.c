/* test_postgres_replay.c: a replay beside services, on a real server: writers that are let in or kept out, waits, and leftovers.
 *
 * The driver works through a proxy that delays and holds its COMMITs; replays go to the server directly. */
#include "tests/contract/backends.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/postgres/postgres.h"
#include "tests/support/store_driver.h"
#include "tests/support/postgres_proxy.h"

#define PATIENCE_MS 15000

struct scene {
	struct backend *backend;
	struct postgres_proxy *proxy;
	PGconn *session; /* to look at the database */
	struct store_driver driver;
};

static int64_t ask(const struct scene *scene, const char *sql)
{
	PGresult *answer = PQexec(scene->session, sql);
	if (PQresultStatus(answer) != PGRES_TUPLES_OK || PQntuples(answer) == 0)
		fail_msg("%s: %s", sql, PQerrorMessage(scene->session));
	int64_t value = strtoll(PQgetvalue(answer, 0, 0), NULL, 10);
	PQclear(answer);
	return value;
}

static void wait_for_waiter(const struct scene *scene)
{
	for (int waited_ms = 0; ask(scene, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0; waited_ms += 10) {
		assert_true(waited_ms < PATIENCE_MS);
		(void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

static struct scene begin(struct backend *backend)
{
	struct scene scene = {.backend = backend, .session = PQconnectdb(backend_dsn(backend))};
	char dsn[600], message[POSTGRES_MESSAGE_MAX];
	struct store *store;
	assert_int_equal(PQstatus(scene.session), CONNECTION_OK);
	uint16_t port = (uint16_t)strtoul(PQport(scene.session), NULL, 10);
	scene.proxy = postgres_proxy_new(PQhost(scene.session), port, 0);
	assert_non_null(scene.proxy);
	(void)snprintf(dsn, sizeof dsn, "%s host=127.0.0.1 port=%u", backend_dsn(backend), postgres_proxy_port(scene.proxy));
	assert_int_equal(postgres_store_open(dsn, false, &store, message), OK);
	store_driver_init(&scene.driver, store);
	assert_int_equal(store_driver_run(&scene.driver, 0, sale_create_command(&scene.driver.request)), OK);
	return scene;
}

static void end(struct scene *scene)
{
	store_free(scene->driver.store);
	store_driver_release(&scene->driver);
	PQfinish(scene->session);
	postgres_proxy_free(scene->proxy);
}

/* One that may open a store whose replay was interrupted. */
static struct store *replay_store(const struct scene *scene)
{
	struct store *store;
	char message[POSTGRES_MESSAGE_MAX];
	assert_int_equal(postgres_store_open(backend_dsn(scene->backend), true, &store, message), OK);
	return store;
}

static enum store_result replay_begin(struct store *store)
{
	return store->operations->replay_begin(store);
}

static enum store_result replay_end(struct store *store, bool is_done)
{
	return store->operations->replay_end(store, is_done);
}

static void decide_hold(struct store_driver *driver, uint64_t after_ms, uint32_t hold, const char *seats)
{
	store_driver_begin(driver, after_ms);
	assert_int_equal(store_driver_decide(driver, hold_command(&driver->request, hold, "ann", seats)), OK);
}

static enum store_result load_sale(struct store_driver *driver)
{
	struct uuid event_id = test_event_id();
	return store_load(driver->store, &(struct needs){.sales = &event_id, .sale_count = 1}, driver->view);
}

/* A step of a replay or a commit on another thread. */
struct task {
	pthread_t thread;
	struct store *store;
	struct store_driver *driver;
	enum store_result result;
};

static void *do_task(void *argument)
{
	struct task *task = argument;
	task->result = task->driver != NULL ? store_driver_commit(task->driver) : replay_begin(task->store);
	return NULL;
}

static void task_begin(struct task *task)
{
	assert_int_equal(pthread_create(&task->thread, NULL, do_task, task), 0);
}

static enum store_result task_end(struct task *task)
{
	assert_int_equal(pthread_join(task->thread, NULL), 0);
	return task->result;
}

static void replay_waits_for_the_commits_on_their_way(void **state)
{
	struct scene scene = begin(*state);
	struct store *store = replay_store(&scene);
	struct task commit = {.driver = &scene.driver}, replay = {.store = store};
	char sqlstate[PROXY_STATE_MAX];
	decide_hold(&scene.driver, 1, 1, "1");
	postgres_proxy_arm(scene.proxy, PROXY_DELAYS_COMMIT, 1, 1);
	task_begin(&commit);
	postgres_proxy_wait_held(scene.proxy);
	task_begin(&replay);
	wait_for_waiter(&scene);
	assert_int_equal(ask(&scene, "SELECT count(*) FROM events"), 1);
	postgres_proxy_let_go(scene.proxy, sqlstate);
	assert_int_equal(task_end(&commit), STORE_OK);
	assert_int_equal(task_end(&replay), STORE_OK);
	assert_int_equal(ask(&scene, "SELECT count(*) FROM events"), 2);
	assert_int_equal(replay_end(store, false), STORE_OK);
	store_free(store);
	end(&scene);
}

static void commit_that_arrives_when_a_replay_has_begun_is_refused(void **state)
{
	struct scene scene = begin(*state);
	struct store *store = replay_store(&scene);
	char sqlstate[PROXY_STATE_MAX];
	decide_hold(&scene.driver, 1, 1, "1");
	postgres_proxy_arm(scene.proxy, PROXY_HOLDS_TRANSACTION, 1, 1);
	assert_int_equal(store_driver_commit(&scene.driver), STORE_UNKNOWN);
	assert_int_equal(replay_begin(store), STORE_OK);
	postgres_proxy_let_go(scene.proxy, sqlstate);
	assert_string_equal(sqlstate, "22012");
	assert_int_equal(ask(&scene, "SELECT count(*) FROM events"), 1);
	assert_int_equal(replay_end(store, false), STORE_OK);
	store_free(store);
	end(&scene);
}

static void nobody_writes_while_a_replay_runs(void **state)
{
	struct scene scene = begin(*state);
	struct store *store = replay_store(&scene);
	decide_hold(&scene.driver, 1, 1, "1");
	assert_int_equal(replay_begin(store), STORE_OK);
	assert_int_equal(store_driver_commit(&scene.driver), STORE_STALE);
	view_step_begin(scene.driver.view, 2);
	assert_int_equal(load_sale(&scene.driver), STORE_DOWN);
	assert_int_equal(replay_end(store, false), STORE_OK);
	assert_int_equal(ask(&scene, "SELECT count(*) FROM events"), 1);
	assert_int_equal(store_driver_run(&scene.driver, 3, hold_command(&scene.driver.request, 1, "ann", "1")), OK);
	store_free(store);
	end(&scene);
}

/* The row was wrong and its version right: a version alone would not show that it was mended. */
static void a_replay_makes_the_store_forget_its_rows(void **state)
{
	struct scene scene = begin(*state);
	struct store *store = replay_store(&scene);
	struct store_driver *driver = &scene.driver;
	struct uuid event_id = test_event_id();
	struct seat_label label = test_label(1);
	(void)ask(&scene, "UPDATE seats SET price = 7 RETURNING 1");
	decide_hold(driver, 1, 1, "1");
	assert_int_equal(view_seat(driver->view, &event_id, &label)->price, 7);
	assert_int_equal(replay_begin(store), STORE_OK);
	(void)ask(&scene, "UPDATE seats SET price = 1000 RETURNING 1"); /* as the replay would */
	assert_int_equal(replay_end(store, false), STORE_OK);
	assert_int_equal(store_driver_commit(driver), STORE_STALE);
	decide_hold(driver, 2, 1, "1");
	assert_int_equal(view_seat(driver->view, &event_id, &label)->price, 1000);
	assert_int_equal(store_driver_commit(driver), STORE_OK);
	store_free(store);
	end(&scene);
}

static void interrupted_replay_keeps_out_until_another_has_ended(void **state)
{
	struct scene scene = begin(*state);
	struct store *first = replay_store(&scene), *second = replay_store(&scene);
	assert_int_equal(replay_begin(first), STORE_OK);
	assert_int_equal(first->operations->replay_clear(first), STORE_OK);
	store_free(first); /* the session goes, as when the process is killed */
	assert_true(ask(&scene, "SELECT count(*) FROM seats") > 0);
	view_clear(scene.driver.view);
	assert_int_equal(load_sale(&scene.driver), STORE_DOWN);
	assert_int_equal(replay_begin(second), STORE_OK);
	assert_int_equal(replay_end(second, false), STORE_OK);
	assert_int_equal(load_sale(&scene.driver), STORE_OK);
	store_free(second);
	end(&scene);
}

static void of_two_replays_the_first_gives_way(void **state)
{
	struct scene scene = begin(*state);
	struct store *first = replay_store(&scene), *second = replay_store(&scene);
	assert_int_equal(replay_begin(first), STORE_OK);
	assert_int_equal(replay_begin(second), STORE_OK);
	assert_int_equal(first->operations->replay_clear(first), STORE_STALE);
	assert_int_equal(replay_end(first, false), STORE_STALE);
	assert_int_equal(load_sale(&scene.driver), STORE_DOWN);
	assert_int_equal(replay_end(second, false), STORE_OK);
	assert_int_equal(load_sale(&scene.driver), STORE_OK);
	store_free(first);
	store_free(second);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(replay_waits_for_the_commits_on_their_way),
		BACKEND_TEST(commit_that_arrives_when_a_replay_has_begun_is_refused),
		BACKEND_TEST(nobody_writes_while_a_replay_runs),
		BACKEND_TEST(a_replay_makes_the_store_forget_its_rows),
		BACKEND_TEST(interrupted_replay_keeps_out_until_another_has_ended),
		BACKEND_TEST(of_two_replays_the_first_gives_way),
	};
	return backends_run("postgres replay", tests, ARRAY_LENGTH(tests));
}
