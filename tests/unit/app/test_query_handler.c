/* test_browser.c: what clients are told of holds, orders, histories and seats, read from the memory store. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/query_handler.h"
#include "app/cursor.h"
#include "tests/unit/app/shop.h"

struct world {
	struct shop shop;
	struct query_handler *handler;
};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	assert_int_equal(query_handler_new(world->shop.reader, &world->handler), OK);
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	query_handler_free(world->handler);
	shop_release(&world->shop);
	free(world);
	return 0;
}

static enum error ask(struct world *world, struct query query, const char **ret_body)
{
	struct slice body;
	if (query.limit == 0)
		query.limit = QUERY_LIMIT_DEFAULT;
	enum error error = query_handler_answer(world->handler, &query, world->shop.clock.wall_ms, &world->shop.arena, &body);
	if (error == OK)
		*ret_body = body.data; /* terminated by arena_copy */
	return error;
}

static void assert_has(const char *body, const char *part)
{
	if (strstr(body, part) == NULL)
		fail_msg("%s\nhas no %s", body, part);
}

static uint32_t count_of(const char *body, const char *part)
{
	uint32_t count = 0;
	for (const char *at = strstr(body, part); at != NULL; at = strstr(at + 1, part))
		count++;
	return count;
}

static void take(struct world *world, uint32_t hold, const char *user, const char *seats)
{
	assert_int_equal(shop_run(&world->shop, hold_command(&world->shop.arena, hold, user, seats)), OK);
}

static struct query hold_of(uint32_t hold, const char *user)
{
	return (struct query){.kind = QUERY_HOLD, .id = test_hold_id(hold), .user = slice_of(user)};
}

static void hold_reads_as_it_was_answered_until_it_lapses(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "1 2");
	const char *body = NULL;
	assert_int_equal(ask(world, hold_of(1, "ada"), &body), OK);
	assert_true(slice_equal_string(world->shop.outcome.body, body));
	assert_has(body, "\"status\":\"ACTIVE\"");
	fake_clock_advance(&world->shop.clock, TEST_HOLD_TTL_MS - 1);
	assert_int_equal(ask(world, hold_of(1, "ada"), &body), OK);
	assert_has(body, "\"status\":\"ACTIVE\"");
	fake_clock_advance(&world->shop.clock, 1);
	assert_int_equal(ask(world, hold_of(1, "ada"), &body), OK);
	assert_has(body, "\"status\":\"EXPIRED\"");
}

static void what_is_anothers_is_as_if_it_were_not_there(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "1");
	assert_int_equal(shop_run(&world->shop, order_command(&world->shop.arena, 1, "ada", 1)), OK);
	const char *body = NULL;
	struct query query = hold_of(1, "bob");
	assert_int_equal(ask(world, query, &body), ERR_HOLD_UNKNOWN);
	query.kind = QUERY_HOLD_HISTORY;
	assert_int_equal(ask(world, query, &body), ERR_HOLD_UNKNOWN);
	query = (struct query){.kind = QUERY_ORDER, .id = test_order_id(1), .user = SLICE("bob")};
	assert_int_equal(ask(world, query, &body), ERR_ORDER_UNKNOWN);
	query.kind = QUERY_ORDER_HISTORY;
	assert_int_equal(ask(world, query, &body), ERR_ORDER_UNKNOWN);
	query.user = SLICE("ada");
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(ask(world, hold_of(2, "ada"), &body), ERR_HOLD_UNKNOWN);
	query = (struct query){.kind = QUERY_ORDER, .id = test_hold_id(1), .user = SLICE("ada")};
	assert_int_equal(ask(world, query, &body), ERR_ORDER_UNKNOWN);
}

