/* test_decide_sale.c: putting an event on sale, pausing, resuming and cancelling it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/support/commands.h"
#include "tests/support/stage.h"

static int set_up(void **state)
{
	static struct stage stage;
	stage_init(&stage);
	*state = &stage;
	return 0;
}

static int tear_down(void **state)
{
	stage_release(*state);
	return 0;
}

static enum error change(struct stage *stage, enum command_kind kind)
{
	struct command command = sale_command(&stage->request, kind);
	return stage_run(stage, &command);
}

static void a_new_event_is_on_sale_with_the_seats_of_its_layout(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	struct command command = sale_create_command(&stage->request);
	command.sale_create.on_sale_until_ms = TEST_NOW_MS + 5;
	assert_int_equal(stage_run(stage, &command), OK);
	assert_string_equal(stage->events, "event.created");
	const struct sale *sale = stage_sale(stage);
	assert_int_equal(sale->status, SALE_ON_SALE);
	assert_int_equal(sale->sequence, 1);
	assert_int_equal(sale->seat_count, TEST_SEAT_COUNT);
	assert_int_equal(sale->on_sale_until_ms, TEST_NOW_MS + 5);
	assert_string_equal(sale->currency.code, "EUR");
	assert_int_equal(sale->row.stored_version, 0);
	assert_int_equal(stage->changes.events[0].layout.section_count, 1);
}

static void an_id_that_is_there_already_is_corrupt(void **state)
{
	struct stage *stage = *state;
	struct command command = sale_create_command(&stage->request);
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
}

static void a_sale_is_paused_and_resumed(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(change(stage, COMMAND_SALE_PAUSE), OK);
	assert_string_equal(stage->events, "event.paused");
	assert_int_equal(stage_sale(stage)->status, SALE_PAUSED);
	assert_int_equal(change(stage, COMMAND_SALE_PAUSE), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(change(stage, COMMAND_SALE_RESUME), OK);
	assert_string_equal(stage->events, "event.resumed");
	assert_int_equal(stage_sale(stage)->status, SALE_ON_SALE);
	assert_int_equal(stage_sale(stage)->sequence, 3);
	assert_int_equal(change(stage, COMMAND_SALE_RESUME), OK);
	assert_string_equal(stage->events, "");
}

static void a_cancelled_event_stays_so(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(change(stage, COMMAND_SALE_PAUSE), OK);
	assert_int_equal(change(stage, COMMAND_SALE_CANCEL), OK);
	assert_string_equal(stage->events, "event.cancelled");
	assert_int_equal(change(stage, COMMAND_SALE_CANCEL), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(change(stage, COMMAND_SALE_RESUME), ERR_EVENT_CANCELLED);
	assert_int_equal(change(stage, COMMAND_SALE_PAUSE), ERR_EVENT_CANCELLED);
}

static void an_unknown_event_is_said_so(void **state)
{
	struct stage *stage = *state;
	view_clear(stage->view);
	assert_int_equal(change(stage, COMMAND_SALE_PAUSE), ERR_EVENT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_new_event_is_on_sale_with_the_seats_of_its_layout),
		TEST(an_id_that_is_there_already_is_corrupt),
		TEST(a_sale_is_paused_and_resumed),
		TEST(a_cancelled_event_stays_so),
		TEST(an_unknown_event_is_said_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
