/* test_sale_json.c: the body that puts an event on sale, and everything that may be wrong with it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "codec/sale_json.h"

#define NOW_MS UINT64_C(1800000000000) /* some hours before the event starts */
#define ARENA_MAX (256 * 1024 * 1024)

struct fixture {
	struct arena arena;
	struct json_violations violations;
	struct sale_create create;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){0};
	arena_init(&fixture.arena, 65536, ARENA_MAX);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	arena_release(&fixture->arena);
	return 0;
}

static enum error read_text(struct fixture *fixture, struct slice text)
{
	json_violations_init(&fixture->violations, &fixture->arena);
	fixture->create = (struct sale_create){.on_sale_from_ms = 77};
	return sale_body_read(text, NOW_MS, &fixture->violations, &fixture->create);
}

/* A body with these members behind those that every body has. */
static enum error read_with(struct fixture *fixture, const char *members)
{
	struct slice text = arena_format(
		&fixture->arena, "{\"name\":\"Opera\",\"venue\":\"House\",\"starts_at\":\"2027-01-15T20:00:00+01:00\",%s}", members);
	return read_text(fixture, text);
}

static void assert_violation(struct fixture *fixture, enum error error, const char *pointer)
{
	assert_int_equal(error, ERR_VALIDATION);
	for (uint32_t i = 0; i < fixture->violations.count; i++)
		if (slice_equal_string(fixture->violations.items[i].pointer, pointer))
			return;
	fail_msg("no violation at %s", pointer);
}

#define SECTIONS "\"sections\":[{\"name\":\"A\",\"price\":100,\"rows\":2,\"seats_per_row\":3}]"

static void a_body_with_sections_is_read(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_with(fixture, "\"currency\":\"EUR\",\"description\":\"\",\"on_sale_from\":null," SECTIONS), OK);
	const struct sale_create *create = &fixture->create;
	assert_true(slice_equal_string(create->details.name, "Opera"));
	assert_true(slice_equal_string(create->details.venue, "House"));
	assert_int_equal(create->details.starts_at_ms, 1800039600000);
	assert_string_equal(create->currency.code, "EUR");
	assert_int_equal(create->on_sale_from_ms, 0);
	assert_int_equal(create->layout.section_count, 1);
	assert_int_equal(create->layout.sections[0].rows, 2);
	assert_int_equal(layout_count(&create->layout), 6);
}

static void a_body_with_seats_is_read(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_with(fixture, "\"currency\":\"EUR\",\"seats\":[{\"seat\":\"L1\",\"price\":0},{\"seat\":\"L2\",\"price\":1,"
	                                    "\"section\":\"L\",\"row\":\"1\"}]"),
	                 OK);
	assert_int_equal(fixture->create.layout.seat_count, 2);
	assert_true(slice_equal_string(fixture->create.layout.seats[1].row, "1"));
}

static void one_of_sections_and_seats_is_required(void **state)
{
	struct fixture *fixture = *state;
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\""), "/sections");
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\",\"sections\":null"), "/sections");
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\",\"sections\":[]"), "/sections");
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\",\"seats\":[]"), "/seats");
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\"," SECTIONS ",\"seats\":[{\"seat\":\"L1\",\"price\":1}]"),
	                 "/seats");
}

