/* test_query_handler.c: answers about holds, orders, histories and seats, read from the memory store. */
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
	struct job *ended[8]; /* in the order in which they were answered */
	uint32_t ended_count;
	uint32_t told; /* times */
};

static void note_answers(void *context, struct list *jobs)
{
	struct world *world = context;
	world->told++;
	for (struct list_node *node; (node = list_pop(jobs)) != NULL;) {
		assert_true(world->ended_count < ARRAY_LENGTH(world->ended));
		world->ended[world->ended_count++] = container_of(node, struct job, node);
	}
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	const struct query_handler_options options = {.reader = world->shop.reader, .answered = note_answers, .context = world};
	assert_int_equal(query_handler_new(&options, &world->handler), OK);
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

static struct job job_of(struct world *world, struct query query)
{
	if (query.limit == 0)
		query.limit = QUERY_LIMIT_DEFAULT;
	return (struct job){.kind = JOB_QUERY, .query = query, .arena = &world->shop.arena};
}

/* Answers them all at once. */
static void answer(struct world *world, struct job *jobs, uint32_t count)
{
	struct list list;
	list_init(&list);
	for (uint32_t i = 0; i < count; i++)
		list_push(&list, &jobs[i].node);
	world->ended_count = world->told = 0;
	assert_true(query_handler_answer(world->handler, &list, world->shop.clock.wall_ms));
	assert_true(list_is_empty(&list));
	assert_int_equal(world->ended_count, count);
}

static enum error ask(struct world *world, struct query query, const char **ret_body)
{
	struct job job = job_of(world, query);
	answer(world, &job, 1);
	if (job.outcome.error == OK)
		*ret_body = job.outcome.body.data; /* terminated by arena_copy */
	return job.outcome.error;
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

static void another_users_hold_or_order_is_unknown(void **state)
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

static void queries_together_are_answered_each_rows_before_lists(void **state)
{
	struct world *world = *state;
	take(world, 1, "ada", "1");
	take(world, 2, "bob", "2");
	const struct query history = {.kind = QUERY_HOLD_HISTORY, .id = test_hold_id(1), .user = SLICE("ada")};
	struct query others = history;
	others.user = SLICE("bob");
	struct job jobs[] = {
		job_of(world, (struct query){.kind = QUERY_AVAILABILITY, .id = test_event_id()}),
		job_of(world, (struct query){.kind = QUERY_REFUNDS}),
		job_of(world, history),
		job_of(world, others),
		job_of(world, (struct query){.kind = QUERY_SEATS, .id = test_event_id()}),
		job_of(world, (struct query){.kind = QUERY_SEATS, .id = test_hold_id(1)}),
		job_of(world, hold_of(2, "bob")),
		job_of(world, hold_of(1, "ada")),
	};
	answer(world, jobs, ARRAY_LENGTH(jobs));
	const enum error errors[] = {OK, OK, OK, ERR_HOLD_UNKNOWN, OK, ERR_EVENT_UNKNOWN, OK, OK};
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++)
		assert_int_equal(jobs[i].outcome.error, errors[i]);
	assert_has(jobs[0].outcome.body.data, "\"available\":7");
	assert_has(jobs[1].outcome.body.data, "{\"data\":[]");
	assert_has(jobs[2].outcome.body.data, "\"hold.created\"");
	assert_int_equal(count_of(jobs[4].outcome.body.data, "\"seat\":"), TEST_SEAT_COUNT);
	assert_has(jobs[6].outcome.body.data, "A-1-2");
	assert_has(jobs[7].outcome.body.data, "A-1-1");
	/* Those that need no list, those that do, and what takes longest. */
	for (uint32_t i = 0; i < 4; i++)
		assert_true(world->ended[i] == &jobs[3] || world->ended[i] >= &jobs[5]);
	assert_ptr_equal(world->ended[7], &jobs[0]);
	assert_true(world->told >= 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(hold_reads_as_it_was_answered_until_it_lapses),
		TEST(another_users_hold_or_order_is_unknown),
		TEST(order_reads_as_it_is_now),
		TEST(history_has_the_events_of_the_stream_in_pages),
		TEST(seats_are_listed_in_order_with_their_status),
		TEST(seats_come_in_pages),
		TEST(queries_together_are_answered_each_rows_before_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
