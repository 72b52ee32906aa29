/* test_layout.c: the seats of an event, section by section or as they are listed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "domain/layout.h"

struct visits {
	char text[256];
	uint32_t stop_after; /* 0: never */
	uint32_t count;
};

static enum error visit(void *context, const struct layout_seat *seat)
{
	struct visits *visits = context;
	size_t used = strlen(visits->text);
	snprintf(visits->text + used, sizeof visits->text - used, "%.*s(%.*s,%.*s,%d) ", SLICE_PRINT(seat->seat),
	         SLICE_PRINT(seat->section), SLICE_PRINT(seat->row), (int)seat->price);
	return ++visits->count == visits->stop_after ? ERR_SYSTEM : OK;
}

static void sections_are_walked_row_by_row(void **state)
{
	(void)state;
	const struct layout_section sections[] = {{.name = SLICE("A"), .price = 9, .rows = 2, .seats_per_row = 2},
	                                          {.name = SLICE("B"), .price = 5, .rows = 1, .seats_per_row = 1}};
	const struct layout layout = {.sections = sections, .section_count = 2};
	struct visits visits = {0};
	assert_int_equal(layout_each_seat(&layout, visit, &visits), OK);
	assert_string_equal(visits.text, "A-1-1(A,1,9) A-1-2(A,1,9) A-2-1(A,2,9) A-2-2(A,2,9) B-1-1(B,1,5) ");
	assert_int_equal(layout_count(&layout), 5);
}

static void listed_seats_are_walked_as_they_stand(void **state)
{
	(void)state;
	const struct layout_seat seats[] = {{.seat = SLICE("Loge 3"), .price = 7},
	                                    {.seat = SLICE("1"), .section = SLICE("S"), .row = SLICE("R"), .price = 0}};
	const struct layout layout = {.seats = seats, .seat_count = 2};
	struct visits visits = {0};
	assert_int_equal(layout_each_seat(&layout, visit, &visits), OK);
	assert_string_equal(visits.text, "Loge 3(,,7) 1(S,R,0) ");
	assert_int_equal(layout_count(&layout), 2);
}

static void the_visitors_error_stops_the_walk(void **state)
{
	(void)state;
	const struct layout_section sections[] = {{.name = SLICE("A"), .rows = 9, .seats_per_row = 9}};
	const struct layout layout = {.sections = sections, .section_count = 1};
	struct visits visits = {.stop_after = 3};
	assert_int_equal(layout_each_seat(&layout, visit, &visits), ERR_SYSTEM);
	assert_int_equal(visits.count, 3);
	const struct layout_seat seats[] = {{.seat = SLICE("1")}, {.seat = SLICE("2")}};
	visits = (struct visits){.stop_after = 1};
	assert_int_equal(layout_each_seat(&(struct layout){.seats = seats, .seat_count = 2}, visit, &visits), ERR_SYSTEM);
	assert_int_equal(visits.count, 1);
}

static void a_label_that_gets_too_long_is_refused(void **state)
{
	(void)state;
	char name[SEAT_LABEL_LENGTH_MAX];
	memset(name, 'x', sizeof name);
	struct layout_section section = {.name = {.data = name, .length = SEAT_LABEL_LENGTH_MAX - 4}, .rows = 1, .seats_per_row = 9};
	const struct layout layout = {.sections = &section, .section_count = 1};
	struct visits visits = {0};
	assert_int_equal(layout_each_seat(&layout, visit, &visits), OK);
	section.seats_per_row = 10;
	assert_int_equal(layout_each_seat(&layout, visit, &visits), ERR_LIMIT);
}

static void too_many_seats_do_not_wrap_around(void **state)
{
	(void)state;
	struct layout_section sections[SECTIONS_PER_EVENT_MAX];
	for (int i = 0; i < SECTIONS_PER_EVENT_MAX; i++)
		sections[i] = (struct layout_section){.name = SLICE("A"), .rows = UINT32_MAX, .seats_per_row = UINT32_MAX};
	assert_true(layout_count(&(struct layout){.sections = sections, .section_count = SECTIONS_PER_EVENT_MAX}) > SEATS_PER_EVENT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_are_walked_row_by_row),    cmocka_unit_test(listed_seats_are_walked_as_they_stand),
		cmocka_unit_test(the_visitors_error_stops_the_walk), cmocka_unit_test(a_label_that_gets_too_long_is_refused),
		cmocka_unit_test(too_many_seats_do_not_wrap_around),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
