/* test_address_counts.c: how many connections an address may have, and who is one address. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/address_counts.h"

static struct ip_address address_of(const char *text)
{
	struct ip_address address;
	assert_true(ip_address_parse(slice_of(text), &address));
	return address;
}

static void an_address_has_its_maximum_and_others_have_theirs(void **state)
{
	(void)state;
	struct address_counts *counts;
	assert_int_equal(address_counts_new(3, 16, 64, &counts), OK);
	struct ip_address one = address_of("192.0.2.1"), other = address_of("192.0.2.2");
	for (int i = 0; i < 3; i++)
		assert_int_equal(address_counts_add(counts, &one), OK);
	assert_int_equal(address_counts_add(counts, &one), ERR_OVERLOADED);
	assert_int_equal(address_counts_add(counts, &other), OK);
	address_counts_remove(counts, &one);
	assert_int_equal(address_counts_add(counts, &one), OK);
	assert_int_equal(address_counts_add(counts, &one), ERR_OVERLOADED);
	for (int i = 0; i < 3; i++)
		address_counts_remove(counts, &one);
	address_counts_remove(counts, &other);
	address_counts_free(counts);
}

static void a_network_of_ipv6_is_one_address(void **state)
{
	(void)state;
	struct address_counts *counts;
	assert_int_equal(address_counts_new(2, 16, 64, &counts), OK);
	struct ip_address first = address_of("2001:db8:1:2::1"), second = address_of("2001:db8:1:2:ffff::"),
			  third = address_of("2001:db8:1:3::1");
	assert_int_equal(address_counts_add(counts, &first), OK);
	assert_int_equal(address_counts_add(counts, &second), OK);
	assert_int_equal(address_counts_add(counts, &first), ERR_OVERLOADED);
	assert_int_equal(address_counts_add(counts, &third), OK);
	address_counts_remove(counts, &second);
	address_counts_remove(counts, &second);
	address_counts_remove(counts, &third);
	address_counts_free(counts);
}

static void a_network_may_have_another_length(void **state)
{
	(void)state;
	struct ip_address first = address_of("2001:db8:1:2::1"), neighbour = address_of("2001:db8:1:2::2"),
			  near = address_of("2001:db8:1:3::1"), far = address_of("2001:db8:2::1");
	static const struct {
		uint32_t ipv6_prefix;
		enum error neighbour, near;
	} cases[] = {{128, OK, OK},
	             {127, OK, OK},
	             {64, ERR_OVERLOADED, OK},
	             {63, ERR_OVERLOADED, ERR_OVERLOADED},
	             {48, ERR_OVERLOADED, ERR_OVERLOADED}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct address_counts *counts;
		assert_int_equal(address_counts_new(1, 16, cases[i].ipv6_prefix, &counts), OK);
		assert_int_equal(address_counts_add(counts, &first), OK);
		assert_int_equal(address_counts_add(counts, &neighbour), cases[i].neighbour);
		assert_int_equal(address_counts_add(counts, &near), cases[i].near);
		assert_int_equal(address_counts_add(counts, &far), OK);
		address_counts_remove(counts, &first);
		if (cases[i].neighbour == OK)
			address_counts_remove(counts, &neighbour);
		if (cases[i].near == OK)
			address_counts_remove(counts, &near);
		address_counts_remove(counts, &far);
		address_counts_free(counts);
	}
}

static void many_addresses_are_kept_apart_and_forgotten(void **state)
{
	(void)state;
	struct address_counts *counts;
	assert_int_equal(address_counts_new(1, 8, 64, &counts), OK);
	for (uint32_t i = 0; i < 5000; i++) {
		struct ip_address address = {.bytes = {0x20, 1, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
		assert_int_equal(address_counts_add(counts, &address), OK);
		assert_int_equal(address_counts_add(counts, &address), ERR_OVERLOADED);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		struct ip_address address = {.bytes = {0x20, 1, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
		address_counts_remove(counts, &address);
	}
	address_counts_free(counts); /* which looks whether anything is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_its_maximum_and_others_have_theirs),
		cmocka_unit_test(a_network_of_ipv6_is_one_address),
		cmocka_unit_test(a_network_may_have_another_length),
		cmocka_unit_test(many_addresses_are_kept_apart_and_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
