/* test_cidr.c: addresses, blocks, and lists of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/cidr.h"

static bool block_contains(const char *block, const char *address_text)
{
	struct cidr cidr;
	struct ip_address address;
	if (!cidr_parse(slice_of(block), &cidr) || !ip_address_parse(slice_of(address_text), &address))
		fail_msg("not read: %s, %s", block, address_text);
	return cidr_contains(&cidr, &address);
}

static void addresses_read_and_write_back(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"127.0.0.1", "127.0.0.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:C000:0201", "192.0.2.1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"::", "::"},
		{"0.0.0.0", "0.0.0.0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
		struct ip_address address;
		char text[IP_ADDRESS_TEXT_MAX + 1];
		assert_true(ip_address_parse(slice_of(pairs[i][0]), &address));
		ip_address_format(&address, text);
		assert_string_equal(text, pairs[i][1]);
	}
}

static void texts_other_than_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		" ",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"0x7f.0.0.1",
		"127.1",
		"localhost",
		"[::1]",
		"::1%lo",
		":::",
		"1::2::3",
		"12345::",
		"1.2.3.4:80",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct ip_address address;
		struct cidr cidr;
		if (ip_address_parse(slice_of(refused[i]), &address) || cidr_parse(slice_of(refused[i]), &cidr))
			fail_msg("taken: %s", refused[i]);
	}
	struct ip_address address;
	assert_false(ip_address_parse(SLICE("1.2.3.4\0.5"), &address));
	assert_false(ip_address_parse((struct slice){0}, &address));
}

static void a_block_contains_its_addresses_and_no_others(void **state)
{
	(void)state;
	assert_true(block_contains("10.0.0.0/8", "10.255.255.255"));
	assert_true(block_contains("10.1.2.3/8", "10.0.0.0"));
	assert_false(block_contains("10.0.0.0/8", "11.0.0.0"));
	assert_true(block_contains("192.0.2.128/25", "192.0.2.129"));
	assert_false(block_contains("192.0.2.128/25", "192.0.2.127"));
	assert_true(block_contains("192.0.2.1", "192.0.2.1"));
	assert_false(block_contains("192.0.2.1", "192.0.2.2"));
	assert_true(block_contains("192.0.2.1/32", "192.0.2.1"));
	assert_true(block_contains("::1", "::1"));
	assert_false(block_contains("::1", "::2"));
	assert_true(block_contains("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(block_contains("2001:db8::/33", "2001:db8:8000::1"));
}

static void mapped_addresses_are_the_ipv4_ones(void **state)
{
	(void)state;
	assert_true(block_contains("10.0.0.0/8", "::ffff:10.1.1.1"));
	assert_true(block_contains("::ffff:10.0.0.0/104", "10.1.1.1"));
	assert_true(block_contains("0.0.0.0/0", "203.0.113.9"));
	assert_false(block_contains("0.0.0.0/0", "::1"));
	assert_true(block_contains("::/0", "2001:db8::1"));
	assert_false(block_contains("::/0", "203.0.113.9"));
}

static void bad_prefix_lengths_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"10.0.0.0/33",        "::/129",      "10.0.0.0/",    "10.0.0.0/08",
	                                      "10.0.0.0/-1",        "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8",
	                                      "10.0.0.0/255.0.0.0", "/8",          "::/1000",      "10.0.0.0/4294967304"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct cidr cidr;
		if (cidr_parse(slice_of(refused[i]), &cidr))
			fail_msg("taken: %s", refused[i]);
	}
}

static void a_list_contains_what_any_block_contains(void **state)
{
	(void)state;
	struct cidr_list list;
	struct ip_address address;
	assert_true(cidr_list_parse(SLICE(" 127.0.0.1 , ::1,10.0.0.0/8"), &list));
	assert_int_equal(list.count, 3);
	assert_true(ip_address_parse(SLICE("10.9.8.7"), &address));
	assert_true(cidr_list_contains(&list, &address));
	assert_true(ip_address_parse(SLICE("192.0.2.1"), &address));
	assert_false(cidr_list_contains(&list, &address));

	assert_true(cidr_list_parse(SLICE(""), &list));
	assert_int_equal(list.count, 0);
	assert_true(cidr_list_parse((struct slice){0}, &list));
	assert_false(cidr_list_contains(&list, &address));
	static const char *const refused[] = {",", "::1,", ",::1", "::1,,::1", "::1;::1", "::1 ::1", "proxy.example"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (cidr_list_parse(slice_of(refused[i]), &list))
			fail_msg("taken: %s", refused[i]);
	}
}

static void a_list_has_its_maximum(void **state)
{
	(void)state;
	char text[4 * (CIDR_LIST_MAX + 1)];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "::1,"[i % 4];
	struct cidr_list list;
	assert_true(cidr_list_parse((struct slice){.data = text, .length = 4 * CIDR_LIST_MAX - 1}, &list));
	assert_int_equal(list.count, CIDR_LIST_MAX);
	assert_false(cidr_list_parse((struct slice){.data = text, .length = sizeof text - 1}, &list));
}

static void peers_of_both_families_have_an_address(void **state)
{
	(void)state;
	struct ip_address address;
	char text[IP_ADDRESS_TEXT_MAX + 1];
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	assert_true(ip_address_of_socket((const struct sockaddr *)&v4, &address));
	ip_address_format(&address, text);
	assert_string_equal(text, "192.0.2.1");

	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	assert_true(ip_address_of_socket((const struct sockaddr *)&v6, &address));
	ip_address_format(&address, text);
	assert_string_equal(text, "::1");

	struct sockaddr_un local = {.sun_family = AF_UNIX};
	assert_false(ip_address_of_socket((const struct sockaddr *)&local, &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_write_back),
		cmocka_unit_test(texts_other_than_addresses_are_refused),
		cmocka_unit_test(a_block_contains_its_addresses_and_no_others),
		cmocka_unit_test(mapped_addresses_are_the_ipv4_ones),
		cmocka_unit_test(bad_prefix_lengths_are_refused),
		cmocka_unit_test(a_list_contains_what_any_block_contains),
		cmocka_unit_test(a_list_has_its_maximum),
		cmocka_unit_test(peers_of_both_families_have_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
