/* test_proxy_header.c: PROXY headers of version 2, whole, in pieces or broken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "http/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 SIGNATURE "\x21\x11\0\x0c\x01\x02\x03\x04\x0a\0\0\1\x12\x34\0\x50"
#define V6 SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\0\x50"
#define BYTES(text) ((struct slice){.data = (text), .length = sizeof(text) - 1})

static enum proxy_header_result result_of(struct slice bytes, size_t *ret_length, const char *expected_client)
{
	struct ip_address client;
	char text[IP_ADDRESS_TEXT_MAX + 1];
	assert_true(ip_address_parse(SLICE("10.1.1.1"), &client));
	enum proxy_header_result result = proxy_header_read(bytes, ret_length, &client);
	ip_address_format(&client, text);
	assert_string_equal(text, expected_client);
	return result;
}

static void it_names_the_client(void **state)
{
	(void)state;
	size_t length = 0;
	assert_int_equal(result_of(BYTES(V4 "GET / HTTP/1.1"), &length, "1.2.3.4"), PROXY_HEADER_WHOLE);
	assert_int_equal(length, 28);
	assert_int_equal(result_of(BYTES(V6), &length, "2001:db8::5"), PROXY_HEADER_WHOLE);
	assert_int_equal(length, 52);
}

static void extensions_are_passed_over(void **state)
{
	(void)state;
	size_t length = 0;
	assert_int_equal(result_of(BYTES(SIGNATURE "\x21\x11\0\x10\x01\x02\x03\x04\x0a\0\0\1\x12\x34\0\x50\x04\0\1x"), &length, "1.2.3.4"),
	                 PROXY_HEADER_WHOLE);
	assert_int_equal(length, 32);
}

static void a_proxy_may_speak_for_itself(void **state)
{
	(void)state;
	size_t length = 0;
	assert_int_equal(result_of(BYTES(SIGNATURE "\x20\x00\0\0"), &length, "10.1.1.1"), PROXY_HEADER_WHOLE); /* a health check */
	assert_int_equal(result_of(BYTES(SIGNATURE "\x21\x31\0\x02xy"), &length, "10.1.1.1"), PROXY_HEADER_WHOLE);
	assert_int_equal(result_of(BYTES(SIGNATURE "\x21\x12\0\x0c\x01\x02\x03\x04\x0a\0\0\1\x12\x34\0\x50"), &length, "10.1.1.1"),
	                 PROXY_HEADER_WHOLE); /* of a datagram */
}

static void each_piece_asks_for_more(void **state)
{
	(void)state;
	const struct slice whole = BYTES(V4);
	for (size_t i = 1; i < whole.length; i++) {
		size_t length = 0;
		assert_int_equal(result_of((struct slice){.data = whole.data, .length = i}, &length, "10.1.1.1"), PROXY_HEADER_PARTIAL);
		assert_int_equal(length, i < PROXY_HEADER_FIRST ? PROXY_HEADER_FIRST : whole.length);
	}
}

static void another_beginning_is_none(void **state)
{
	(void)state;
	size_t length = 0;
	assert_int_equal(result_of(BYTES(""), &length, "10.1.1.1"), PROXY_HEADER_NONE);
	assert_int_equal(result_of(BYTES("GET / HTTP/1.1\r\n"), &length, "10.1.1.1"), PROXY_HEADER_NONE);
	assert_int_equal(result_of(BYTES("\r\nGET / HTTP/1.1"), &length, "10.1.1.1"), PROXY_HEADER_NONE);
	assert_int_equal(result_of(BYTES("PROXY TCP4 1.2.3.4 10.0.0.1 1 2\r\n"), &length, "10.1.1.1"), PROXY_HEADER_NONE);
}

static void a_senseless_proxy_header_is_bad(void **state)
{
	(void)state;
	size_t length = 0;
	assert_int_equal(result_of(BYTES(SIGNATURE "\x11\x11\0\x0c\x01\x02\x03\x04\x0a\0\0\1\x12\x34\0\x50"), &length, "10.1.1.1"),
	                 PROXY_HEADER_BAD); /* version 1 */
	assert_int_equal(result_of(BYTES(SIGNATURE "\x22\x11\0\x0c\x01\x02\x03\x04\x0a\0\0\1\x12\x34\0\x50"), &length, "10.1.1.1"),
	                 PROXY_HEADER_BAD); /* no such command */
	assert_int_equal(result_of(BYTES(SIGNATURE "\x21\x11\0\x04\x01\x02\x03\x04"), &length, "10.1.1.1"), PROXY_HEADER_BAD);
	assert_int_equal(result_of(BYTES(SIGNATURE "\x21\x11\xff\xff\x01\x02\x03\x04"), &length, "10.1.1.1"), PROXY_HEADER_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_names_the_client),          cmocka_unit_test(extensions_are_passed_over),
		cmocka_unit_test(a_proxy_may_speak_for_itself), cmocka_unit_test(each_piece_asks_for_more),
		cmocka_unit_test(another_beginning_is_none),    cmocka_unit_test(a_senseless_proxy_header_is_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
