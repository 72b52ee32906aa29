/* test_json_fields.c: bodies into structures, and every violation with its pointer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/uuid.h"
#include "codec/json_fields.h"

struct section {
	struct slice name;
	int64_t price;
};

struct body {
	struct uuid id;
	struct slice name;
	struct slice title;
	struct slice currency;
	int64_t count;
	bool is_open;
	uint64_t starts_at_ms;
	uint32_t method;
	struct json_strings seats;
	struct json_objects sections;
};

static const char *check_currency(struct slice text)
{
	return slice_equal_string(text, "EUR") ? NULL : "must be EUR";
}

static const char *const methods[] = {"card", "cash", NULL};

static const struct json_field section_fields[] = {
	{.name = "name",
         .kind = JSON_FIELD_STRING,
         .is_required = true,
         .offset = offsetof(struct section, name),
         .minimum = 1,
         .maximum = 10},
	{.name = "price", .kind = JSON_FIELD_INTEGER, .is_required = true, .offset = offsetof(struct section, price), .maximum = 1000},
};

static const struct json_schema section_schema = {
	.fields = section_fields, .count = ARRAY_LENGTH(section_fields), .size = sizeof(struct section)};

static const struct json_field body_fields[] = {
	{.name = "id", .kind = JSON_FIELD_UUID, .is_required = true, .offset = offsetof(struct body, id)},
	{.name = "name", .kind = JSON_FIELD_STRING, .offset = offsetof(struct body, name), .minimum = 1, .maximum = 8},
	{.name = "title",
         .kind = JSON_FIELD_STRING,
         .counts_characters = true,
         .takes_line_feeds = true,
         .offset = offsetof(struct body, title),
         .minimum = 2,
         .maximum = 4},
	{.name = "currency", .kind = JSON_FIELD_STRING, .offset = offsetof(struct body, currency), .maximum = 3, .check = check_currency},
	{.name = "count", .kind = JSON_FIELD_INTEGER, .offset = offsetof(struct body, count), .minimum = -1, .maximum = 100},
	{.name = "is_open", .kind = JSON_FIELD_BOOLEAN, .offset = offsetof(struct body, is_open)},
	{.name = "starts_at", .kind = JSON_FIELD_TIME, .offset = offsetof(struct body, starts_at_ms)},
	{.name = "method", .kind = JSON_FIELD_CHOICE, .offset = offsetof(struct body, method), .choices = methods},
	{.name = "seats",
         .kind = JSON_FIELD_STRINGS,
         .offset = offsetof(struct body, seats),
         .minimum = 1,
         .maximum = 5,
         .count_minimum = 1,
         .count_maximum = 3},
	{.name = "sections",
         .kind = JSON_FIELD_OBJECTS,
         .offset = offsetof(struct body, sections),
         .count_minimum = 1,
         .count_maximum = 100,
         .objects = &section_schema},
};

static const struct json_schema body_schema = {.fields = body_fields, .count = ARRAY_LENGTH(body_fields), .size = sizeof(struct body)};

#define ID "\"id\":\"01920000-0000-7000-8000-000000000001\""

struct reading_test {
	struct arena arena;
	struct json_violations violations;
	struct body body;
};

static struct reading_test test;

static int set_up(void **state)
{
	(void)state;
	arena_init(&test.arena, 4096, 64 * 1024);
	json_violations_init(&test.violations, &test.arena);
	test.body = (struct body){.count = 42, .method = 7};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&test.arena);
	return 0;
}

static enum error read_body(const char *text)
{
	return json_read(slice_of(text), &body_schema, &test.violations, &test.body);
}

/* The one violation of the body. */
static void expect_violation(const char *text, const char *pointer, const char *detail)
{
	tear_down(NULL);
	set_up(NULL);
	assert_int_equal(read_body(text), ERR_VALIDATION);
	assert_int_equal(test.violations.count, 1);
	if (!slice_equal_string(test.violations.items[0].pointer, pointer) || !slice_equal_string(test.violations.items[0].detail, detail))
		fail_msg("%s: %.*s: %.*s", text, SLICE_PRINT(test.violations.items[0].pointer),
		         SLICE_PRINT(test.violations.items[0].detail));
}

