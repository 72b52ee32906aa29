/* test_lost_sync.c: a commit whose sync failed is in the file all the same, as long as nothing is written over it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "tests/support/store_driver.h"
#include "watched_files.h"

static atomic_bool is_sync_failing;

static int sync_log(sqlite3_file *file, int flags)
{
	return is_sync_failing ? SQLITE_IOERR_FSYNC : watched_sync(file, flags);
}

static int set_up(void **state)
{
	static struct scratch scratch;
	watch_files(SQLITE_OPEN_WAL, sync_log, NULL);
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	*state = &scratch;
	return 0;
}

static int tear_down(void **state)
{
	scratch_remove(*state);
	watch_no_files();
	return 0;
}

static void copy_file(const struct scratch *from, const struct scratch *to, const char *suffix)
{
	static char bytes[16 * 1024 * 1024];
	char path[96];
	(void)snprintf(path, sizeof path, "%s%s", from->path, suffix);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t length = fread(bytes, 1, sizeof bytes, file);
	assert_true(length > 0 && length < sizeof bytes);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof path, "%s%s", to->path, suffix);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

/* Whether the hold is there when the machine goes down now, and all that was written has reached the disk. */
static bool has_hold_after_power_cut(const struct scratch *scratch, struct arena *arena, uint32_t number)
{
	struct scratch found;
	struct uuid id = test_hold_id(number);
	const struct row *row = NULL;
	scratch_make(&found);
	copy_file(scratch, &found, "");
	copy_file(scratch, &found, "-wal");
	struct reader *reader = scratch_reader(&found);
	assert_int_equal(reader->operations->find(reader, ROW_HOLD, &id, arena, &row), STORE_OK);
	reader_free(reader);
	scratch_remove(&found);
	return row != NULL;
}

static void a_commit_that_was_found_not_to_have_happened_stays_away(void **state)
{
	struct store_driver driver;
	bool is_committed = true;
	store_driver_init(&driver, scratch_store(*state));
	assert_int_equal(store_driver_run(&driver, 0, sale_create_command(&driver.request)), OK);
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	is_sync_failing = true;
	assert_int_equal(store_driver_commit(&driver), STORE_UNKNOWN);
	assert_true(has_hold_after_power_cut(*state, &driver.request, 1)); /* this is why it is unknown */

	assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_DOWN);
	is_sync_failing = false;
	assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_OK);
	assert_false(is_committed);
	assert_false(has_hold_after_power_cut(*state, &driver.request, 1));
	assert_int_equal(store_driver_run(&driver, 2, hold_command(&driver.request, 1, "ann", "1")), OK);
	store_free(driver.store);
	store_driver_release(&driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_commit_that_was_found_not_to_have_happened_stays_away, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("sqlite lost sync", tests, NULL, NULL);
}
