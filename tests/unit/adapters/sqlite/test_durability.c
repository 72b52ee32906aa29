/* test_durability.c: the SQLite store when processes die, disks fill up and others hold the lock. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "tests/support/store_driver.h"

#define KILLS 10

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static struct store_driver open_driver(void)
{
	struct store_driver driver;
	store_driver_init(&driver, scratch_store(&scratch));
	return driver;
}

static void close_driver(struct store_driver *driver)
{
	store_free(driver->store);
	store_driver_release(driver);
}

static void open_sale(void)
{
	struct store_driver driver = open_driver();
	assert_int_equal(store_driver_run(&driver, 0, sale_create_command(&driver.request)), OK);
	close_driver(&driver);
}

/* Holds and releases seats for ever, and tells the number of each hold that is committed. Never returns. */
static void work_until_killed(int report, uint32_t first)
{
	struct store_driver driver = open_driver();
	for (uint32_t hold = first;; hold++) {
		(void)store_driver_run(&driver, hold, hold_command(&driver.request, hold, "ann", "1 2 3"));
		if (write(report, &hold, sizeof hold) != sizeof hold)
			_exit(1);
		(void)store_driver_run(&driver, hold, release_command(&driver.request, hold, "ann"));
	}
}

static bool has_hold(struct reader *reader, struct arena *arena, uint32_t number)
{
	struct uuid id = test_hold_id(number);
	const struct row *row = NULL;
	assert_int_equal(reader->operations->find(reader, ROW_HOLD, &id, arena, &row), STORE_OK);
	return row != NULL;
}

/* A killed child leaves the lock, the WAL and the index as they were at that instant. */
static void acknowledged_commits_survive_kill(void **state)
{
	(void)state;
	open_sale();
	struct arena arena;
	arena_init(&arena, 65536, 1 << 20);
	uint32_t next = 1;
	for (int i = 0; i < KILLS; i++) {
		int pipe_ends[2];
		assert_int_equal(pipe(pipe_ends), 0);
		pid_t child = fork();
		if (child == 0)
			work_until_killed(pipe_ends[1], next);
		close(pipe_ends[1]);
		(void)usleep((useconds_t)(15000 + i * 3000));
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		struct reader *reader = scratch_reader(&scratch);
		uint32_t acknowledged, count = 0;
		for (; read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged; count++)
			assert_true(has_hold(reader, &arena, acknowledged));
		close(pipe_ends[0]);
		next += count + 1; /* one more may be there unacknowledged */
		reader_free(reader);
		arena_clear(&arena);
		/* The last process may still hold the seats; the next one finds out and goes on. */
		struct store_driver driver = open_driver();
		(void)store_driver_run(&driver, next, release_command(&driver.request, next - 1, "ann"));
		(void)store_driver_run(&driver, next, release_command(&driver.request, next - 2, "ann"));
		assert_int_equal(store_driver_run(&driver, next, hold_command(&driver.request, next, "ann", "1 2 3")), OK);
		assert_int_equal(store_driver_run(&driver, next, release_command(&driver.request, next, "ann")), OK);
		next++;
		close_driver(&driver);
	}
	arena_release(&arena);
	scratch_execute(&scratch,
	                "UPDATE meta SET value = 1 / (SELECT count(*) = 0 FROM pragma_integrity_check WHERE integrity_check <> 'ok')"
	                " WHERE name = 'pings'");
}

/* No file may grow past this size: as if the disk were full. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_refuses_writes_serves_reads_and_recovers(void **state)
{
	(void)state;
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	open_sale();
	struct store_driver driver = open_driver();
	struct reader *reader = scratch_reader(&scratch);
	enum store_result result = STORE_OK;
	uint32_t hold = 0;
	limit_files(512 * 1024);
	while (result == STORE_OK && hold < 10000) {
		hold++;
		store_driver_begin(&driver, hold);
		if (store_driver_decide(&driver, hold_command(&driver.request, hold, "ann", "1")) != OK)
			fail_msg("hold %u is refused", hold);
		result = store_driver_commit(&driver);
		store_driver_begin(&driver, hold);
		if (result == STORE_OK && store_driver_decide(&driver, release_command(&driver.request, hold, "ann")) == OK)
			result = store_driver_commit(&driver);
	}
	assert_true(result == STORE_DOWN || result == STORE_UNKNOWN);
	assert_true(hold > 1);
	assert_true(has_hold(reader, &driver.request, 1));
	struct ping ping;
	enum store_result pinged = STORE_OK;
	for (int i = 0; i < 100 && pinged == STORE_OK; i++) /* a ping is smaller than a commit: a few may still fit */
		pinged = reader->operations->ping(reader, &ping);
	assert_int_equal(pinged, STORE_DOWN);
	assert_true(ping.problem[0] != '\0');

	limit_files(RLIM_INFINITY);
	assert_int_equal(reader->operations->ping(reader, &ping), STORE_OK);
	store_driver_begin(&driver, 20000);
	(void)store_driver_decide(&driver, release_command(&driver.request, hold, "ann"));
	assert_int_equal(store_driver_commit(&driver), STORE_OK);
	assert_int_equal(store_driver_run(&driver, 20001, hold_command(&driver.request, 20000, "ann", "1")), OK);
	assert_true(has_hold(reader, &driver.request, 20000));
	reader_free(reader);
	close_driver(&driver);
	(void)signal(SIGXFSZ, old);
}

