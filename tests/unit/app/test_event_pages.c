/* test_event_pages.c: one event, pages of them, and what is served while the catalog is down. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/cursor.h"
#include "app/event_pages.h"
#include "tests/support/fake_catalog.h"
#include "tests/support/fake_time.h"

#define NOW_MS 5000000

struct world {
	struct fake_catalog *catalog;
	struct fake_random random;
	bool is_refused; /* the caller does not let it ask */
	bool was_down;
	struct event_pages *pages;
	struct arena arena;
};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->catalog = fake_catalog_new();
	assert_non_null(world->catalog);
	fake_random_init(&world->random, 1);
	arena_init(&world->arena, 65536, 1 << 20);
	assert_int_equal(event_pages_new(&world->catalog->base, &world->random.base, &world->pages), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	event_pages_free(world->pages);
	fake_catalog_free(world->catalog);
	arena_release(&world->arena);
	free(world);
	return 0;
}

static void put_event(struct world *world, uint8_t number)
{
	const struct catalog_entry entry = {
		.event_id = {{number}},
		.details = {.name = SLICE("Concert"), .venue = SLICE("Hall"), .starts_at_ms = 1800000000000},
		.status = SALE_ON_SALE,
		.currency = {.code = "EUR"},
		.seat_count = 10,
		.created_at_ms = 1700000000000,
		.version = 1,
	};
	assert_int_equal(world->catalog->base.operations->put(&world->catalog->base, &entry), CATALOG_OK);
}

static enum error ask(struct world *world, struct query query, uint64_t now_ms, const char **ret_body)
{
	struct slice body;
	world->was_down = world->is_refused;
	enum error error = event_pages_answer(world->pages, &query, now_ms, &world->arena, &world->was_down, &body);
	if (error == OK)
		*ret_body = body.data; /* terminated by arena_copy */
	return error;
}

static struct query event_of(uint8_t number)
{
	return (struct query){.kind = QUERY_EVENT, .id = {{number}}};
}

static void event_is_answered_as_the_catalog_has_it(void **state)
{
	struct world *world = *state;
	put_event(world, 7);
	const char *body = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_string_equal(body, "{\"event_id\":\"07000000-0000-0000-0000-000000000000\",\"name\":\"Concert\",\"venue\":\"Hall\","
	                          "\"description\":\"\",\"starts_at\":\"2027-01-15T08:00:00.000Z\",\"on_sale_from\":null,"
	                          "\"on_sale_until\":null,\"currency\":\"EUR\",\"status\":\"on_sale\",\"seat_count\":10,"
	                          "\"created_at\":\"2023-11-14T22:13:20.000Z\"}");
	assert_int_equal(ask(world, event_of(8), NOW_MS, &body), ERR_EVENT_UNKNOWN);
}

static void pages_follow_each_other_by_their_cursors(void **state)
{
	struct world *world = *state;
	for (uint8_t i = 1; i <= 5; i++)
		put_event(world, i);
	struct query query = {.kind = QUERY_EVENTS, .limit = 2};
	uint32_t seen = 0;
	uint32_t pages = 0;
	for (;;) {
		const char *body = NULL;
		assert_int_equal(ask(world, query, NOW_MS, &body), OK);
		assert_int_equal(strncmp(body, "{\"data\":[", 9), 0);
		for (const char *at = strstr(body, "event_id"); at != NULL; at = strstr(at + 1, "event_id"))
			assert_int_equal(at[12] - '0', ++seen);
		pages++;
		const char *cursor = strstr(body, "\"next_cursor\":");
		assert_non_null(cursor);
		if (strcmp(cursor, "\"next_cursor\":null}") == 0)
			break;
		const struct slice text = {.data = cursor + 15, .length = CURSOR_TEXT_LENGTH};
		assert_int_equal(cursor_parse(text, &query), OK);
	}
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
}

static void empty_catalog_is_an_empty_page(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	assert_int_equal(ask(world, (struct query){.kind = QUERY_EVENTS, .limit = 100}, NOW_MS, &body), OK);
	assert_string_equal(body, "{\"data\":[],\"next_cursor\":null}");
}

static void page_served_within_the_last_minute_is_served_while_the_catalog_is_down(void **state)
{
	struct world *world = *state;
	put_event(world, 7);
	const char *body = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	world->catalog->is_down = true;
	const char *again = NULL;
	assert_int_equal(ask(world, event_of(7), NOW_MS + 60000, &again), OK);
	assert_string_equal(again, body);
	assert_int_equal(ask(world, event_of(7), NOW_MS + 60001, &again), ERR_CATALOG_UNAVAILABLE);
	assert_int_equal(ask(world, event_of(8), NOW_MS, &again), ERR_CATALOG_UNAVAILABLE);
}

static void catalog_that_is_not_to_be_asked_is_not_asked(void **state)
{
	struct world *world = *state;
	const char *body = NULL;
	put_event(world, 7);
	put_event(world, 8);
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_false(world->was_down);
	world->is_refused = true;
	uint32_t questions = world->catalog->questions;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK); /* as it was */
	assert_int_equal(ask(world, event_of(8), NOW_MS, &body), ERR_CATALOG_UNAVAILABLE);
	assert_int_equal(world->catalog->questions, questions);
	world->is_refused = false;
	world->catalog->is_down = true;
	assert_int_equal(ask(world, event_of(7), NOW_MS, &body), OK);
	assert_true(world->was_down); /* its caller is told all the same */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(event_is_answered_as_the_catalog_has_it),
		TEST(pages_follow_each_other_by_their_cursors),
		TEST(empty_catalog_is_an_empty_page),
		TEST(page_served_within_the_last_minute_is_served_while_the_catalog_is_down),
		TEST(catalog_that_is_not_to_be_asked_is_not_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
