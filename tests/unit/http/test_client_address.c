/* test_client_address.c: clients that X-Forwarded-For may name, and those that it must not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/client_address.h"

/* Proxies: 10.0.0.0/8, 2001:db8:1::/48 and 192.0.2.7. Up to two header fields. */
static void assert_client(const char *peer_text, const char *first, const char *second, const char *expected)
{
	struct cidr_list trusted;
	struct ip_address peer;
	assert_true(cidr_list_parse(SLICE("10.0.0.0/8, 2001:db8:1::/48,192.0.2.7"), &trusted));
	assert_true(ip_address_parse(slice_of(peer_text), &peer));
	const struct http_header headers[] = {
		{.name = SLICE("Accept"), .value = SLICE("1.1.1.1")},
		{.name = SLICE("X-Forwarded-For"), .value = slice_of(first)},
		{.name = SLICE("x-forwarded-for"), .value = slice_of(second)},
	};
	struct ip_address client = client_address(&trusted, &peer, headers, ARRAY_LENGTH(headers));
	char text[IP_ADDRESS_TEXT_MAX + 1];
	ip_address_format(&client, text);
	assert_string_equal(text, expected);
}

static void a_stranger_is_believed_nothing(void **state)
{
	(void)state;
	assert_client("203.0.113.5", "", "1.2.3.4", "203.0.113.5");
	assert_client("2001:db8:2::1", "", "1.2.3.4", "2001:db8:2::1");
}

static void a_proxy_names_its_client(void **state)
{
	(void)state;
	assert_client("10.1.1.1", "", "1.2.3.4", "1.2.3.4");
	assert_client("::ffff:10.1.1.1", "", "1.2.3.4", "1.2.3.4");
	assert_client("2001:db8:1::1", "", "2001:DB8:5::1", "2001:db8:5::1");
	assert_client("192.0.2.7", "", "::ffff:1.2.3.4", "1.2.3.4");
	assert_client("10.1.1.1", "", "", "10.1.1.1");
}

static void addresses_that_the_client_wrote_are_passed_over(void **state)
{
	(void)state;
	assert_client("10.1.1.1", "", "6.6.6.6, 1.2.3.4", "1.2.3.4");
	assert_client("10.1.1.1", "6.6.6.6", "1.2.3.4", "1.2.3.4");
	assert_client("10.1.1.1", "", "garbage, 1.2.3.4", "1.2.3.4");
}

static void assert_forwarded(const char *peer_text, const char *forwarded, const char *x_forwarded_for, const char *expected)
{
	struct cidr_list trusted;
	struct ip_address peer;
	assert_true(cidr_list_parse(SLICE("10.0.0.0/8"), &trusted));
	assert_true(ip_address_parse(slice_of(peer_text), &peer));
	const struct http_header headers[] = {
		{.name = SLICE("Forwarded"), .value = slice_of(forwarded)},
		{.name = SLICE("X-Forwarded-For"), .value = slice_of(x_forwarded_for)},
	};
	struct ip_address client = client_address(&trusted, &peer, headers, x_forwarded_for == NULL ? 1 : 2);
	char text[IP_ADDRESS_TEXT_MAX + 1];
	ip_address_format(&client, text);
	assert_string_equal(text, expected);
}

static void the_standard_header_counts_where_the_other_is_not(void **state)
{
	(void)state;
	assert_forwarded("10.1.1.1", "for=1.2.3.4", NULL, "1.2.3.4");
	assert_forwarded("10.1.1.1", "proto=https; For=\"[2001:db8::5]:4711\";by=10.0.0.1", NULL, "2001:db8::5");
	assert_forwarded("10.1.1.1", "for=6.6.6.6, for=1.2.3.4:99, for=10.2.2.2;proto=http", NULL, "1.2.3.4");
	assert_forwarded("10.1.1.1", "for=6.6.6.6, for=unknown", NULL, "10.1.1.1");
	assert_forwarded("10.1.1.1", "for=6.6.6.6, proto=https", NULL, "10.1.1.1");
	assert_forwarded("10.1.1.1", "for=_hidden, for=10.2.2.2", NULL, "10.2.2.2");
	assert_forwarded("10.1.1.1", "for=6.6.6.6", "1.2.3.4", "1.2.3.4");
	assert_forwarded("203.0.113.5", "for=6.6.6.6", NULL, "203.0.113.5");
	assert_forwarded("10.1.1.1", "for=", NULL, "10.1.1.1");
	assert_forwarded("10.1.1.1", "for=\"\"", NULL, "10.1.1.1");
}

