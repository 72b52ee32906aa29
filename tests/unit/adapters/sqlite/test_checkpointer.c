/* test_checkpointer.c: how long the write-ahead log becomes, and who waits for its checkpoints, when the disk is slow and when a reader needs it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <unistd.h>

#include "adapters/sqlite/checkpointer.h"
#include "base/now.h"
#include "scratch.h"
#include "watched_files.h"

#define PAGES_OF_COMMIT 50 /* at most */
#define PAGES_OF_COMMIT_MIN 40
#define STEP_US 1000
#define STEPS_MAX 20000

static const struct checkpointer_limits limits = {.burst = 100, .longer = 400, .full = 800, .wait_ms = 20000};
static const struct checkpointer_limits limits_impatient = {.burst = 100, .longer = 400, .full = 800, .wait_ms = 1};

static struct scratch scratch;
static struct checkpointer *checkpointer;
static sqlite3 *writer;
static pthread_t main_thread;       /* the writer's */
static atomic_uint commits, syncs;  /* syncs: of the file, by the thread, that have begun */
static atomic_uint unsynced;        /* pages of the file that were written since its last sync */
static atomic_bool is_stuck;        /* every sync by the thread */
static atomic_uint lets_pass;       /* commits during every sync by the thread, or as many as come in a while */
static atomic_bool is_overtaken;    /* every checkpoint of the thread, by a commit or more */
static bool is_patient;             /* the writer */
static uint32_t wal_pages, longest; /* as of the last commit; of all */
static uint32_t began_anew, turns;  /* turns: of the writer */
static uint32_t writer_synced;      /* pages, by a turn of the writer, at most */

static void let_pass(uint32_t count)
{
	uint32_t first = commits;
	for (uint32_t i = 0; i < 50 && commits - first < count; i++)
		(void)usleep(STEP_US);
}

static int sync_file(sqlite3_file *file, int flags)
{
	if (pthread_equal(pthread_self(), main_thread)) {
		writer_synced = unsynced > writer_synced ? unsynced : writer_synced;
	} else {
		syncs++;
		for (uint32_t i = 0; i < STEPS_MAX && is_stuck; i++)
			(void)usleep(STEP_US);
		let_pass(lets_pass);
	}
	unsynced = 0;
	return watched_sync(file, flags);
}

static int write_file(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	if (is_overtaken && unsynced % 40 == 0 && !pthread_equal(pthread_self(), main_thread))
		let_pass(1);
	unsynced++;
	return watched_write(file, bytes, length, offset);
}

static int notice(void *context, sqlite3 *handle, const char *schema, int pages)
{
	(void)context;
	(void)schema;
	began_anew += (uint32_t)pages < wal_pages;
	wal_pages = (uint32_t)pages;
	longest = wal_pages > longest ? wal_pages : longest;
	checkpointer_note(checkpointer, wal_pages);
	if (!checkpointer_settle(checkpointer, is_patient))
		return SQLITE_OK;
	turns++;
	(void)sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

static void begin(const struct checkpointer_limits *chosen)
{
	char message[SQLITE_MESSAGE_MAX];
	assert_int_equal(checkpointer_new(scratch.path, chosen, &checkpointer, message), OK);
}

static int set_up(void **state)
{
	(void)state;
	watch_files(SQLITE_OPEN_MAIN_DB, sync_file, write_file);
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	assert_int_equal(sqlite3_open(scratch.path, &writer), SQLITE_OK);
	/* The test is about the order of syncs and checkpoints, not about the disk. */
	assert_int_equal(sqlite3_exec(writer,
	                              "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;"
	                              "CREATE TABLE filler (id INTEGER PRIMARY KEY, value BLOB); INSERT INTO filler VALUES (1, NULL)",
	                              NULL, NULL, NULL),
	                 SQLITE_OK);
	(void)sqlite3_wal_hook(writer, notice, NULL);
	main_thread = pthread_self();
	syncs = commits = unsynced = lets_pass = 0;
	is_stuck = is_overtaken = is_patient = false;
	wal_pages = longest = began_anew = turns = writer_synced = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	is_stuck = false;
	checkpointer_free(checkpointer);
	(void)sqlite3_close(writer);
	scratch_remove(&scratch);
	watch_no_files();
	return 0;
}

static void commit_some(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(sqlite3_exec(writer, "UPDATE filler SET value = randomblob(163000)", NULL, NULL, NULL), SQLITE_OK);
		commits++;
	}
}

static void *commit_patiently(void *context)
{
	main_thread = pthread_self();
	commit_some(100);
	return context;
}