static void a_lock_that_is_held_for_long_is_busy(void **state)
{
	(void)state;
	open_sale();
	sqlite3 *other = NULL;
	assert_int_equal(sqlite3_open(scratch.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	struct store_driver driver = open_driver();
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK); /* reading waits for nobody */
	assert_int_equal(store_driver_commit(&driver), STORE_BUSY);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_int_equal(store_driver_run(&driver, 2, hold_command(&driver.request, 1, "ann", "1")), OK);
	close_driver(&driver);
}

/* Pauses the sale when it is told to, and ends. */
static void pause_when_told(int told)
{
	char word;
	if (read(told, &word, 1) != 1)
		_exit(1);
	struct store_driver driver = open_driver();
	_exit(store_driver_run(&driver, 2, sale_command(&driver.request, COMMAND_SALE_PAUSE)) == OK ? 0 : 1);
}

static void another_process_is_noticed(void **state)
{
	(void)state;
	open_sale();
	int pipe_ends[2], status;
	assert_int_equal(pipe(pipe_ends), 0);
	pid_t child = fork(); /* while there is but one thread */
	if (child == 0)
		pause_when_told(pipe_ends[0]);
	struct store_driver driver = open_driver();
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(write(pipe_ends[1], "!", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(store_driver_run(&driver, 3, hold_command(&driver.request, 2, "ann", "2")), ERR_SALES_PAUSED);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	close_driver(&driver);
}

/* Some 200 MB are written, and copied to the file all the while; more, and slowly, where the copying thread gets no processor. */
static void the_write_ahead_log_begins_anew(void **state)
{
	(void)state;
	char path[96];
	const size_t length = 200000;
	char *data = test_calloc(1, length);
	struct stat status;
	struct store_driver driver = open_driver();
	memset(data, 'x', length);
	(void)snprintf(path, sizeof path, "%s-wal", scratch.path);
	bool is_anew = false;
	for (uint32_t i = 0; i < 1000 || (!is_anew && i < 3000); i++) {
		const struct event event = {
			.type = EVENT_SALE_PAUSED,
			.stream_id = test_event_id(),
			.sequence = i + 1,
			.actor = SLICE("operator"),
			.data = {.data = data, .length = length},
		};
		store_driver_begin(&driver, i);
		assert_non_null(changes_append(&driver.changes, &event));
		assert_int_equal(store_commit(driver.store, &driver.changes), STORE_OK);
		assert_int_equal(stat(path, &status), 0);
		is_anew = (size_t)status.st_size < (i + 1) * length / 2;
		if (i >= 1000)
			usleep(5000);
	}
	assert_true(is_anew);
	test_free(data);
	close_driver(&driver);
}

static void a_row_that_cannot_be_right_is_reported(void **state)
{
	(void)state;
	static const char *const columns[] = {"status = 9", "version = 0", "version = -1", "version = 1 << 62"};
	struct seat_name name = {.event_id = test_event_id(), .label = test_label(1)};
	struct needs needs = {.seats = &name, .seat_count = 1};
	char sql[128];
	open_sale();
	struct store_driver driver = open_driver();
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		(void)snprintf(sql, sizeof sql, "UPDATE seats SET status = 2, version = 1; UPDATE seats SET %s WHERE seat = 'A-1-1'",
		               columns[i]);
		scratch_execute(&scratch, sql);
		store_driver_begin(&driver, 1);
		assert_int_equal(store_load(driver.store, &needs, driver.view), STORE_CORRUPT);
	}
	close_driver(&driver);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(acknowledged_commits_survive_kill),    TEST(a_full_disk_refuses_writes_serves_reads_and_recovers),
		TEST(a_lock_that_is_held_for_long_is_busy), TEST(another_process_is_noticed),
		TEST(the_write_ahead_log_begins_anew),      TEST(a_row_that_cannot_be_right_is_reported),
	};
	return cmocka_run_group_tests_name("sqlite durability", tests, NULL, NULL);
}