static void a_chain_of_proxies_is_followed(void **state)
{
	(void)state;
	assert_client("10.1.1.1", "", "6.6.6.6, 1.2.3.4, 10.2.2.2, 192.0.2.7", "1.2.3.4");
	assert_client("10.1.1.1", "1.2.3.4", "10.2.2.2", "1.2.3.4");
	assert_client("10.1.1.1", "", "10.3.3.3,10.2.2.2", "10.3.3.3");
}

static void nothing_left_of_garbage_is_believed(void **state)
{
	(void)state;
	assert_client("10.1.1.1", "", "1.2.3.4, unknown", "10.1.1.1");
	assert_client("10.1.1.1", "", "1.2.3.4, unknown, 10.2.2.2", "10.2.2.2");
	assert_client("10.1.1.1", "1.2.3.4", "300.1.1.1", "10.1.1.1");
	assert_client("10.1.1.1", "", " , ,", "10.1.1.1");
	assert_client("10.1.1.1", "", "[", "10.1.1.1");
	assert_client("10.1.1.1", "", ":", "10.1.1.1");
}

static void ports_are_passed_over(void **state)
{
	(void)state;
	assert_client("10.1.1.1", "", "1.2.3.4:5678", "1.2.3.4");
	assert_client("10.1.1.1", "", "[2001:db8:5::1]:5678", "2001:db8:5::1");
	assert_client("10.1.1.1", "", "[2001:db8:5::1]", "2001:db8:5::1");
}

static void without_proxies_the_peer_is_the_client(void **state)
{
	(void)state;
	static const struct cidr_list nobody;
	struct ip_address peer;
	assert_true(ip_address_parse(SLICE("10.1.1.1"), &peer));
	const struct http_header header = {.name = SLICE("X-Forwarded-For"), .value = SLICE("1.2.3.4")};
	struct ip_address client = client_address(&nobody, &peer, &header, 1);
	assert_memory_equal(&client, &peer, sizeof peer);
}

/* By a peer without TLS; the headers may be NULL. */
static void assert_https(bool expected, const char *peer_text, const char *proto, const char *address, const char *forwarded)
{
	struct cidr_list trusted;
	struct ip_address peer;
	assert_true(cidr_list_parse(SLICE("10.0.0.0/8"), &trusted));
	assert_true(ip_address_parse(slice_of(peer_text), &peer));
	struct http_header headers[3];
	uint32_t count = 0;
	if (proto != NULL)
		headers[count++] = (struct http_header){.name = SLICE("X-Forwarded-Proto"), .value = slice_of(proto)};
	if (address != NULL)
		headers[count++] = (struct http_header){.name = SLICE("X-Forwarded-For"), .value = slice_of(address)};
	if (forwarded != NULL)
		headers[count++] = (struct http_header){.name = SLICE("Forwarded"), .value = slice_of(forwarded)};
	assert_true(client_is_encrypted(&trusted, &peer, false, headers, count) == expected);
}

static void a_proxy_says_whether_its_client_uses_tls(void **state)
{
	(void)state;
	assert_https(true, "10.1.1.1", "https", "1.2.3.4", NULL);
	assert_https(true, "10.1.1.1", "http, HTTPS", NULL, NULL);
	assert_https(false, "10.1.1.1", "https, http", NULL, NULL);
	assert_https(true, "10.1.1.1", NULL, NULL, "for=6.6.6.6;proto=http, for=1.2.3.4;Proto=\"https\"");
	assert_https(false, "10.1.1.1", NULL, "1.2.3.4", "proto=https");
	assert_https(false, "10.1.1.1", "http", NULL, "proto=https");
	assert_https(false, "10.1.1.1", "wss", NULL, NULL);
	assert_https(false, "10.1.1.1", NULL, NULL, NULL);
	assert_https(false, "203.0.113.5", "https", NULL, "proto=https");

	static const struct cidr_list nobody;
	struct ip_address peer;
	assert_true(ip_address_parse(SLICE("10.1.1.1"), &peer));
	const struct http_header header = {.name = SLICE("X-Forwarded-Proto"), .value = SLICE("http")};
	assert_true(client_is_encrypted(&nobody, &peer, true, &header, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_believed_nothing),
		cmocka_unit_test(a_proxy_names_its_client),
		cmocka_unit_test(addresses_that_the_client_wrote_are_passed_over),
		cmocka_unit_test(the_standard_header_counts_where_the_other_is_not),
		cmocka_unit_test(a_chain_of_proxies_is_followed),
		cmocka_unit_test(nothing_left_of_garbage_is_believed),
		cmocka_unit_test(ports_are_passed_over),
		cmocka_unit_test(without_proxies_the_peer_is_the_client),
		cmocka_unit_test(a_proxy_says_whether_its_client_uses_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