static void order_reads_as_it_is_now(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "1 2");
	assert_int_equal(shop_run(&world->shop, order_command(&world->shop.arena, 1, "ada", 1)), OK);
	const struct query query = {.kind = QUERY_ORDER, .id = test_order_id(1), .user = SLICE("ada")};
	const char *body = NULL;
	assert_int_equal(ask(world, query, &body), OK);
	assert_has(body, "\"status\":\"PENDING\"");
	assert_int_equal(shop_run(&world->shop, payment_command(&world->shop.arena, 1, "t-1", PAYMENT_SUCCEEDED)), OK);
	assert_int_equal(ask(world, query, &body), OK);
	assert_has(body, "\"status\":\"CONFIRMED\"");
}

static void history_has_the_events_of_the_stream_in_pages(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "1");
	assert_int_equal(shop_run(&world->shop, release_command(&world->shop.arena, 1, "ada")), OK);
	struct query query = hold_of(1, "ada");
	query.kind = QUERY_HOLD_HISTORY;
	const char *body = NULL;
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(strncmp(body, "{\"data\":[{\"id\":\"", 16), 0);
	assert_has(body, "\"type\":\"hold.created\",\"version\":1,\"occurred_at\":\"2027-01-15T08:00:00.000Z\",\"data\":{\"hold_id\":");
	assert_has(body, "\"type\":\"hold.released\",\"version\":2,");
	assert_has(body, "],\"next_cursor\":null}");

	query.limit = 1;
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(count_of(body, "\"version\":"), 1);
	const char *cursor = strstr(body, "\"next_cursor\":\"");
	assert_non_null(cursor);
	assert_int_equal(cursor_parse((struct slice){.data = cursor + 15, .length = CURSOR_TEXT_LENGTH}, &query), OK);
	assert_int_equal(ask(world, query, &body), OK);
	assert_has(body, "\"version\":2,");
	assert_has(body, "\"next_cursor\":null}");
}

static void seats_are_listed_in_order_with_their_status(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "2");
	struct query query = {.kind = QUERY_SEATS, .id = test_event_id()};
	const char *body = NULL;
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(count_of(body, "\"seat\":"), TEST_SEAT_COUNT);
	assert_has(body, "{\"data\":[{\"seat\":\"A-1-1\",\"section\":\"A\",\"row\":\"1\",\"price\":1000,\"status\":\"available\"},"
	                 "{\"seat\":\"A-1-2\",\"section\":\"A\",\"row\":\"1\",\"price\":1000,\"status\":\"held\"},");
	query.seat_status = SEAT_HELD;
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(count_of(body, "\"seat\":"), 1);
	query.seat_status = SEAT_SOLD;
	assert_int_equal(ask(world, query, &body), OK);
	assert_string_equal(body, "{\"data\":[],\"next_cursor\":null}");
	query.id.bytes[0] ^= 1;
	assert_int_equal(ask(world, query, &body), ERR_EVENT_UNKNOWN);
}

static void seats_come_in_pages(void **state)
{
	struct world *world = *state;
	struct query query = {.kind = QUERY_SEATS, .id = test_event_id(), .limit = 4};
	const char *body = NULL;
	for (uint32_t seen = 0; seen < 8; seen += 4) {
		assert_int_equal(ask(world, query, &body), OK);
		assert_int_equal(count_of(body, "\"seat\":"), 4);
		const char *cursor = strstr(body, "\"next_cursor\":\"");
		assert_non_null(cursor);
		assert_int_equal(cursor_parse((struct slice){.data = cursor + 15, .length = CURSOR_TEXT_LENGTH}, &query), OK);
	}
	assert_int_equal(ask(world, query, &body), OK);
	assert_int_equal(strncmp(body, "{\"data\":[{\"seat\":\"A-1-9\"", 24), 0);
	assert_has(body, "\"next_cursor\":null}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(hold_reads_as_it_was_answered_until_it_lapses),
		TEST(what_is_anothers_is_as_if_it_were_not_there),
		TEST(order_reads_as_it_is_now),
		TEST(history_has_the_events_of_the_stream_in_pages),
		TEST(seats_are_listed_in_order_with_their_status),
		TEST(seats_come_in_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
