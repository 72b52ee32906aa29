/* test_names.c: names share the tag of their user; slots are those of the Redis Cluster specification. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/redis/names.h"

static void slot_is_that_of_the_specification(void **state)
{
	(void)state;
	/* The slots that `redis-cli CLUSTER KEYSLOT` answers for these tags. */
	struct redis_tag tag;
	memcpy(tag.digits, "00000000000000000000000000000000", REDIS_TAG_DIGITS);
	assert_int_equal(redis_slot_of(&tag), 15376);
	memcpy(tag.digits, "0123456789abcdef0123456789abcdef", REDIS_TAG_DIGITS);
	assert_int_equal(redis_slot_of(&tag), 1829);
}

static void names_hold_a_hash_of_the_user_and_share_its_tag(void **state)
{
	(void)state;
	struct redis_tag tag = redis_tag_of(SLICE("ada"));
	const uint8_t key[KEY_HASH_LENGTH] = {0xab, 0x01};
	struct redis_name user = redis_name_of_user(&tag);
	struct redis_name named_key = redis_name_of_key(&tag, key);
	/* SHA-256 of "ada" begins with these 16 bytes. */
	assert_memory_equal(user.text, "tro:{fdee430d40bd57deeac186cd9790033d}:u", user.length);
	assert_memory_equal(named_key.text, user.text, user.length - 1);
	assert_memory_equal(named_key.text + user.length - 1, "k:ab010000000000000000000000000000", named_key.length - user.length + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_is_that_of_the_specification),
		cmocka_unit_test(names_hold_a_hash_of_the_user_and_share_its_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
