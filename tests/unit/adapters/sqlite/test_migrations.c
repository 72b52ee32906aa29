#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static void an_empty_file_is_migrated_and_again_without_effect(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "INSERT INTO meta VALUES ('kept', 1)");
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "UPDATE meta SET value = 1 / (SELECT count(*) = 1 FROM meta WHERE name = 'kept') WHERE name = 'pings'");
	store_free(scratch_store(&scratch));
}

/* Expects the migration to be refused with a message that has the words. */
static void expect_refusal(const char *words)
{
	char message[SQLITE_MESSAGE_MAX] = "";
	assert_int_equal(sqlite_migrate(scratch.path, NULL, message), ERR_CORRUPT);
	if (strstr(message, words) == NULL)
		fail_msg("%s", message);
}

static void an_edited_migration_is_refused(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "UPDATE migrations SET checksum = checksum + 1 WHERE number = 1");
	expect_refusal("001_core.sql was edited");
}

static void a_newer_database_is_refused(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "UPDATE meta SET value = 999 WHERE name = 'schema_floor';"
	                          "INSERT INTO migrations VALUES (999, '999_future.sql', 1, 1)");
	expect_refusal("999_future.sql, which this program does not have: use a newer one");
}

static void a_newer_database_that_allows_this_program_is_left_as_it_is(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "INSERT INTO migrations VALUES (999, '999_future.sql', 1, 1)");
	scratch_migrate(&scratch);
	store_free(scratch_store(&scratch));
	scratch_execute(&scratch, "DELETE FROM meta WHERE name = 'schema_floor'"); /* it does not say whom it allows */
	expect_refusal("999_future.sql, which this program does not have: use a newer one");
}

static void a_missing_migration_is_refused(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "INSERT INTO migrations VALUES (0, '000_lost.sql', 1, 1)");
	expect_refusal("000_lost.sql, which this program does not have");
}

static void a_gap_among_the_migrations_is_refused(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "DELETE FROM migrations WHERE number = 2");
	expect_refusal(", but lacks 002_");
}

static void a_refusal_changes_nothing(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch, "UPDATE meta SET value = 999 WHERE name = 'schema_floor';"
	                          "INSERT INTO migrations VALUES (999, '999_future.sql', 1, 1)");
	expect_refusal("999_future.sql");
	scratch_execute(&scratch, "DELETE FROM migrations WHERE number = 999; UPDATE meta SET value = 10 WHERE name = 'schema_floor'");
	scratch_migrate(&scratch);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX] = "";
	char garbage[8192];
	memset(garbage, 'x', sizeof garbage);
	int file = open(scratch.path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(file, garbage, sizeof garbage), sizeof garbage);
	close(file);
	assert_int_equal(sqlite_migrate(scratch.path, NULL, message), ERR_SYSTEM);
	assert_non_null(strstr(message, "not a database"));
}

static void a_file_that_cannot_be_opened_says_so(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX] = "";
	assert_int_equal(sqlite_migrate("/nowhere/at/all/tro.db", NULL, message), ERR_SYSTEM);
	assert_non_null(strstr(message, "/nowhere/at/all/tro.db"));
}

static void a_database_without_migrations_is_not_opened(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX] = "";
	struct store *store;
	struct reader *reader;
	assert_int_equal(sqlite_store_open(scratch.path, false, &store, message), ERR_SYSTEM);
	assert_int_equal(sqlite_reader_open(scratch.path, &reader, message), ERR_SYSTEM);
	scratch_execute(&scratch, "CREATE TABLE other (x)");
	assert_int_equal(sqlite_reader_open(scratch.path, &reader, message), ERR_SYSTEM);
	assert_non_null(strstr(message, "no such table"));
}

static void *migrate(void *context)
{
	(void)context;
	scratch_migrate(&scratch);
	return NULL;
}

static void processes_that_start_together_migrate_once(void **state)
{
	(void)state;
	pthread_t threads[4];
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	store_free(scratch_store(&scratch));
}

static void a_replay_that_an_earlier_version_did_not_end_is_found_at_the_start(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX] = "";
	scratch_migrate(&scratch);
	struct store *store;
	scratch_execute(&scratch, "UPDATE meta SET value = 1 WHERE name = 'replaying'");
	assert_int_equal(sqlite_store_open(scratch.path, false, &store, message), ERR_CORRUPT);
	assert_non_null(strstr(message, "run the replay again"));
	assert_int_equal(sqlite_store_open(scratch.path, true, &store, message), OK);
	assert_int_equal(store->operations->replay_begin(store), STORE_OK);
	assert_int_equal(store->operations->replay_clear(store), STORE_OK);
	assert_int_equal(store->operations->replay_end(store, true), STORE_OK);
	store_free(store);
	store_free(scratch_store(&scratch));
}

static void a_replay_whose_process_dies_has_changed_nothing(void **state)
{
	(void)state;
	scratch_migrate(&scratch);
	scratch_execute(&scratch,
	                "INSERT INTO payments VALUES ('t-1', zeroblob(16), 1, zeroblob(16), 1, 1000, 'EUR', zeroblob(16), zeroblob(16))");
	struct store *store = scratch_store(&scratch);
	assert_int_equal(store->operations->replay_begin(store), STORE_OK);
	assert_int_equal(store->operations->replay_clear(store), STORE_OK);
	store_free(store); /* as the system does for a process that is killed: the connection goes, and nothing is said */
	scratch_execute(&scratch, "UPDATE payments SET version = 1 / (CASE WHEN (SELECT count(*) FROM payments) = 1 THEN 1 END)");
	store_free(scratch_store(&scratch));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_file_is_migrated_and_again_without_effect),
		TEST(an_edited_migration_is_refused),
		TEST(a_newer_database_is_refused),
		TEST(a_newer_database_that_allows_this_program_is_left_as_it_is),
		TEST(a_missing_migration_is_refused),
		TEST(a_gap_among_the_migrations_is_refused),
		TEST(a_refusal_changes_nothing),
		TEST(a_file_that_is_no_database_is_refused),
		TEST(a_file_that_cannot_be_opened_says_so),
		TEST(a_database_without_migrations_is_not_opened),
		TEST(processes_that_start_together_migrate_once),
		TEST(a_replay_that_an_earlier_version_did_not_end_is_found_at_the_start),
		TEST(a_replay_whose_process_dies_has_changed_nothing),
	};
	return cmocka_run_group_tests_name("sqlite migrations", tests, NULL, NULL);
}
