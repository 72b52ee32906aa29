/* test_address.c: REDIS_ADDR in each of its forms, and what is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/redis/address.h"

static struct redis_address parsed(const char *text)
{
	struct redis_address address;
	char message[REDIS_MESSAGE_MAX];
	assert_true(redis_address_parse(text, &address, message));
	return address;
}

static void host_and_port_are_one_server(void **state)
{
	(void)state;
	struct redis_address address = parsed("cache.example:6380");
	assert_string_equal(address.endpoints[0].host, "cache.example");
	assert_int_equal(address.endpoints[0].port, 6380);
	assert_int_equal(address.endpoint_count, 1);
	assert_false(address.is_cluster || address.is_tls);
	address = parsed("[::1]:7000");
	assert_string_equal(address.endpoints[0].host, "::1");
	assert_int_equal(address.endpoints[0].port, 7000);
}

static void several_with_commas_between_are_a_cluster(void **state)
{
	(void)state;
	struct redis_address address = parsed("a:1, b:2 ,[::1]:3");
	assert_true(address.is_cluster);
	assert_int_equal(address.endpoint_count, 3);
	assert_string_equal(address.endpoints[1].host, "b");
	assert_string_equal(address.endpoints[2].host, "::1");
}

static void url_has_user_password_and_database(void **state)
{
	(void)state;
	struct redis_address address = parsed("redis://tro:p%40ss@word@cache/3");
	assert_string_equal(address.user, "tro");
	assert_string_equal(address.password, "p@ss@word");
	assert_string_equal(address.endpoints[0].host, "cache");
	assert_int_equal(address.endpoints[0].port, 6379);
	assert_int_equal(address.database, 3);
	address = parsed("rediss://:secret@cache:6390");
	assert_true(address.is_tls);
	assert_string_equal(address.user, "");
	assert_string_equal(address.password, "secret");
}

static void malformed_address_is_refused_without_its_password(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
	                                    ":6379",
	                                    "cache:",
	                                    "cache:0",
	                                    "cache:65536",
	                                    "cache:6379x",
	                                    "a:1,,b:2",
	                                    "[::1:6379",
	                                    "redis://",
	                                    "redis://u:hush%4@h",
	                                    "redis://:hush@h:1/x",
	                                    "redis://:hush@h:1/99999",
	                                    "redis://:hush@a:1,b:2/1"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct redis_address address;
		char message[REDIS_MESSAGE_MAX] = "";
		assert_false(redis_address_parse(texts[i], &address, message));
		assert_int_equal(strncmp(message, "REDIS_ADDR ", 11), 0);
		assert_null(strstr(message, "hush"));
	}
}

static void more_nodes_than_are_kept_are_refused(void **state)
{
	(void)state;
	char text[REDIS_NODES_MAX * 4 + 8] = "a:1";
	for (uint32_t i = 0; i < REDIS_NODES_MAX; i++)
		memcpy(text + 3 + 4 * (size_t)i, ",a:1", 5);
	struct redis_address address;
	char message[REDIS_MESSAGE_MAX];
	assert_false(redis_address_parse(text, &address, message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_and_port_are_one_server),         cmocka_unit_test(several_with_commas_between_are_a_cluster),
		cmocka_unit_test(url_has_user_password_and_database),   cmocka_unit_test(malformed_address_is_refused_without_its_password),
		cmocka_unit_test(more_nodes_than_are_kept_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
