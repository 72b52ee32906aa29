/* test_limited_addresses.c: addresses whose bodies are refused, and for how long. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http/limited_addresses.h"

static struct limited_addresses addresses;

static struct ip_address address_of(const char *text)
{
	struct ip_address address;
	assert_true(ip_address_parse(slice_of(text), &address));
	return address;
}

static void an_address_is_limited_until_its_time(void **state)
{
	(void)state;
	struct ip_address limited = address_of("192.0.2.1"), other = address_of("192.0.2.2");
	assert_false(limited_addresses_has(&addresses, &limited, 0));
	limited_addresses_note(&addresses, &limited, 1000);
	assert_true(limited_addresses_has(&addresses, &limited, 999));
	assert_false(limited_addresses_has(&addresses, &limited, 1000));
	assert_false(limited_addresses_has(&addresses, &other, 999));
}

static void others_may_be_forgotten_but_never_taken_for_one_another(void **state)
{
	(void)state;
	uint32_t remembered = 0;
	for (uint32_t i = 0; i < 4 * LIMITED_ADDRESSES_MAX; i++) {
		struct ip_address address = {.bytes = {0x20, 1, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
		assert_false(limited_addresses_has(&addresses, &address, 1));
		limited_addresses_note(&addresses, &address, 1000 + i);
	}
	for (uint32_t i = 0; i < 4 * LIMITED_ADDRESSES_MAX; i++) {
		struct ip_address address = {.bytes = {0x20, 1, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
		remembered += limited_addresses_has(&addresses, &address, 999 + i) ? 1 : 0;
		assert_false(limited_addresses_has(&addresses, &address, 1000 + i));
	}
	assert_in_range(remembered, LIMITED_ADDRESSES_MAX / 2, LIMITED_ADDRESSES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_limited_until_its_time),
		cmocka_unit_test(others_may_be_forgotten_but_never_taken_for_one_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
