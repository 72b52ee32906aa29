/* test_json_writer.c: the JSON that is written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "base/json_writer.h"

struct fixture {
	struct buffer buffer;
	struct json_writer writer;
};

static int setup(void **state)
{
	static struct fixture fixture;
	buffer_init(&fixture.buffer, NULL, 4096);
	fixture.writer = json_writer_on(&fixture.buffer);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->buffer);
	return 0;
}

static void assert_written(const struct fixture *fixture, const char *expected)
{
	assert_false(fixture->buffer.failed);
	if (!slice_equal_string(buffer_slice(&fixture->buffer), expected))
		fail_msg("%.*s\nis not\n%s", SLICE_PRINT(buffer_slice(&fixture->buffer)), expected);
}

static void commas_stand_between_values_only(void **state)
{
	struct fixture *f = *state;
	struct json_writer *w = &f->writer;
	json_writer_object_begin(w, NULL);
	json_writer_array_begin(w, "empty");
	json_writer_array_end(w);
	json_writer_array_begin(w, "seats");
	json_writer_string(w, NULL, SLICE("A-1"));
	json_writer_string(w, NULL, SLICE("A-2"));
	json_writer_object_begin(w, NULL);
	json_writer_object_end(w);
	json_writer_array_end(w);
	json_writer_object_begin(w, "price");
	json_writer_uint(w, "amount", 4500);
	json_writer_string(w, "currency", SLICE("EUR"));
	json_writer_object_end(w);
	json_writer_bool(w, "held", true);
	json_writer_object_end(w);
	assert_written(f, "{\"empty\":[],\"seats\":[\"A-1\",\"A-2\",{}],\"price\":{\"amount\":4500,\"currency\":\"EUR\"},\"held\":true}");
}

static void every_kind_of_value_is_written(void **state)
{
	struct fixture *f = *state;
	struct json_writer *w = &f->writer;
	struct uuid uuid = uuid_v7(UINT64_C(0x0123456789ab) << 12, 0, 1);
	json_writer_array_begin(w, NULL);
	json_writer_uint(w, NULL, UINT64_MAX);
	json_writer_int(w, NULL, INT64_MIN);
	json_writer_double(w, NULL, -1.0625);
	json_writer_double(w, NULL, 1e15);
	json_writer_bool(w, NULL, false);
	json_writer_null(w, NULL);
	json_writer_uuid(w, NULL, &uuid);
	json_writer_time(w, NULL, 1767322985678);
	json_writer_raw(w, NULL, SLICE("{\"a\":1}"));
	json_writer_array_end(w);
	assert_written(f, "[18446744073709551615,-9223372036854775808,-1.062,1000000000000000.000,false,null,"
	                  "\"01234567-89ab-7000-8000-000000000001\",\"2026-01-02T03:03:05.678Z\",{\"a\":1}]");
}

static void numbers_that_json_lacks_are_null(void **state)
{
	struct fixture *f = *state;
	json_writer_array_begin(&f->writer, NULL);
	json_writer_double(&f->writer, NULL, (double)NAN);
	json_writer_double(&f->writer, NULL, (double)INFINITY);
	json_writer_array_end(&f->writer);
	assert_written(f, "[null,null]");
}

static void strings_are_escaped_where_json_asks_for_it(void **state)
{
	struct fixture *f = *state;
	json_writer_string(&f->writer, NULL, SLICE("\"\\/\b\f\n\r\t\0\x01\x1f\x7f <>&'"));
	assert_written(f, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f <>&'\"");
}

static void keys_are_escaped_too(void **state)
{
	struct fixture *f = *state;
	json_writer_object_begin(&f->writer, NULL);
	json_writer_string(&f->writer, "a\"b", SLICE(""));
	json_writer_object_end(&f->writer);
	assert_written(f, "{\"a\\\"b\":\"\"}");
}

static void characters_stay_and_bytes_that_are_none_are_replaced(void **state)
{
	struct fixture *f = *state;
	json_writer_string(&f->writer, NULL, SLICE("Zürich 東京 🎟\xff\xc3|\xed\xa0\x80 then plain text again"));
	assert_written(f, "\"Zürich 東京 🎟\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd then plain text again\"");
}

static void each_byte_is_treated_alike_wherever_it_stands(void **state)
{
	struct fixture *f = *state;
	for (int byte = 0; byte < 256; byte++) {
		buffer_clear(&f->buffer);
		f->writer = json_writer_on(&f->buffer);
		const char alone_text[1] = {(char)byte};
		json_writer_string(&f->writer, NULL, (struct slice){.data = alone_text, .length = 1});
		char alone[16];
		size_t alone_length = f->buffer.length - 2;
		memcpy(alone, f->buffer.data + 1, alone_length);
		for (size_t position = 0; position < 20; position++) {
			char text[20], expected[40];
			memset(text, 'x', sizeof text);
			text[position] = (char)byte;
			buffer_clear(&f->buffer);
			f->writer = json_writer_on(&f->buffer);
			json_writer_string(&f->writer, NULL, (struct slice){.data = text, .length = sizeof text});
			memset(expected, 'x', sizeof expected);
			expected[0] = '"';
			memcpy(expected + 1 + position, alone, alone_length);
			expected[20 + alone_length] = '"';
			assert_int_equal(f->buffer.length, 21 + alone_length);
			assert_memory_equal(f->buffer.data, expected, 21 + alone_length);
		}
	}
}

static void a_full_buffer_shows_as_failed(void **state)
{
	(void)state;
	struct buffer small;
	buffer_init(&small, NULL, 8);
	struct json_writer writer = json_writer_on(&small);
	json_writer_string(&writer, NULL, SLICE("123456"));
	assert_false(small.failed);
	json_writer_null(&writer, NULL);
	assert_true(small.failed);
	buffer_release(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commas_stand_between_values_only, setup, teardown),
		cmocka_unit_test_setup_teardown(every_kind_of_value_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_that_json_lacks_are_null, setup, teardown),
		cmocka_unit_test_setup_teardown(strings_are_escaped_where_json_asks_for_it, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_escaped_too, setup, teardown),
		cmocka_unit_test_setup_teardown(characters_stay_and_bytes_that_are_none_are_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(each_byte_is_treated_alike_wherever_it_stands, setup, teardown),
		cmocka_unit_test(a_full_buffer_shows_as_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
