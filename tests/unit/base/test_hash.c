/* test_hash.c: SipHash-1-3 against values computed from its definition. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/attributes.h"
#include "base/hash.h"

static const struct hash_seed zero_seed = {0};
static const struct hash_seed reference_seed = {.k0 = UINT64_C(0x0706050403020100), .k1 = UINT64_C(0x0f0e0d0c0b0a0908)};

static uint64_t hash_counting(const struct hash_seed *seed, size_t length)
{
	unsigned char bytes[64];
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)i;
	return hash_bytes(seed, bytes, length);
}

static void values_under_the_reference_key(void **state)
{
	(void)state;
	static const struct {
		size_t length;
		uint64_t hash;
	} expected[] = {
		{0, UINT64_C(0xabac0158050fc4dc)},  {1, UINT64_C(0xc9f49bf37d57ca93)}, {7, UINT64_C(0xd3927d989bb11140)},
		{8, UINT64_C(0x369095118d299a8e)},  {9, UINT64_C(0x25a48eb36c063de4)}, {15, UINT64_C(0xd320d86d2a519956)},
		{63, UINT64_C(0x9d199062b7bbb3a8)},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
		assert_int_equal(hash_counting(&reference_seed, expected[i].length), expected[i].hash);
}

/* CPython 3.11 hashes bytes with SipHash-1-3, under a key of zero when PYTHONHASHSEED=0. */
static void values_that_python_computes(void **state)
{
	(void)state;
	assert_int_equal(hash_counting(&zero_seed, 1), UINT64_C(0x68a914128e01e473));
	assert_int_equal(hash_counting(&zero_seed, 8), UINT64_C(0xead411e67ebe2eea));
	assert_int_equal(hash_counting(&zero_seed, 15), UINT64_C(0xf30eb725bb91c9ea));
	assert_int_equal(hash_counting(&zero_seed, 63), UINT64_C(0x385d3e39e5f37359));
}

static void nothing_can_be_hashed(void **state)
{
	(void)state;
	assert_int_equal(hash_bytes(&zero_seed, NULL, 0), UINT64_C(0xd1fba762150c532c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_under_the_reference_key),
		cmocka_unit_test(values_that_python_computes),
		cmocka_unit_test(nothing_can_be_hashed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
