/* test_postgres_reads.c: many reads in one pipeline: its round trips, one that fails, and sessions that go, hang or come back, on a real server.
 *
 * The reader works through a proxy that counts exchanges; the driver and the session directly. */
#include "tests/contract/backends.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/postgres/postgres.h"
#include "base/now.h"
#include "ports/read_batch.h"
#include "tests/support/postgres_proxy.h"
#include "tests/support/store_driver.h"

#define HOLDS 3
#define ORDERS 3
#define READS (HOLDS + ORDERS + 2)

/* Holds 1 to 3 of ann; 4 to 6 became orders 1 to 3. */
struct scene {
	PGconn *session;
	struct postgres_proxy *proxy;
	struct store_driver driver;
	struct reader *reader;
	struct arena arena;
	struct read reads[READS]; /* the holds, the orders, a history, refunds */
	enum store_result results[READS];
	bool is_answered[READS];
	bool has_row[READS];
	uint32_t answered;
};

static void run(PGconn *session, const char *sql)
{
	PGresult *answer = PQexec(session, sql);
	if (PQresultStatus(answer) != PGRES_COMMAND_OK && PQresultStatus(answer) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(session));
	PQclear(answer);
}

static void make_reads(struct scene *scene)
{
	for (uint32_t i = 0; i < HOLDS + ORDERS; i++) {
		scene->reads[i].kind = READ_ROW;
		scene->reads[i].row.kind = i < HOLDS ? ROW_HOLD : ROW_ORDER;
		scene->reads[i].row.id = i < HOLDS ? test_hold_id(i + 1) : test_order_id(i + 1 - HOLDS);
	}
	scene->reads[READS - 2].kind = READ_HISTORY;
	scene->reads[READS - 2].history.stream_id = test_hold_id(1);
	scene->reads[READS - 2].history.limit = 10;
	scene->reads[READS - 1].kind = READ_REFUNDS;
	scene->reads[READS - 1].refunds.limit = 10;
}

static struct scene *scene_begin(struct backend *backend)
{
	struct scene *scene = calloc(1, sizeof *scene);
	char dsn[600], message[POSTGRES_MESSAGE_MAX], seat[2] = "1";
	assert_non_null(scene);
	scene->session = PQconnectdb(backend_dsn(backend));
	assert_int_equal(PQstatus(scene->session), CONNECTION_OK);
	scene->proxy = postgres_proxy_new("127.0.0.1", (uint16_t)strtoul(PQport(scene->session), NULL, 10), 0);
	assert_non_null(scene->proxy);
	(void)snprintf(dsn, sizeof dsn, "%s host=127.0.0.1 port=%u", backend_dsn(backend), postgres_proxy_port(scene->proxy));
	assert_int_equal(postgres_reader_open(dsn, &scene->reader, message), OK);
	arena_init(&scene->arena, 65536, 16 * 1024 * 1024);
	store_driver_init(&scene->driver, backend_store(backend));
	struct arena *request = &scene->driver.request;
	assert_int_equal(store_driver_run(&scene->driver, 0, sale_create_command(request)), OK);
	for (uint32_t i = 1; i <= HOLDS + ORDERS; i++, seat[0]++)
		assert_int_equal(store_driver_run(&scene->driver, i, hold_command(request, i, "ann", seat)), OK);
	for (uint32_t i = 1; i <= ORDERS; i++)
		assert_int_equal(store_driver_run(&scene->driver, 10 + i, order_command(request, i, "ann", HOLDS + i)), OK);
	make_reads(scene);
	return scene;
}

static void scene_end(struct scene *scene)
{
	reader_free(scene->reader);
	store_free(scene->driver.store);
	store_driver_release(&scene->driver);
	arena_release(&scene->arena);
	PQfinish(scene->session);
	postgres_proxy_free(scene->proxy);
	free(scene);
}

static void note_answer(void *context, uint32_t index, enum store_result result, const union read_answer *answer)
{
	struct scene *scene = context;
	assert_false(scene->is_answered[index]);
	scene->is_answered[index] = true;
	scene->results[index] = result;
	scene->has_row[index] = result == STORE_OK && scene->reads[index].kind == READ_ROW && answer->row != NULL;
	scene->answered++;
	arena_clear(&scene->arena);
}

static enum store_result read_all(struct scene *scene)
{
	const struct read_batch batch = {
		.reads = scene->reads, .count = READS, .arena = &scene->arena, .answered = note_answer, .context = scene};
	scene->answered = 0;
	for (uint32_t i = 0; i < READS; i++)
		scene->is_answered[i] = scene->has_row[i] = false;
	return scene->reader->operations->read_all(scene->reader, &batch);
}

static void assert_all_found(const struct scene *scene)
{
	assert_int_equal(scene->answered, READS);
	for (uint32_t i = 0; i < READS; i++) {
		assert_int_equal(scene->results[i], STORE_OK);
		assert_int_equal(scene->has_row[i], i < HOLDS + ORDERS);
	}
}

static void all_reads_are_one_round_trip(void **state)
{
	struct scene *scene = scene_begin(*state);
	assert_int_equal(read_all(scene), STORE_OK); /* makes the session */
	uint32_t before = postgres_proxy_exchanges(scene->proxy);
	assert_int_equal(read_all(scene), STORE_OK);
	assert_int_equal(postgres_proxy_exchanges(scene->proxy), before + 1);
	assert_all_found(scene);
	scene_end(scene);
}

