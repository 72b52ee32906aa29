/* test_endpoint.c: which URLs name a server. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>

#include "bench/endpoint.h"

static void assert_port(const char *url, const char *host, uint16_t port)
{
	struct endpoint endpoint;
	assert_null(endpoint_resolve(url, &endpoint));
	assert_string_equal(endpoint.host, host);
	const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)&endpoint.address;
	assert_int_equal(ntohs(address->sin_port), port); /* where IPv6 has it too */
}

static void urls_name_a_host_and_a_port(void **state)
{
	(void)state;
	assert_port("http://127.0.0.1:8080", "127.0.0.1:8080", 8080);
	assert_port("http://127.0.0.1:8080/", "127.0.0.1:8080", 8080);
	assert_port("http://127.0.0.1", "127.0.0.1", 80);
	assert_port("http://[::1]:8080", "[::1]:8080", 8080);
	assert_port("http://[::1]", "[::1]", 80);
}

static void other_urls_are_refused(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"",
		"127.0.0.1:8080",
		"https://127.0.0.1:8080",
		"http://",
		"http://:80",
		"http://127.0.0.1:",
		"http://127.0.0.1:http",
		"http://127.0.0.1:80/v1",
		"http://[::1",
		"http://[::1]8080",
		"http://no.such.host.invalid:80",
	};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct endpoint endpoint;
		if (endpoint_resolve(urls[i], &endpoint) == NULL)
			fail_msg("passed: %s", urls[i]);
	}
}

static void several_urls_name_several_servers(void **state)
{
	(void)state;
	struct endpoint_list list;
	assert_null(endpoint_list_resolve("http://127.0.0.1:8080", &list));
	assert_int_equal(list.count, 1);
	assert_null(endpoint_list_resolve("http://127.0.0.1:8080,http://[::1]:8081/", &list));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].host, "127.0.0.1:8080");
	assert_string_equal(list.items[1].host, "[::1]:8081");

	static const char *const others[] = {"", ",http://127.0.0.1", "http://127.0.0.1,", "http://127.0.0.1,,http://127.0.0.1",
	                                     "http://[::1],x"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_non_null(endpoint_list_resolve(others[i], &list));

	char many[(ENDPOINTS_MAX + 1) * sizeof "http://[::1],"] = "http://[::1]";
	size_t length = sizeof "http://[::1]" - 1;
	for (uint32_t count = 1; count <= ENDPOINTS_MAX; count++) {
		assert_null(endpoint_list_resolve(many, &list));
		assert_int_equal(list.count, count);
		length += (size_t)snprintf(many + length, sizeof many - length, ",http://[::1]");
	}
	assert_non_null(endpoint_list_resolve(many, &list));
}

static void a_port_where_nothing_listens_is_told(void **state)
{
	(void)state;
	struct endpoint endpoint;
	assert_null(endpoint_resolve("http://127.0.0.1:1", &endpoint));
	assert_string_equal(endpoint_probe(&endpoint), "Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_name_a_host_and_a_port),
		cmocka_unit_test(other_urls_are_refused),
		cmocka_unit_test(several_urls_name_several_servers),
		cmocka_unit_test(a_port_where_nothing_listens_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
