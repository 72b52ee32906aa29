/* test_seating_syncs.c: others write while the disk is busy with a chunk of seats, and the event is not there before all of them are on the disk. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "ports/seating.h"
#include "scratch.h"
#include "tests/support/store_driver.h"
#include "watched_files.h"

#define VERSION (TEST_NOW_MS << 12)

static struct scratch scratch;
static sqlite3 *other; /* a connection of somebody else */
static uint32_t unsynced, syncs,
	blocked; /* writes of the log since its last sync; its syncs, and those during which nobody else could write */
static bool is_sync_failing, looks;

struct house {
	struct store_driver driver;
	struct seating seating;
	struct test_seats test_seats;
};

static int sync_log(sqlite3_file *file, int flags)
{
	if (looks) {
		looks = false; /* the other's own files are not looked at */
		bool is_free = sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
		blocked += !is_free;
		if (is_free)
			assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
		looks = true;
		syncs++;
	}
	if (is_sync_failing)
		return SQLITE_IOERR_FSYNC;
	unsynced = 0;
	return watched_sync(file, flags);
}

static int write_log(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	unsynced++;
	return watched_write(file, bytes, length, offset);
}

static int set_up(void **state)
{
	static struct house house;
	watch_files(SQLITE_OPEN_WAL, sync_log, write_log);
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	assert_int_equal(sqlite3_open(scratch.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "SELECT count(*) FROM meta", NULL, NULL, NULL), SQLITE_OK);
	house = (struct house){.seating = {.event_id = test_event_id(), .version = VERSION, .seat_count = TEST_SEAT_COUNT}};
	store_driver_init(&house.driver, scratch_store(&scratch));
	test_seats_of_sale(&house.driver.request, &house.test_seats);
	enum seating_state seating_state;
	struct store *store = house.driver.store;
	assert_int_equal(store->seating->begin(store, &house.seating, NULL, &seating_state), STORE_OK);
	assert_int_equal(seating_state, SEATING_BEGUN);
	unsynced = syncs = blocked = 0;
	is_sync_failing = false;
	looks = true;
	*state = &house;
	return 0;
}

static int tear_down(void **state)
{
	struct house *house = *state;
	looks = is_sync_failing = false;
	store_free(house->driver.store);
	store_driver_release(&house->driver);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	scratch_remove(&scratch);
	watch_no_files();
	return 0;
}

static enum store_result add(struct house *house, uint32_t count)
{
	const struct layout_seat *seats = &house->test_seats.seats[house->seating.written];
	return house->driver.store->seating->add(house->driver.store, &house->seating, seats, count);
}

static enum store_result put_on_sale(struct house *house)
{
	struct command command = sale_create_command(&house->driver.request);
	command.sale_create.seats_version = VERSION;
	store_driver_begin(&house->driver, 5);
	assert_int_equal(store_driver_decide(&house->driver, command), OK);
	return store_driver_commit(&house->driver);
}

static void others_write_while_a_chunk_is_synced(void **state)
{
	struct house *house = *state;
	assert_int_equal(add(house, 4), STORE_OK);
	assert_int_equal(add(house, TEST_SEAT_COUNT - 4), STORE_OK);
	assert_int_equal(syncs, 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(unsynced, 0);
}

static void the_event_is_synced_before_it_is_answered(void **state)
{
	struct house *house = *state;
	assert_int_equal(add(house, TEST_SEAT_COUNT), STORE_OK);
	uint32_t before = syncs;
	assert_int_equal(put_on_sale(house), STORE_OK);
	assert_int_equal(unsynced, 0);
	assert_true(syncs > before && blocked > 0); /* within its transaction, as every commit */
	assert_int_equal(store_driver_run(&house->driver, 6, hold_command(&house->driver.request, 1, "ann", "1 9")), OK);
	assert_int_equal(unsynced, 0);
}

static void a_chunk_that_is_not_synced_is_not_written(void **state)
{
	struct house *house = *state;
	is_sync_failing = true;
	assert_int_equal(add(house, TEST_SEAT_COUNT), STORE_DOWN);
	assert_int_equal(house->seating.written, 0);
	is_sync_failing = false;
	assert_int_equal(add(house, TEST_SEAT_COUNT), STORE_STALE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_write_while_a_chunk_is_synced),
		TEST(the_event_is_synced_before_it_is_answered),
		TEST(a_chunk_that_is_not_synced_is_not_written),
	};
	return cmocka_run_group_tests_name("seating syncs", tests, NULL, NULL);
}