static void every_violation_has_its_pointer(void **state)
{
	static const struct {
		const char *members, *pointer;
	} cases[] = {
		{"\"currency\":\"EUX\"," SECTIONS, "/currency"},
		{"\"currency\":\"eur\"," SECTIONS, "/currency"},
		{"\"currency\":\"EURO\"," SECTIONS, "/currency"},
		{SECTIONS, "/currency"},
		{"\"currency\":\"EUR\",\"colour\":1," SECTIONS, "/colour"},
		{"\"currency\":\"EUR\",\"on_sale_from\":\"2027-01-01T00:00:00Z\",\"on_sale_until\":\"2027-01-01T00:00:00Z\"," SECTIONS,
	         "/on_sale_until"},
		{"\"currency\":\"EUR\",\"on_sale_from\":\"yesterday\"," SECTIONS, "/on_sale_from"},
		{"\"currency\":\"EUR\",\"description\":\"a\\u0007b\"," SECTIONS, "/description"},
		{"\"currency\":\"EUR\",\"sections\":{}", "/sections"},
		{"\"currency\":\"EUR\",\"sections\":[1]", "/sections/0"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1,\"rows\":1}]", "/sections/0/seats_per_row"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"\",\"price\":1,\"rows\":1,\"seats_per_row\":1}]", "/sections/0/name"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":-1,\"rows\":1,\"seats_per_row\":1}]", "/sections/0/price"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1.5,\"rows\":1,\"seats_per_row\":1}]", "/sections/0/price"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1000000000001,\"rows\":1,\"seats_per_row\":1}]",
	         "/sections/0/price"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1,\"rows\":0,\"seats_per_row\":1}]", "/sections/0/rows"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1,\"rows\":1000001,\"seats_per_row\":1}]",
	         "/sections/0/rows"},
		{"\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1,\"rows\":1000000,\"seats_per_row\":2}]", "/sections"},
		{"\"currency\":\"EUR\",\"seats\":[{\"seat\":\"1\"}]", "/seats/0/price"},
		{"\"currency\":\"EUR\",\"seats\":[{\"seat\":\"1\",\"price\":1,\"aisle\":true}]", "/seats/0/aisle"},
		{"\"currency\":\"EUR\",\"seats\":[{\"seat\":\"1\",\"price\":1},{\"seat\":\"2\",\"price\":1},{\"seat\":\"1\",\"price\":1}]",
	         "/seats/2/seat"},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_violation(fixture, read_with(fixture, cases[i].members), cases[i].pointer);
		assert_int_equal(fixture->create.on_sale_from_ms, 77);
	}
}

static bool count_three(void *context, const struct json_violation *violation)
{
	uint32_t *count = context;
	assert_true(violation->pointer.length > 0 && violation->detail.length > 0);
	return ++*count < 3;
}

static void violations_of_every_kind_are_told_together(void **state)
{
	struct fixture *fixture = *state;
	enum error error = read_with(fixture, "\"currency\":\"EUX\",\"on_sale_until\":\"2099-01-01T00:00:00Z\",\"colour\":1,"
	                                      "\"sections\":[{\"name\":\"A\",\"price\":-1,\"rows\":1,\"seats_per_row\":1}]");
	assert_violation(fixture, error, "/currency");
	assert_violation(fixture, error, "/on_sale_until");
	assert_violation(fixture, error, "/colour");
	assert_violation(fixture, error, "/sections/0/price");
	assert_int_equal(fixture->violations.count, 4);
}

static void violations_are_handed_over_until_it_is_enough(void **state)
{
	struct fixture *fixture = *state;
	uint32_t count = 0;
	json_violations_init(&fixture->violations, &fixture->arena);
	fixture->violations.tell = count_three;
	fixture->violations.context = &count;
	assert_int_equal(sale_body_read(SLICE("{\"seats\":[{},{},{},{}]}"), NOW_MS, &fixture->violations, &fixture->create),
	                 ERR_VALIDATION);
	assert_int_equal(count, 3);
}

static void only_an_import_brings_its_id(void **state)
{
	struct fixture *fixture = *state;
	static const char members[] = "\"currency\":\"EUR\",\"event_id\":\"019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c\"," SECTIONS;
	assert_violation(fixture, read_with(fixture, members), "/event_id");
	json_violations_init(&fixture->violations, &fixture->arena);
	struct slice text = arena_format(&fixture->arena,
	                                 "{\"name\":\"Opera\",\"venue\":\"House\",\"starts_at\":\"2027-01-15T20:00:00Z\",%s}", members);
	assert_int_equal(sale_import_read(text, NOW_MS, &fixture->violations, &fixture->create), OK);
	assert_int_equal(fixture->create.event_id.bytes[0], 0x01);
	assert_int_equal(fixture->create.event_id.bytes[15], 0x3c);
}

