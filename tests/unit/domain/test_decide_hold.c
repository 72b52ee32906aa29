/* test_decide_hold.c: taking seats, giving them back, and what has lapsed. */
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

static void a_hold_takes_its_seats(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "3 1"), OK);
	assert_string_equal(stage->events, "hold.created");
	struct uuid id = test_hold_id(1);
	assert_true(uuid_equal(&stage->outcome.resource_id, &id));
	const struct hold *made = stage_hold(stage, 1);
	assert_int_equal(made->status, HOLD_ACTIVE);
	assert_int_equal(made->sequence, 1);
	assert_int_equal(made->created_at_ms, TEST_NOW_MS);
	assert_int_equal(made->expires_at_ms, TEST_NOW_MS + TEST_HOLD_TTL_MS);
	assert_int_equal(made->seat_count, 2);
	assert_memory_equal(made->seats[0].text, "A-1-3", 5);
	assert_memory_equal(made->seats[1].text, "A-1-1", 5);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_HELD);
	assert_true(uuid_equal(&stage_seat(stage, 3)->holder_id, &id));
	assert_int_equal(stage_seat(stage, 2)->status, SEAT_AVAILABLE);
}

static void all_or_nothing_and_every_lost_seat_is_told(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "2 4"), OK);
	assert_int_equal(stage_take(stage, 2, "bob", "1 2 3 4"), ERR_SEATS_TAKEN);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage->outcome.conflict_count, 2);
	assert_memory_equal(stage->outcome.conflicts[0].text, "A-1-2", 5);
	assert_memory_equal(stage->outcome.conflicts[1].text, "A-1-4", 5);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
}

static void ones_own_seats_are_taken_too(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_take(stage, 2, "ann", "1"), ERR_SEATS_TAKEN);
}

static void reserved_and_sold_seats_are_taken(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	assert_int_equal(stage_take(stage, 2, "bob", "1"), ERR_SEATS_TAKEN);
	assert_int_equal(stage_pay(stage, 1, "t1"), OK);
	stage_step(stage, 10 * TEST_ORDER_TTL_MS);
	assert_int_equal(stage_take(stage, 3, "bob", "1"), ERR_SEATS_TAKEN);
}

static void an_unknown_event_or_seat_is_said_so(void **state)
{
	struct stage *stage = *state;
	struct command command = hold_command(&stage->request, 1, "ann", "1 2");
	struct seat_label labels[] = {test_label(1), seat_label_of(SLICE("Z-9-9"))};
	command.hold_create.seats = labels;
	assert_int_equal(stage_run(stage, &command), ERR_SEAT_UNKNOWN);
	assert_int_equal(stage->outcome.unknown_count, 1);
	assert_int_equal(stage->outcome.unknown_seats[0], 1);
	command.hold_create.event_id.bytes[0] ^= 1;
	assert_int_equal(stage_run(stage, &command), ERR_EVENT_UNKNOWN);
	assert_string_equal(stage->events, "");
}

static void holds_are_made_only_while_the_event_is_on_sale(void **state)
{
	struct stage *stage = *state;
	stage_sale(stage)->status = SALE_PAUSED;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), ERR_SALES_PAUSED);
	stage_sale(stage)->status = SALE_CANCELLED;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), ERR_EVENT_CANCELLED);
	stage_sale(stage)->status = SALE_ON_SALE;
	stage_sale(stage)->on_sale_from_ms = TEST_NOW_MS + 1;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), ERR_NOT_ON_SALE);
	stage_sale(stage)->on_sale_from_ms = TEST_NOW_MS;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
}

static void the_owner_gives_the_seats_back(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_give_back(stage, 1, "ann"), OK);
	assert_string_equal(stage->events, "hold.released");
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_RELEASED);
	assert_int_equal(stage_hold(stage, 1)->sequence, 2);
	assert_int_equal(stage_seat(stage, 2)->status, SEAT_AVAILABLE);
	assert_true(uuid_is_nil(&stage_seat(stage, 2)->holder_id));
	assert_int_equal(stage_take(stage, 2, "bob", "1 2"), OK);
}

static void releasing_again_changes_nothing(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_give_back(stage, 1, "ann"), OK);
	assert_int_equal(stage_give_back(stage, 1, "ann"), OK);
	assert_string_equal(stage->events, "");
}

static void somebody_elses_hold_is_as_if_it_were_not_there(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_give_back(stage, 1, "bob"), ERR_HOLD_UNKNOWN);
	assert_int_equal(stage_give_back(stage, 7, "ann"), ERR_HOLD_UNKNOWN);
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_ACTIVE);
}

