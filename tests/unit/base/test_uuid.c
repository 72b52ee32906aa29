/* test_uuid.c: UUIDs in text, and what a version 7 one carries. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/uuid.h"

static void text_reads_and_writes_back_in_lower_case(void **state)
{
	(void)state;
	struct uuid uuid;
	assert_true(uuid_parse(SLICE("00112233-4455-6677-8899-AAbbCCddEEff"), &uuid));
	for (int i = 0; i < 16; i++)
		assert_int_equal(uuid.bytes[i], i * 0x11);
	char text[UUID_TEXT_LENGTH + 1];
	uuid_format(&uuid, text);
	assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

static void texts_other_than_uuids_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeefff",
		"00112233445566778899aabbccddeeff",
		"{0112233-4455-6677-8899-aabbccddeef}",
		"00112233-4455-6677-8899_aabbccddeeff",
		"0011223-34455-6677-8899-aabbccddeeff",
		"g0112233-4455-6677-8899-aabbccddeeff",
		"00112233-4455-6677-8899-aabbccddee f",
		"00112233-4455-6677-8899-aabbccddee@f",
		"00112233-4455-6677-8899-aabbccddee`f",
		"00112233-4455-6677-8899-aabbccdd\x10\x11\x12\x13",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct uuid uuid = {.bytes = {1}};
		if (uuid_parse(slice_of(refused[i]), &uuid))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(uuid.bytes[0], 1); /* untouched */
	}
}

static void version_7_has_time_then_chance_then_the_shard(void **state)
{
	(void)state;
	struct uuid uuid = uuid_v7(UINT64_C(0x0123456789ab) << 12 | 0xcde, UINT64_MAX, 0x42);
	char text[UUID_TEXT_LENGTH + 1];
	uuid_format(&uuid, text);
	assert_string_equal(text, "01234567-89ab-7cde-bfff-ffffffffff42");
	uuid = uuid_v7(0, 0, 0);
	uuid_format(&uuid, text);
	assert_string_equal(text, "00000000-0000-7000-8000-000000000000");
}

static void stamp_and_shard_are_read_back(void **state)
{
	(void)state;
	static const uint64_t stamps[] = {0, 1, 0xfff, 0x1000, UINT64_C(0x19a2b3c4d5e6f78), (UINT64_C(1) << 60) - 1};
	for (size_t i = 0; i < ARRAY_LENGTH(stamps); i++) {
		struct uuid uuid = uuid_v7(stamps[i], UINT64_C(0x0123456789abcdef), (uint8_t)(i * 50));
		assert_int_equal(uuid_stamp(&uuid), stamps[i]);
		assert_int_equal(uuid_shard(&uuid), i * 50);
	}
}

static void random_bits_all_count(void **state)
{
	(void)state;
	struct uuid base = uuid_v7(7, 0, 0);
	for (int bit = 10; bit < 64; bit++) { /* 54 of the 64 */
		struct uuid uuid = uuid_v7(7, UINT64_C(1) << bit, 0);
		assert_false(uuid_equal(&uuid, &base));
	}
}

static void order_is_the_order_of_making(void **state)
{
	(void)state;
	struct uuid earlier = uuid_v7(UINT64_C(1) << 40, UINT64_MAX, 255);
	struct uuid later = uuid_v7((UINT64_C(1) << 40) + 1, 0, 0);
	assert_true(uuid_compare(&earlier, &later) < 0);
	assert_true(uuid_compare(&later, &earlier) > 0);
	assert_int_equal(uuid_compare(&later, &later), 0);
}

static void nil_is_all_zero(void **state)
{
	(void)state;
	struct uuid nil = {0};
	struct uuid other = {.bytes = {[15] = 1}};
	assert_true(uuid_is_nil(&nil));
	assert_false(uuid_is_nil(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_and_writes_back_in_lower_case),
		cmocka_unit_test(texts_other_than_uuids_are_refused),
		cmocka_unit_test(version_7_has_time_then_chance_then_the_shard),
		cmocka_unit_test(stamp_and_shard_are_read_back),
		cmocka_unit_test(random_bits_all_count),
		cmocka_unit_test(order_is_the_order_of_making),
		cmocka_unit_test(nil_is_all_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
