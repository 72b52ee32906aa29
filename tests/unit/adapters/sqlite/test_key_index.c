/* test_key_index.c: more idempotency keys than wait in memory, found again wherever they are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "adapters/sqlite/key_index.h"
#include "scratch.h"
#include "tests/support/clerk.h"

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
static enum store_result use_keys(struct clerk *clerk, uint32_t first, uint32_t count)
{
	clerk_begin(clerk, first);
	for (uint32_t i = 0; i < count; i++) {
		const struct event event = {
			.type = EVENT_HOLD_CREATED,
			.stream_id = uuid_v7(hlc_next(view_clock(clerk->view), TEST_NOW_MS + first), i, 1),
			.sequence = 1,
			.actor = SLICE("ann"),
			.idempotency = key_of(first + i),
			.data = SLICE("{}"),
		};
		assert_non_null(changes_append(&clerk->changes, &event));
	}
	return store_commit(clerk->store, &clerk->changes);
}

static void expect_known(struct clerk *clerk, uint32_t number, bool is_known)
{
	struct idempotency wanted = key_of(number);
	struct needs needs = {.keys = &wanted, .key_count = 1};
	clerk_begin(clerk, 0);
	assert_int_equal(store_load(clerk->store, &needs, clerk->view), STORE_OK);
	const struct key *key = view_key(clerk->view, wanted.key);
	assert_int_equal(key->row.version != 0, is_known);
	if (is_known)
		assert_memory_equal(key->idempotency.fingerprint, wanted.fingerprint, sizeof wanted.fingerprint);
	view_clear(clerk->view);
}

/* A few of every batch, and one that was not used. */
static void expect_all_known(struct clerk *clerk, uint32_t count)
{
	for (uint32_t number = 0; number < count; number += 97)
		expect_known(clerk, number, true);
	expect_known(clerk, count - 1, true);
	expect_known(clerk, count, false);
}

static struct clerk hire(void)
{
	struct clerk clerk;
	clerk_init(&clerk, scratch_store(&scratch));
	return clerk;
}

static void dismiss(struct clerk *clerk)
{
	store_free(clerk->store);
	clerk_release(clerk);
}

static void keys_are_found_in_memory_in_the_table_and_after_a_restart(void **state)
{
	(void)state;
	struct clerk clerk = hire();
	for (uint32_t i = 0; i < BATCHES; i++)
		assert_int_equal(use_keys(&clerk, i * BATCH, BATCH), STORE_OK);
	expect_all_known(&clerk, BATCHES * BATCH);
	assert_int_equal(use_keys(&clerk, 3, 1), STORE_STALE);                   /* long in the table */
	assert_int_equal(use_keys(&clerk, BATCHES * BATCH - 1, 1), STORE_STALE); /* waiting */
	dismiss(&clerk);

	/* Most are in the table, and what a new store has to read again is bounded. */
	scratch_execute(&scratch, "UPDATE meta SET value = 1 / ((SELECT count(*) FROM keys) > 60000) WHERE name = 'pings'");
	scratch_execute(&scratch,
	                "UPDATE meta SET value = 1 / (SELECT value > 30000 FROM meta WHERE name = 'keys_position') WHERE name = 'pings'");
	clerk = hire();
	expect_all_known(&clerk, BATCHES * BATCH);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(use_keys(&clerk, (BATCHES + i) * BATCH, BATCH), STORE_OK);
	expect_all_known(&clerk, (BATCHES + 20) * BATCH);
	dismiss(&clerk);
}

static void processes_see_and_write_each_others_keys(void **state)
{
	(void)state;
	struct clerk ann = hire(), bob = hire();
	for (uint32_t i = 0; i < BATCHES; i++)
		assert_int_equal(use_keys(i % 3 == 0 ? &ann : &bob, i * BATCH, BATCH), STORE_OK);
	expect_all_known(&ann, BATCHES * BATCH);
	expect_all_known(&bob, BATCHES * BATCH);
	for (uint32_t number = 0; number < BATCHES * BATCH; number += 1009) {
		assert_int_equal(use_keys(&ann, number, 1), STORE_STALE);
		assert_int_equal(use_keys(&bob, number, 1), STORE_STALE);
	}
	dismiss(&ann);
	dismiss(&bob);
	struct clerk eve = hire();
	expect_all_known(&eve, BATCHES * BATCH);
	dismiss(&eve);
}

/* A commit that fails after it has written a range must leave the range where it was. */
static void a_failed_commit_loses_no_keys(void **state)
{
	(void)state;
	struct clerk clerk = hire();
	uint32_t used = KEYS_WAITING_MAX / BATCH * BATCH + BATCH;
	for (uint32_t i = 0; i < used; i += BATCH)
		assert_int_equal(use_keys(&clerk, i, BATCH), STORE_OK);
	for (uint32_t i = 0; i < 5; i++) {
		clerk_begin(&clerk, used);
		const struct event event = {
			.type = EVENT_HOLD_CREATED, .stream_id = {{7}}, .sequence = 1, .actor = SLICE("ann"), .data = SLICE("{}")};
		assert_non_null(changes_append(&clerk.changes, &event));
		assert_int_equal(store_commit(clerk.store, &clerk.changes), i == 0 ? STORE_OK : STORE_STALE); /* the stream has begun */
		expect_all_known(&clerk, used);
	}
	dismiss(&clerk);
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