/* A checkpoint that a commit overtakes does not sync, and leaves it to a later one. */
static void commit_until_sync(void)
{
	for (uint32_t i = 0; i < STEPS_MAX && syncs == 0; i++) {
		if (i % 100 == 0)
			commit_some(3);
		(void)usleep(STEP_US);
	}
	assert_int_equal(syncs, 1);
}

static void commits_go_on_during_a_checkpoint(void **state)
{
	(void)state;
	begin(&limits);
	is_stuck = true;
	commit_until_sync();
	uint32_t before = wal_pages;
	commit_some(5);
	assert_true(is_stuck && syncs == 1);
	assert_true(wal_pages >= before + 5 * PAGES_OF_COMMIT_MIN);
}

static void a_log_that_the_thread_has_copied_begins_anew(void **state)
{
	(void)state;
	begin(&limits);
	for (uint32_t i = 0; i < STEPS_MAX && began_anew == 0; i++) {
		commit_some(3);
		(void)usleep(STEP_US);
	}
	assert_true(began_anew > 0);
}

/* Behind every checkpoint there is a rest. The thread syncs what it has copied. */
static void the_writer_copies_the_rest_of_a_long_log_and_syncs_no_more(void **state)
{
	(void)state;
	begin(&limits);
	is_overtaken = true;
	for (uint32_t i = 0; i < STEPS_MAX && turns < 2; i++) {
		commit_some(1);
		(void)usleep(STEP_US);
	}
	assert_true(turns >= 2 && writer_synced <= limits.burst);
}

/* During each sync the writer commits more than a burst, so that there never is a short rest. */
static void a_writer_that_is_faster_than_the_disk_waits_when_the_log_is_full(void **state)
{
	(void)state;
	begin(&limits);
	lets_pass = 4;
	commit_some(120);
	assert_true(longest < limits.full + PAGES_OF_COMMIT);
	assert_true(began_anew >= 120 * PAGES_OF_COMMIT_MIN / (limits.full + PAGES_OF_COMMIT) - 1);
}

/* As the one above, but it does not let the thread come behind by much. */
static void a_patient_writer_keeps_to_what_the_thread_copies(void **state)
{
	(void)state;
	begin(&limits);
	is_stuck = is_patient = true;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, commit_patiently, NULL), 0);
	for (uint32_t i = 0; i < STEPS_MAX && syncs == 0; i++)
		(void)usleep(STEP_US);
	assert_int_equal(syncs, 1);
	(void)usleep(50 * STEP_US);
	uint32_t before = commits;
	assert_true(before * PAGES_OF_COMMIT_MIN <= 4 * limits.burst);
	is_stuck = false;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(commits, 100);
}

static void a_writer_that_has_waited_for_a_stuck_disk_goes_on(void **state)
{
	(void)state;
	begin(&limits_impatient);
	is_stuck = true;
	commit_some(30);
	assert_true(is_stuck && longest >= limits.full);
}

static void *settle(void *context)
{
	bool is_writers_turn = checkpointer_settle(checkpointer, false);
	return is_writers_turn ? context : NULL;
}

/* The stores of a file share the thread. */
static void all_writers_that_wait_are_woken(void **state)
{
	(void)state;
	pthread_t writers[4];
	begin(&limits);
	is_stuck = true;
	commit_until_sync();
	checkpointer_note(checkpointer, limits.full);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, settle, NULL), 0);
	(void)usleep(100 * STEP_US);
	uint64_t began_ns = monotonic_now_ns();
	is_stuck = false;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
	assert_true((monotonic_now_ns() - began_ns) / 1000000 < limits.wait_ms / 2);
}

static void no_commit_waits_for_a_reader_and_the_log_begins_anew_behind_it(void **state)
{
	(void)state;
	sqlite3 *reader;
	begin(&limits);
	commit_some(1);
	assert_int_equal(sqlite3_open(scratch.path, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM filler", NULL, NULL, NULL), SQLITE_OK);
	commit_some(60);
	assert_true(wal_pages > 2 * limits.full && began_anew == 0 && turns == 0);
	assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(reader), SQLITE_OK);
	commit_some(60);
	assert_true(began_anew >= 1 && wal_pages < limits.full + PAGES_OF_COMMIT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commits_go_on_during_a_checkpoint),
		TEST(a_log_that_the_thread_has_copied_begins_anew),
		TEST(the_writer_copies_the_rest_of_a_long_log_and_syncs_no_more),
		TEST(a_writer_that_is_faster_than_the_disk_waits_when_the_log_is_full),
		TEST(a_patient_writer_keeps_to_what_the_thread_copies),
		TEST(a_writer_that_has_waited_for_a_stuck_disk_goes_on),
		TEST(all_writers_that_wait_are_woken),
		TEST(no_commit_waits_for_a_reader_and_the_log_begins_anew_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