static void ended_holds_cannot_be_released(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_take(stage, 2, "ann", "2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 2), OK);
	assert_int_equal(stage_give_back(stage, 2, "ann"), ERR_HOLD_CONVERTED);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_give_back(stage, 1, "ann"), ERR_HOLD_EXPIRED);
	assert_int_equal(stage_expire_hold(stage, 1), OK);
	assert_int_equal(stage_give_back(stage, 1, "ann"), ERR_HOLD_EXPIRED);
}

static void a_hold_expires_at_its_deadline_and_not_before(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS - 1);
	assert_int_equal(stage_expire_hold(stage, 1), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage_take(stage, 2, "bob", "1"), ERR_SEATS_TAKEN);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_expire_hold(stage, 1), OK);
	assert_string_equal(stage->events, "hold.expired");
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_EXPIRED);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
	assert_int_equal(stage_expire_hold(stage, 1), OK);
	assert_string_equal(stage->events, "");
}

static void expiring_a_hold_leaves_the_seats_of_its_order(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_expire_hold(stage, 1), OK);
	assert_int_equal(stage_expire_hold(stage, 8), OK);
	assert_string_equal(stage->events, "");
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_RESERVED);
}

static void taking_a_seat_of_a_lapsed_hold_ends_the_whole_hold_once(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2 3"), OK);
	assert_int_equal(stage_take(stage, 2, "bob", "4"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	assert_int_equal(stage_take(stage, 3, "cy", "2 3 4 5"), OK);
	assert_string_equal(stage->events, "hold.expired hold.expired hold.created");
	assert_int_equal(stage_hold(stage, 1)->status, HOLD_EXPIRED);
	assert_int_equal(stage_hold(stage, 2)->status, HOLD_EXPIRED);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
	assert_int_equal(stage_seat(stage, 2)->status, SEAT_HELD);
}

static void taking_a_seat_of_a_lapsed_order_ends_the_order(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	assert_int_equal(stage_buy(stage, 1, "ann", 1), OK);
	stage_step(stage, TEST_ORDER_TTL_MS - 1);
	assert_int_equal(stage_take(stage, 2, "bob", "2"), ERR_SEATS_TAKEN);
	stage_step(stage, TEST_ORDER_TTL_MS);
	assert_int_equal(stage_take(stage, 2, "bob", "2"), OK);
	assert_string_equal(stage->events, "order.expired hold.created");
	assert_int_equal(stage_order(stage, 1)->status, ORDER_EXPIRED);
	assert_int_equal(stage_seat(stage, 1)->status, SEAT_AVAILABLE);
}

static void a_view_of_different_moments_is_refused(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	stage_step(stage, 0);
	stage_seat(stage, 2)->status = SEAT_AVAILABLE;
	struct command command = release_command(&stage->request, 1, "ann");
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	assert_string_equal(stage->events, "");
	stage_hold(stage, 1)->status = HOLD_RELEASED;
	command = hold_command(&stage->request, 2, "bob", "1");
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
}

static void a_lapsed_hold_without_its_seats_is_refused(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_take(stage, 1, "ann", "1 2"), OK);
	stage_step(stage, TEST_HOLD_TTL_MS);
	stage_seat(stage, 2)->holder_id = test_hold_id(9);
	struct command command = hold_command(&stage->request, 2, "bob", "1");
	assert_int_equal(stage_try(stage, &command), ERR_CORRUPT);
	assert_int_equal(stage->changes.event_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_hold_takes_its_seats),
		TEST(all_or_nothing_and_every_lost_seat_is_told),
		TEST(ones_own_seats_are_taken_too),
		TEST(reserved_and_sold_seats_are_taken),
		TEST(an_unknown_event_or_seat_is_said_so),
		TEST(holds_are_made_only_while_the_event_is_on_sale),
		TEST(the_owner_gives_the_seats_back),
		TEST(releasing_again_changes_nothing),
		TEST(somebody_elses_hold_is_as_if_it_were_not_there),
		TEST(ended_holds_cannot_be_released),
		TEST(a_hold_expires_at_its_deadline_and_not_before),
		TEST(expiring_a_hold_leaves_the_seats_of_its_order),
		TEST(taking_a_seat_of_a_lapsed_hold_ends_the_whole_hold_once),
		TEST(taking_a_seat_of_a_lapsed_order_ends_the_order),
		TEST(a_view_of_different_moments_is_refused),
		TEST(a_lapsed_hold_without_its_seats_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