static void every_repeat_of_a_section_is_told(void **state)
{
	struct fixture *fixture = *state;
	enum error error =
		read_with(fixture, "\"currency\":\"EUR\",\"sections\":[{\"name\":\"A\",\"price\":1,\"rows\":1,\"seats_per_row\":1},"
	                           "{\"name\":\"A\",\"price\":1,\"rows\":1,\"seats_per_row\":1},"
	                           "{\"name\":\"\\u0041\",\"price\":1,\"rows\":1,\"seats_per_row\":1}]");
	assert_violation(fixture, error, "/sections/1/name");
	assert_violation(fixture, error, "/sections/2/name");
	assert_int_equal(fixture->violations.count, 2);
}

static void the_longest_section_name_leaves_room_for_row_and_number(void **state)
{
	struct fixture *fixture = *state;
	char name[64];
	memset(name, 'x', sizeof name);
	for (int length = 47; length <= 48; length++) {
		struct slice members = arena_format(
			&fixture->arena,
			"\"currency\":\"EUR\",\"sections\":[{\"name\":\"%.*s\",\"price\":1,\"rows\":1,\"seats_per_row\":1000000}]", length,
			name);
		enum error error = read_with(fixture, members.data);
		if (length == 47)
			assert_int_equal(error, OK);
		else
			assert_violation(fixture, error, "/sections/0/name");
	}
}

static void texts_other_than_json_are_told_from_violations(void **state)
{
	static const char *const texts[] = {
		"", " ", "{", "{\"name\":\"a\",}", "{\"name\":\"a\",\"name\":\"b\"}", "\xff", "nul", "{\"name\":NaN}", "{} {}"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		assert_int_equal(read_text(fixture, slice_of(texts[i])), ERR_JSON_INVALID);
		assert_true(fixture->violations.detail.length > 0);
	}
	assert_violation(fixture, read_text(fixture, SLICE("[]")), "");
	assert_violation(fixture, read_text(fixture, SLICE("{}")), "/name");
}

static void a_prefix_of_a_body_is_never_taken_for_one(void **state)
{
	static const char body[] =
		"{\"name\":\"O\",\"venue\":\"H\",\"starts_at\":\"2027-01-15T20:00:00Z\",\"currency\":\"EUR\"," SECTIONS "}";
	struct fixture *fixture = *state;
	for (size_t length = 0; length < sizeof body - 1; length++)
		assert_int_equal(read_text(fixture, (struct slice){.data = body, .length = length}), ERR_JSON_INVALID);
	assert_int_equal(read_text(fixture, slice_of(body)), OK);
}

/* `count` seats "1", "2", …, the last of which has the label `last`. */
static struct slice many_seats(struct fixture *fixture, uint32_t count, const char *last)
{
	struct buffer text;
	buffer_init(&text, &fixture->arena, ARENA_MAX / 8);
	buffer_append_string(&text,
	                     "{\"name\":\"O\",\"venue\":\"H\",\"starts_at\":\"2027-01-15T20:00:00Z\",\"currency\":\"EUR\",\"seats\":[");
	for (uint32_t i = 1; i < count; i++)
		buffer_append_format(&text, "{\"seat\":\"%u\",\"price\":1},", i);
	buffer_append_format(&text, "{\"seat\":\"%s\",\"price\":1}]}", last);
	assert_false(text.failed);
	return buffer_slice(&text);
}

static void a_hundred_thousand_listed_seats_are_read_and_a_repeat_among_them_is_found(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_text(fixture, many_seats(fixture, 100000, "last")), OK);
	assert_int_equal(fixture->create.layout.seat_count, 100000);
	assert_violation(fixture, read_text(fixture, many_seats(fixture, 100000, "50000")), "/seats/99999/seat");
}

