/* test_key_index.c: more idempotency keys than wait in memory, found again wherever they are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "adapters/sqlite/key_index.h"
#include "scratch.h"
#include "tests/support/store_driver.h"

#define BATCH 500
#define BATCHES (3 * KEYS_WAITING_MAX / BATCH) /* the ranges have all been written, and then some once more */

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

/* The keys are spread over all ranges, as random ones are; the fingerprint is the number. */
static struct idempotency key_of(uint32_t number)
{
	struct idempotency key = {.is_present = true};
	uint64_t bits = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < 8; i++)
		key.key[i] = (uint8_t)(bits >> (56 - 8 * i));
	memcpy(key.fingerprint, &number, sizeof number);
	return key;
}

/* Commits nothing but events with the keys from `first` on. */
static enum store_result use_keys(struct store_driver *driver, uint32_t first, uint32_t count)
{
	store_driver_begin(driver, first);
	for (uint32_t i = 0; i < count; i++) {
		const struct event event = {
			.type = EVENT_HOLD_CREATED,
			.stream_id = uuid_v7(hlc_next(view_clock(driver->view), TEST_NOW_MS + first), i, 1),
			.sequence = 1,
			.actor = SLICE("ann"),
			.idempotency = key_of(first + i),
			.data = SLICE("{}"),
		};
		assert_non_null(changes_append(&driver->changes, &event));
	}
	return store_commit(driver->store, &driver->changes);
}

static void expect_known(struct store_driver *driver, uint32_t number, bool is_known)
{
	struct idempotency wanted = key_of(number);
	struct needs needs = {.keys = &wanted, .key_count = 1};
	store_driver_begin(driver, 0);
	assert_int_equal(store_load(driver->store, &needs, driver->view), STORE_OK);
	const struct key *key = view_key(driver->view, wanted.key);
	assert_int_equal(key->row.version != 0, is_known);
	if (is_known)
		assert_memory_equal(key->idempotency.fingerprint, wanted.fingerprint, sizeof wanted.fingerprint);
	view_clear(driver->view);
}

/* A few of every batch, and one that was not used. */
static void expect_all_known(struct store_driver *driver, uint32_t count)
{
	for (uint32_t number = 0; number < count; number += 97)
		expect_known(driver, number, true);
	expect_known(driver, count - 1, true);
	expect_known(driver, count, false);
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

static void keys_are_found_in_memory_in_the_table_and_after_a_restart(void **state)
{
	(void)state;
	struct store_driver driver = open_driver();
	for (uint32_t i = 0; i < BATCHES; i++)
		assert_int_equal(use_keys(&driver, i * BATCH, BATCH), STORE_OK);
	expect_all_known(&driver, BATCHES * BATCH);
	assert_int_equal(use_keys(&driver, 3, 1), STORE_STALE);                   /* long in the table */
	assert_int_equal(use_keys(&driver, BATCHES * BATCH - 1, 1), STORE_STALE); /* waiting */
	close_driver(&driver);

	/* Most are in the table, and what a new store has to read again is bounded. */
	scratch_execute(&scratch, "UPDATE meta SET value = 1 / ((SELECT count(*) FROM keys) > 60000) WHERE name = 'pings'");
	scratch_execute(&scratch,
	                "UPDATE meta SET value = 1 / (SELECT value > 30000 FROM meta WHERE name = 'keys_position') WHERE name = 'pings'");
	driver = open_driver();
	expect_all_known(&driver, BATCHES * BATCH);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(use_keys(&driver, (BATCHES + i) * BATCH, BATCH), STORE_OK);
	expect_all_known(&driver, (BATCHES + 20) * BATCH);
	close_driver(&driver);
}

static void processes_see_and_write_each_others_keys(void **state)
{
	(void)state;
	struct store_driver ann = open_driver(), bob = open_driver();
	for (uint32_t i = 0; i < BATCHES; i++)
		assert_int_equal(use_keys(i % 3 == 0 ? &ann : &bob, i * BATCH, BATCH), STORE_OK);
	expect_all_known(&ann, BATCHES * BATCH);
	expect_all_known(&bob, BATCHES * BATCH);
	for (uint32_t number = 0; number < BATCHES * BATCH; number += 1009) {
		assert_int_equal(use_keys(&ann, number, 1), STORE_STALE);
		assert_int_equal(use_keys(&bob, number, 1), STORE_STALE);
	}
	close_driver(&ann);
	close_driver(&bob);
	struct store_driver eve = open_driver();
	expect_all_known(&eve, BATCHES * BATCH);
	close_driver(&eve);
}

/* A commit that fails after it has written a range must leave the range where it was. */
static void a_failed_commit_loses_no_keys(void **state)
{
	(void)state;
	struct store_driver driver = open_driver();
	uint32_t used = KEYS_WAITING_MAX / BATCH * BATCH + BATCH;
	for (uint32_t i = 0; i < used; i += BATCH)
		assert_int_equal(use_keys(&driver, i, BATCH), STORE_OK);
	for (uint32_t i = 0; i < 5; i++) {
		store_driver_begin(&driver, used);
		const struct event event = {
			.type = EVENT_HOLD_CREATED, .stream_id = {{7}}, .sequence = 1, .actor = SLICE("ann"), .data = SLICE("{}")};
		assert_non_null(changes_append(&driver.changes, &event));
		assert_int_equal(store_commit(driver.store, &driver.changes), i == 0 ? STORE_OK : STORE_STALE); /* the stream has begun */
		expect_all_known(&driver, used);
	}
	close_driver(&driver);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_found_in_memory_in_the_table_and_after_a_restart),
		TEST(processes_see_and_write_each_others_keys),
		TEST(a_failed_commit_loses_no_keys),
	};
	return cmocka_run_group_tests_name("sqlite keys", tests, NULL, NULL);
}
