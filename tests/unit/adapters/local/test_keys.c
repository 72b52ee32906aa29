/* test_keys.c: the states of a key, its lease, and what is forgotten when there are too many. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/local/keys.h"

static struct keys *keys_for(uint32_t keys_max)
{
	struct keys *keys;
	assert_int_equal(keys_new(keys_max, (struct hash_seed){.k0 = 3, .k1 = 4}, &keys), OK);
	return keys;
}

static struct idempotency key_of(uint32_t number, uint8_t fingerprint)
{
	struct idempotency idempotency = {.is_present = true, .fingerprint = {fingerprint}};
	memcpy(idempotency.key, &number, sizeof number);
	return idempotency;
}

static enum key_state look(struct keys *keys, struct idempotency key, uint64_t now_ms)
{
	struct key_slot slot = key_open(keys, &key, now_ms);
	enum key_state state = slot.state;
	key_close(&slot);
	return state;
}

static void use(struct keys *keys, struct idempotency key, uint64_t now_ms)
{
	struct key_slot slot = key_open(keys, &key, now_ms);
	assert_int_equal(slot.state, KEY_UNKNOWN);
	key_use(&slot, now_ms);
	key_close(&slot);
}

static void finish(struct keys *keys, struct idempotency key, enum admission_end end, uint64_t now_ms)
{
	struct key_slot slot = key_open(keys, &key, now_ms);
	key_finish(&slot, end, now_ms);
	key_close(&slot);
}

static void key_goes_from_unknown_through_use_to_finished(void **state)
{
	(void)state;
	struct keys *keys = keys_for(100);
	assert_int_equal(look(keys, key_of(1, 1), 1000), KEY_UNKNOWN);
	use(keys, key_of(1, 1), 1000);
	assert_int_equal(look(keys, key_of(1, 1), 1001), KEY_IN_USE);
	assert_int_equal(look(keys, key_of(1, 2), 1001), KEY_MISMATCH);
	assert_int_equal(look(keys, key_of(2, 1), 1001), KEY_UNKNOWN);
	finish(keys, key_of(1, 1), ADMISSION_DONE, 1002);
	assert_int_equal(look(keys, key_of(1, 1), 1003), KEY_FINISHED);
	assert_int_equal(look(keys, key_of(1, 2), 1003), KEY_MISMATCH);
	keys_free(keys);
}

static void forgotten_key_is_free_for_another_request(void **state)
{
	(void)state;
	struct keys *keys = keys_for(100);
	use(keys, key_of(1, 1), 1000);
	finish(keys, key_of(1, 1), ADMISSION_FORGET, 1001);
	assert_int_equal(look(keys, key_of(1, 2), 1001), KEY_UNKNOWN);
	keys_free(keys);
}

static void lease_and_memory_come_to_an_end(void **state)
{
	(void)state;
	struct keys *keys = keys_for(100);
	use(keys, key_of(1, 1), 1000);
	assert_int_equal(look(keys, key_of(1, 1), 1000 + ADMISSION_LEASE_MS - 1), KEY_IN_USE);
	assert_int_equal(look(keys, key_of(1, 2), 1000 + ADMISSION_LEASE_MS), KEY_UNKNOWN);
	use(keys, key_of(2, 1), 1000);
	finish(keys, key_of(2, 1), ADMISSION_DONE, 2000);
	assert_int_equal(look(keys, key_of(2, 1), 2000 + ADMISSION_REMEMBER_MS - 1), KEY_FINISHED);
	assert_int_equal(look(keys, key_of(2, 1), 2000 + ADMISSION_REMEMBER_MS), KEY_UNKNOWN);
	keys_free(keys);
}

static void late_end_does_not_touch_the_next_use(void **state)
{
	(void)state;
	struct keys *keys = keys_for(100);
	use(keys, key_of(1, 1), 1000);
	use(keys, key_of(1, 2), 1000 + ADMISSION_LEASE_MS);
	finish(keys, key_of(1, 1), ADMISSION_FORGET, 1001 + ADMISSION_LEASE_MS);
	assert_int_equal(look(keys, key_of(1, 2), 1001 + ADMISSION_LEASE_MS), KEY_IN_USE);
	keys_free(keys);
}

static void oldest_finished_key_goes_when_there_are_too_many(void **state)
{
	(void)state;
	enum { MAX = 160 };
	struct keys *keys = keys_for(MAX);
	use(keys, key_of(1000000, 1), 1000);
	for (uint32_t i = 0; i < 100 * MAX; i++) {
		use(keys, key_of(i, 1), 1000);
		finish(keys, key_of(i, 1), ADMISSION_DONE, 1000);
		assert_int_equal(look(keys, key_of(i, 1), 1000), KEY_FINISHED);
	}
	assert_int_equal(look(keys, key_of(0, 1), 1000), KEY_UNKNOWN);
	assert_int_equal(look(keys, key_of(1000000, 1), 1000), KEY_IN_USE);
	keys_free(keys);
}

static void key_in_use_keeps_its_place_until_its_lease_ends(void **state)
{
	(void)state;
	enum { MAX = 16 };
	struct keys *keys = keys_for(MAX);
	uint32_t known = 0;
	for (uint32_t i = 0; i < 10 * MAX; i++)
		use(keys, key_of(i, 1), 1000);
	for (uint32_t i = 0; i < 10 * MAX; i++)
		known += look(keys, key_of(i, 1), 1001) == KEY_IN_USE;
	assert_int_equal(known, MAX);
	uint64_t later_ms = 1000 + ADMISSION_LEASE_MS;
	for (uint32_t i = 1000; i < 1000 + 10 * MAX; i++)
		use(keys, key_of(i, 1), later_ms);
	known = 0;
	for (uint32_t i = 1000; i < 1000 + 10 * MAX; i++)
		known += look(keys, key_of(i, 1), later_ms) == KEY_IN_USE;
	assert_int_equal(known, MAX);
	keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_goes_from_unknown_through_use_to_finished),
		cmocka_unit_test(forgotten_key_is_free_for_another_request),
		cmocka_unit_test(lease_and_memory_come_to_an_end),
		cmocka_unit_test(late_end_does_not_touch_the_next_use),
		cmocka_unit_test(oldest_finished_key_goes_when_there_are_too_many),
		cmocka_unit_test(key_in_use_keeps_its_place_until_its_lease_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