static void without_memory_it_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct slice text = many_seats(fixture, 100, "last");
	struct arena small;
	static const size_t maxima[] = {64, 4096, 6000}; /* too little for the list, for what is in it, and for looking for repeats */
	for (size_t i = 0; i < ARRAY_LENGTH(maxima); i++) {
		arena_init(&small, 64, maxima[i]);
		json_violations_init(&fixture->violations, &small);
		assert_int_equal(sale_body_read(text, NOW_MS, &fixture->violations, &fixture->create), ERR_NO_MEMORY);
		arena_release(&small);
	}
}

static void the_summary_tells_absent_times_as_null(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, NULL, 4096);
	struct json_writer writer = json_writer_on(&buffer);
	struct sale_summary summary = {
		.details = {.name = SLICE("O"), .venue = SLICE("H")}, .currency = {"EUR"}, .status = SALE_PAUSED, .seat_count = 3};
	json_writer_object_begin(&writer, NULL);
	sale_summary_write(&writer, &summary);
	json_writer_object_end(&writer);
	buffer_append_byte(&buffer, '\0');
	assert_string_equal(buffer.data,
	                    "{\"event_id\":\"00000000-0000-0000-0000-000000000000\",\"name\":\"O\",\"venue\":\"H\",\"description\":\"\","
	                    "\"starts_at\":\"1970-01-01T00:00:00.000Z\",\"on_sale_from\":null,\"on_sale_until\":null,\"currency\":\"EUR\","
	                    "\"status\":\"paused\",\"seat_count\":3,\"created_at\":\"1970-01-01T00:00:00.000Z\"}");
	buffer_release(&buffer);
}

static void an_event_is_to_come_unless_it_is_backdated(void **state)
{
	struct fixture *fixture = *state;
	const char *past = "{\"name\":\"O\",\"venue\":\"H\",\"starts_at\":\"2027-01-15T08:00:00Z\",\"currency\":\"EUR\"," SECTIONS "%s}";
	assert_violation(fixture, read_text(fixture, arena_format(&fixture->arena, past, "")), "/starts_at");
	assert_violation(fixture, read_text(fixture, arena_format(&fixture->arena, past, ",\"backdated\":false")), "/starts_at");
	assert_int_equal(read_text(fixture, arena_format(&fixture->arena, past, ",\"backdated\":true")), OK);
	assert_violation(fixture, read_text(fixture, arena_format(&fixture->arena, past, ",\"backdated\":1")), "/backdated");
}

static void sales_end_when_the_event_starts(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_with(fixture, "\"currency\":\"EUR\",\"on_sale_until\":\"2027-01-15T19:00:00Z\"," SECTIONS), OK);
	assert_violation(fixture, read_with(fixture, "\"currency\":\"EUR\",\"on_sale_until\":\"2027-01-15T19:00:01Z\"," SECTIONS),
	                 "/on_sale_until");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_body_with_sections_is_read),
		TEST(an_event_is_to_come_unless_it_is_backdated),
		TEST(sales_end_when_the_event_starts),
		TEST(a_body_with_seats_is_read),
		TEST(one_of_sections_and_seats_is_required),
		TEST(every_violation_has_its_pointer),
		TEST(violations_of_every_kind_are_told_together),
		TEST(violations_are_handed_over_until_it_is_enough),
		TEST(only_an_import_brings_its_id),
		TEST(every_repeat_of_a_section_is_told),
		TEST(the_longest_section_name_leaves_room_for_row_and_number),
		TEST(texts_other_than_json_are_told_from_violations),
		TEST(a_prefix_of_a_body_is_never_taken_for_one),
		TEST(a_hundred_thousand_listed_seats_are_read_and_a_repeat_among_them_is_found),
		TEST(without_memory_it_says_so),
		TEST(the_summary_tells_absent_times_as_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