static void a_whole_body_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_body("{" ID ",\"name\":\"Caf\\u00e9\",\"currency\":\"EUR\",\"count\":-1,\"is_open\":true,"
	                           "\"starts_at\":\"2026-01-02T03:04:05Z\",\"method\":\"cash\",\"seats\":[\"A-1-1\",\"A-1-2\"],"
	                           "\"sections\":[{\"name\":\"A\",\"price\":0},{\"price\":1000,\"name\":\"B\"}]}"),
	                 OK);
	assert_int_equal(test.body.id.bytes[15], 1);
	assert_true(slice_equal_string(test.body.name, "Caf\xc3\xa9"));
	assert_true(slice_equal_string(test.body.currency, "EUR"));
	assert_int_equal(test.body.count, -1);
	assert_true(test.body.is_open);
	assert_true(test.body.starts_at_ms == UINT64_C(1767323045000));
	assert_int_equal(test.body.method, 1);
	assert_int_equal(test.body.seats.count, 2);
	assert_true(slice_equal_string(test.body.seats.items[1], "A-1-2"));
	assert_int_equal(test.body.sections.count, 2);
	const struct section *sections = test.body.sections.items;
	assert_true(slice_equal_string(sections[1].name, "B"));
	assert_int_equal(sections[1].price, 1000);
}

static void absent_and_null_leave_the_default(void **state)
{
	(void)state;
	assert_int_equal(read_body("{" ID ",\"count\":null,\"seats\":null}"), OK);
	assert_int_equal(test.body.count, 42);
	assert_int_equal(test.body.method, 7);
	assert_null(test.body.name.data);
	assert_null(test.body.seats.items);
}

static void each_violation_has_its_pointer_and_detail(void **state)
{
	(void)state;
	expect_violation("{}", "/id", "is required");
	expect_violation("[]", "", "must be an object");
	expect_violation("3", "", "must be an object");
	expect_violation("{\"id\":null}", "/id", "must be a string");
	expect_violation("{\"id\":\"x\"}", "/id", "must be a UUID");
	expect_violation("{" ID ",\"extra\":1}", "/extra", "unknown field");
	expect_violation("{" ID ",\"a/b~c\":1}", "/a~1b~0c", "unknown field");
	expect_violation("{" ID ",\"\":1}", "/", "unknown field");
	expect_violation("{" ID ",\"ID\":1}", "/ID", "unknown field");
	expect_violation("{" ID ",\"name\":\"\"}", "/name", "must have from 1 to 8 bytes");
	expect_violation("{" ID ",\"name\":\"123456789\"}", "/name", "must have from 1 to 8 bytes");
	expect_violation("{" ID ",\"name\":\"a\\u007fb\"}", "/name", "must not have control characters");
	expect_violation("{" ID ",\"name\":\"a\\nb\"}", "/name", "must not have control characters");
	expect_violation("{" ID ",\"title\":\"ü\"}", "/title", "must have from 2 to 4 characters");
	expect_violation("{" ID ",\"title\":\"üüüüü\"}", "/title", "must have from 2 to 4 characters");
	expect_violation("{" ID ",\"title\":\"a\\tb\"}", "/title", "must not have control characters other than line feeds");
	expect_violation("{" ID ",\"name\":7}", "/name", "must be a string");
	expect_violation("{" ID ",\"currency\":\"XXX\"}", "/currency", "must be EUR");
	expect_violation("{" ID ",\"count\":101}", "/count", "must be a whole number from -1 to 100");
	expect_violation("{" ID ",\"count\":1.0}", "/count", "must be a whole number from -1 to 100");
	expect_violation("{" ID ",\"count\":1e400}", "/count", "must be a whole number from -1 to 100");
	expect_violation("{" ID ",\"count\":99999999999999999999}", "/count", "must be a whole number from -1 to 100");
	expect_violation("{" ID ",\"count\":\"1\"}", "/count", "must be a whole number");
	expect_violation("{" ID ",\"is_open\":0}", "/is_open", "must be true or false");
	expect_violation("{" ID ",\"starts_at\":\"tomorrow\"}", "/starts_at",
	                 "must be a time as in RFC 3339, such as 2026-01-02T03:04:05Z");
	expect_violation("{" ID ",\"method\":\"Card\"}", "/method", "must be one of card, cash");
	expect_violation("{" ID ",\"seats\":{}}", "/seats", "must be an array");
	expect_violation("{" ID ",\"seats\":[]}", "/seats", "must have from 1 to 3 items");
	expect_violation("{" ID ",\"seats\":[\"a\",\"b\",\"c\",\"d\"]}", "/seats", "must have from 1 to 3 items");
	expect_violation("{" ID ",\"seats\":[\"a\",1]}", "/seats/1", "must be a string");
	expect_violation("{" ID ",\"seats\":[\"a\",\"b\",\"\\u0061\"]}", "/seats/2", "repeats item 0");
	expect_violation("{" ID ",\"sections\":[{\"name\":\"A\",\"price\":1},{\"name\":\"B\"}]}", "/sections/1/price", "is required");
	expect_violation("{" ID ",\"sections\":[{\"name\":\"A\",\"price\":1,\"x\":1}]}", "/sections/0/x", "unknown field");
	expect_violation("{" ID ",\"sections\":[[]]}", "/sections/0", "must be an object");
}