/* Makes a view of the table in which one row fails: only a statement that reads it fails. */
static void poison_second_order(struct scene *scene, const char *state_of_error)
{
	char sql[2000], id[UUID_TEXT_LENGTH + 1];
	struct uuid order_id = test_order_id(2);
	uuid_format(&order_id, id);
	(void)snprintf(sql, sizeof sql,
	               "CREATE FUNCTION poison(id uuid, value int8) RETURNS int8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF id = '%s'"
	               " THEN RAISE EXCEPTION 'poison' USING ERRCODE = '%s'; END IF; RETURN value; END $$;"
	               " DO $$ DECLARE columns text; BEGIN SELECT string_agg(CASE column_name WHEN 'total' THEN"
	               " 'poison(order_id, total) AS total' ELSE column_name END, ', ' ORDER BY ordinal_position) INTO columns"
	               " FROM information_schema.columns WHERE table_name = 'orders' AND table_schema = current_schema();"
	               " ALTER TABLE orders RENAME TO orders_stored; EXECUTE 'CREATE VIEW orders AS SELECT ' || columns ||"
	               " ' FROM orders_stored'; END $$",
	               id, state_of_error);
	run(scene->session, sql);
}

static void assert_second_order_alone_failed(const struct scene *scene, enum store_result result)
{
	assert_int_equal(scene->answered, READS);
	for (uint32_t i = 0; i < READS; i++) {
		bool is_poison = i == HOLDS + 1;
		assert_int_equal(scene->results[i], is_poison ? result : STORE_OK);
		assert_int_equal(scene->has_row[i], i < HOLDS + ORDERS && !is_poison);
	}
}

static void one_that_fails_fails_alone(void **state)
{
	struct scene *scene = scene_begin(*state);
	poison_second_order(scene, "22000");
	assert_int_equal(read_all(scene), STORE_OK);
	assert_second_order_alone_failed(scene, STORE_CORRUPT);
	assert_int_equal(read_all(scene), STORE_OK);
	assert_second_order_alone_failed(scene, STORE_CORRUPT);
	assert_int_equal(postgres_proxy_connections(scene->proxy), 1);
	scene_end(scene);
}

/* An error after which the session is made again, as by a server that goes: tried once more first. */
static void one_whose_errors_end_sessions_fails_alone_too(void **state)
{
	struct scene *scene = scene_begin(*state);
	poison_second_order(scene, "57014");
	assert_int_equal(read_all(scene), STORE_OK);
	assert_second_order_alone_failed(scene, STORE_DOWN);
	assert_in_range(postgres_proxy_connections(scene->proxy), 2, 4);
	scene_end(scene);
}

static void a_session_that_was_cut_is_made_again(void **state)
{
	struct scene *scene = scene_begin(*state);
	assert_int_equal(read_all(scene), STORE_OK);
	postgres_proxy_cut_all(scene->proxy);
	assert_int_equal(read_all(scene), STORE_OK);
	assert_all_found(scene);
	assert_int_equal(postgres_proxy_connections(scene->proxy), 2);
	scene_end(scene);
}

/* Its orders hang: the reads before them are answered, the others are not, in time. */
static void a_hanging_read_ends_at_its_deadline(void **state)
{
	struct scene *scene = scene_begin(*state);
	assert_int_equal(read_all(scene), STORE_OK);
	run(scene->session, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
	uint64_t began_ns = monotonic_now_ns();
	scene->reader->deadline_ns = began_ns + 300 * UINT64_C(1000000);
	assert_int_equal(read_all(scene), STORE_DOWN);
	assert_true(monotonic_now_ns() >= began_ns + 300 * UINT64_C(1000000));
	assert_true(scene->answered == 0 || scene->answered == HOLDS); /* the server may keep its answers until the end */
	for (uint32_t i = HOLDS; i < READS; i++)
		assert_false(scene->is_answered[i]);
	run(scene->session, "ROLLBACK");
	scene->reader->deadline_ns = 0;
	assert_int_equal(read_all(scene), STORE_OK);
	assert_all_found(scene);
	scene_end(scene);
}

static void only_the_read_that_waits_too_long_for_a_lock_fails(void **state)
{
	struct scene *scene = scene_begin(*state);
	assert_int_equal(read_all(scene), STORE_OK);
	run(scene->session, "BEGIN; LOCK TABLE refunds IN ACCESS EXCLUSIVE MODE");
	assert_int_equal(read_all(scene), STORE_OK);
	assert_int_equal(scene->answered, READS);
	for (uint32_t i = 0; i < READS; i++)
		assert_int_equal(scene->results[i], i == READS - 1 ? STORE_BUSY : STORE_OK);
	run(scene->session, "ROLLBACK");
	scene_end(scene);
}

static void a_server_that_is_not_there_answers_none(void **state)
{
	struct scene *scene = scene_begin(*state);
	char message[POSTGRES_MESSAGE_MAX];
	reader_free(scene->reader);
	assert_int_equal(postgres_reader_open("host=127.0.0.1 port=1 user=tro dbname=postgres", &scene->reader, message), OK);
	scene->reader->deadline_ns = monotonic_now_ns() + 500 * UINT64_C(1000000);
	assert_int_equal(read_all(scene), STORE_DOWN);
	assert_int_equal(scene->answered, 0);
	scene_end(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(all_reads_are_one_round_trip),
		BACKEND_TEST(one_that_fails_fails_alone),
		BACKEND_TEST(one_whose_errors_end_sessions_fails_alone_too),
		BACKEND_TEST(a_session_that_was_cut_is_made_again),
		BACKEND_TEST(a_hanging_read_ends_at_its_deadline),
		BACKEND_TEST(only_the_read_that_waits_too_long_for_a_lock_fails),
		BACKEND_TEST(a_server_that_is_not_there_answers_none),
	};
	return backends_run("reads on PostgreSQL", tests, ARRAY_LENGTH(tests));
}