static void a_text_that_is_not_json_says_where(void **state)
{
	(void)state;
	assert_int_equal(read_body("{" ID ",\n \"extra\":1,\n}"), ERR_JSON_INVALID);
	assert_true(slice_equal_string(test.violations.detail, "a string is missing at line 3, column 1"));
	assert_int_equal(test.violations.count, 0);
}

static void all_violations_are_told_together(void **state)
{
	(void)state;
	assert_int_equal(read_body("{\"count\":1000,\"seats\":[\"\",\"\"],\"is_open\":null,\"x\":[]}"), ERR_VALIDATION);
	assert_int_equal(test.violations.count, 5);
	assert_true(slice_equal_string(test.violations.items[0].pointer, "/count"));
	assert_true(slice_equal_string(test.violations.items[1].pointer, "/seats/0"));
	assert_true(slice_equal_string(test.violations.items[2].pointer, "/seats/1"));
	assert_true(slice_equal_string(test.violations.items[3].pointer, "/x"));
	assert_true(slice_equal_string(test.violations.items[4].pointer, "/id"));
}

static void told_violations_have_their_maximum(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, &test.arena, 4096);
	buffer_append_string(&text, "{" ID ",\"sections\":[1");
	for (int i = 1; i < 100; i++)
		buffer_append_string(&text, ",1");
	buffer_append_string(&text, "],\"a\":1}");
	assert_int_equal(json_read(buffer_slice(&text), &body_schema, &test.violations, &test.body), ERR_VALIDATION);
	assert_int_equal(test.violations.count, JSON_VIOLATIONS_MAX);
	assert_true(slice_equal_string(test.violations.items[JSON_VIOLATIONS_MAX - 1].pointer, "/sections/31"));
}

static void a_long_unknown_name_is_cut_between_characters(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, &test.arena, 4096);
	buffer_append_string(&text, "{" ID ",\"x");
	for (int i = 0; i < 200; i++)
		buffer_append_string(&text, "\xc3\xa9");
	buffer_append_string(&text, "\":1}");
	assert_int_equal(json_read(buffer_slice(&text), &body_schema, &test.violations, &test.body), ERR_VALIDATION);
	assert_int_equal(test.violations.items[0].pointer.length, 1 + 1 + 2 * 64);
}

static void violations_that_the_caller_adds_are_kept(void **state)
{
	(void)state;
	json_violations_add(&test.violations, SLICE("/seats"), SLICE("must have at most 2 items"));
	assert_int_equal(test.violations.count, 1);
	assert_true(slice_equal_string(test.violations.items[0].detail, "must have at most 2 items"));
}

static void memory_that_is_out_is_no_violation_of_the_body(void **state)
{
	(void)state;
	arena_release(&test.arena);
	arena_init(&test.arena, 8, 8);
	assert_int_equal(read_body("{" ID ",\"name\":\"\\u0061bcdefgh\",\"seats\":[\"a\"]}"), ERR_NO_MEMORY);
	assert_int_equal(read_body("{"), ERR_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_body_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(absent_and_null_leave_the_default, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_violation_has_its_pointer_and_detail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_text_that_is_not_json_says_where, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_violations_are_told_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(told_violations_have_their_maximum, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_unknown_name_is_cut_between_characters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(violations_that_the_caller_adds_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_that_is_out_is_no_violation_of_the_body, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
