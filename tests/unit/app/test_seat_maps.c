/* test_seat_maps.c: the maps of a process over the memory store's feed: loading, following, forgetting. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/seat_maps.h"
#include "tests/unit/app/shop.h"

/* A feed that can be told to fail. */
struct faulty_feed {
	struct seat_feed base;
	struct seat_feed *feed;
	bool is_down;
	uint64_t back; /* it stands so far before where the store's stands */
};

struct world {
	struct shop shop;
	struct faulty_feed feed;
	struct seat_maps *maps;
	struct seat_maps_wait wait;
	uint32_t woken, told, lagged;
};

static struct world *current;

static enum store_result faulty_poll(struct seat_feed *feed, const struct seat_feed_cursor *after, const struct uuid *event_ids,
                                     uint32_t count, struct arena *arena, struct seat_feed_cursor *ret_cursor,
                                     struct seat_change_list *ret_list)
{
	struct faulty_feed *self = container_of(feed, struct faulty_feed, base);
	enum store_result result =
		self->is_down ? STORE_DOWN : self->feed->operations->poll(self->feed, after, event_ids, count, arena, ret_cursor, ret_list);
	if (result == STORE_OK)
		ret_cursor->position -= self->back;
	return result;
}

static enum store_result faulty_load(struct seat_feed *feed, const struct uuid *event_id, uint32_t skip, uint32_t limit,
                                     struct arena *arena, struct seat_part *ret_part)
{
	struct faulty_feed *self = container_of(feed, struct faulty_feed, base);
	return self->is_down ? STORE_DOWN : self->feed->operations->load(self->feed, event_id, skip, limit, arena, ret_part);
}

static enum store_result faulty_forget(struct seat_feed *feed, uint64_t position)
{
	struct faulty_feed *self = container_of(feed, struct faulty_feed, base);
	return self->feed->operations->forget(self->feed, position);
}

static void faulty_free(struct seat_feed *feed)
{
	seat_feed_free(container_of(feed, struct faulty_feed, base)->feed);
}

static const struct seat_feed_operations faulty_operations = {faulty_poll, faulty_load, faulty_forget, faulty_free};

static void on_wake(void *context)
{
	((struct world *)context)->woken++;
}

static void on_lag(void *context, uint64_t lag_ms)
{
	(void)lag_ms;
	((struct world *)context)->lagged++;
}

static void on_ready(struct seat_maps_wait *wait)
{
	(void)wait;
	current->told++;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	fake_clock_advance(&world->shop.clock, 1000);
	world->feed.base.operations = &faulty_operations;
	assert_int_equal(memory_seat_feed_new(world->shop.database, &world->feed.feed), OK);
	const struct seat_maps_options options = {
		.feed = &world->feed.base,
		.clock = &world->shop.clock.base,
		.bytes_max = 1 << 20,
		.lagged = on_lag,
		.wake = on_wake,
		.context = world,
	};
	assert_int_equal(seat_maps_new(&options, &world->maps), OK);
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	current = world;
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	seat_maps_free(world->maps);
	seat_feed_free(&world->feed.base);
	shop_release(&world->shop);
	free(world);
	return 0;
}

static enum seat_maps_answer ask(struct world *world, struct seat_page_query query, char *ret_body)
{
	struct uuid event_id = test_event_id();
	struct seat_page *page = NULL;
	world->wait.ready = on_ready;
	enum seat_maps_answer answer = seat_maps_ask(world->maps, &event_id, &query, false, &world->wait, &page);
	if (answer == SEAT_MAPS_PAGE) {
		(void)snprintf(ret_body, 4096, "%.*s", SLICE_PRINT(page->body));
		seat_page_unref(page);
	}
	return answer;
}

static const struct seat_page_query whole = {.kind = SEAT_PAGE_MAP, .limit = 100};

static void load(struct world *world, char *ret_body)
{
	world->wait = (struct seat_maps_wait){0};
	assert_int_equal(ask(world, whole, ret_body), SEAT_MAPS_LOADING);
	(void)seat_maps_step(world->maps);
	assert_int_equal(ask(world, whole, ret_body), SEAT_MAPS_PAGE);
}

static uint64_t version_of(const char *body)
{
	const char *at = strstr(body, "\"version\":\"");
	assert_non_null(at);
	return strtoull(at + strlen("\"version\":\""), NULL, 10);
}

static void take(struct world *world, uint32_t hold, const char *seats)
{
	assert_int_equal(shop_run(&world->shop, hold_command(&world->shop.arena, hold, "ann", seats)), OK);
}

static void step_later(struct world *world)
{
	fake_clock_advance(&world->shop.clock, 60);
	(void)seat_maps_step(world->maps);
}

static void the_first_caller_waits_for_the_map(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	assert_int_equal(world->woken, 1);
	assert_int_equal(world->told, 1);
	assert_non_null(strstr(body, "\"seat\":\"A-1-9\""));
	world->wait = (struct seat_maps_wait){0};
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_int_equal(world->told, 1);
}

static void an_unknown_event_is_told_and_forgotten(void **state)
{
	struct world *world = *state;
	struct uuid event_id = test_hold_id(1);
	struct seat_page *page;
	world->wait.ready = on_ready;
	assert_int_equal(seat_maps_ask(world->maps, &event_id, &whole, false, &world->wait, &page), SEAT_MAPS_LOADING);
	(void)seat_maps_step(world->maps);
	assert_int_equal(world->told, 1);
	assert_int_equal(seat_maps_ask(world->maps, &event_id, &whole, false, &world->wait, &page), SEAT_MAPS_UNKNOWN_EVENT);
	struct seat_maps_status status;
	seat_maps_status(world->maps, &status);
	assert_int_equal(status.maps, 0);
	assert_int_equal(status.bytes, 0);
}

static void the_feed_brings_commits_of_other_processes(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	uint64_t version = version_of(body);
	take(world, 1, "1 2");
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_null(strstr(body, "held"));
	step_later(world);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_non_null(strstr(body, "\"seat\":\"A-1-2\",\"section\":\"A\",\"row\":\"1\",\"price\":1000,\"status\":\"held\""));
	assert_int_equal(world->lagged, 2);
	const struct seat_page_query changes = {.kind = SEAT_PAGE_CHANGES, .limit = 100, .since = version};
	assert_int_equal(ask(world, changes, body), SEAT_MAPS_PAGE);
	assert_null(strstr(body, "A-1-3"));
	assert_non_null(strstr(body, "A-1-1"));
	assert_true(version_of(body) > version);
}

static void a_hold_lapses_between_two_readings(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	take(world, 1, "1");
	step_later(world);
	for (uint32_t i = 0; i < 20; i++) {
		fake_clock_advance(&world->shop.clock, (TEST_HOLD_TTL_MS - 100) / 20);
		(void)seat_maps_step(world->maps);
	}
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_non_null(strstr(body, "held"));
	fake_clock_advance(&world->shop.clock, 40);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_null(strstr(body, "held"));
}

static void a_map_is_stale_after_two_seconds_without_the_feed(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	world->feed.is_down = true;
	fake_clock_advance(&world->shop.clock, 1900);
	(void)seat_maps_step(world->maps);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	fake_clock_advance(&world->shop.clock, 200);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_STALE);
	take(world, 1, "1");
	world->feed.is_down = false;
	(void)seat_maps_step(world->maps);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_non_null(strstr(body, "held")); /* nothing was missed */
}

static enum seat_maps_answer ask_since(struct world *world, uint64_t version)
{
	char body[4096];
	const struct seat_page_query changes = {.kind = SEAT_PAGE_CHANGES, .limit = 100, .since = version};
	return ask(world, changes, body);
}

/* As after a failover to a standby that lacked commits, or a restored backup. */
static void versions_of_commits_that_are_lost_are_unknown(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	for (uint32_t i = 1; i <= 4; i++) {
		take(world, i, (const char[]){(char)('0' + i), '\0'});
		step_later(world);
	}
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	uint64_t version = version_of(body);
	assert_int_equal(ask_since(world, version), SEAT_MAPS_PAGE);
	world->feed.back = 2;
	step_later(world);
	load(world, body);
	assert_int_equal(version_of(body), version - 2);
	assert_int_equal(ask_since(world, version - 2), SEAT_MAPS_PAGE);
	assert_int_equal(ask_since(world, version - 1), SEAT_MAPS_UNKNOWN_VERSION);
	assert_int_equal(ask_since(world, version), SEAT_MAPS_UNKNOWN_VERSION);
	for (uint32_t i = 5; i <= 8; i++) {
		take(world, i, (const char[]){(char)('0' + i), '\0'});
		step_later(world);
	}
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_PAGE);
	assert_true(version_of(body) > version);
	assert_int_equal(ask_since(world, version), SEAT_MAPS_UNKNOWN_VERSION); /* of the lost commit or of the new one */
	assert_int_equal(ask_since(world, version_of(body)), SEAT_MAPS_PAGE);
}

static void a_version_may_be_ahead_only_where_another_process_is(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	uint64_t version = version_of(body);
	assert_int_equal(ask_since(world, version + 1000), SEAT_MAPS_PAGE);
	assert_int_equal(ask_since(world, version + 1000000), SEAT_MAPS_UNKNOWN_VERSION);
	seat_maps_free(world->maps);
	const struct seat_maps_options options = {.feed = &world->feed.base,
	                                          .clock = &world->shop.clock.base,
	                                          .bytes_max = 1 << 20,
	                                          .is_alone = true,
	                                          .wake = on_wake,
	                                          .context = world};
	assert_int_equal(seat_maps_new(&options, &world->maps), OK);
	load(world, body);
	assert_int_equal(ask_since(world, version), SEAT_MAPS_PAGE);
	assert_int_equal(ask_since(world, version + 1), SEAT_MAPS_UNKNOWN_VERSION);
}

static void a_map_unused_for_long_starts_anew(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	uint64_t version = version_of(body);
	fake_clock_advance(&world->shop.clock, 31000);
	(void)seat_maps_step(world->maps);
	world->wait = (struct seat_maps_wait){0};
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_LOADING);
	take(world, 1, "1");
	step_later(world);
	const struct seat_page_query changes = {.kind = SEAT_PAGE_CHANGES, .limit = 100, .since = version};
	assert_int_equal(ask(world, changes, body), SEAT_MAPS_UNKNOWN_VERSION);
}

static void nobody_waits_while_the_feed_is_down(void **state)
{
	struct world *world = *state;
	char body[4096];
	world->feed.is_down = true;
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_LOADING);
	(void)seat_maps_step(world->maps);
	assert_int_equal(world->told, 1);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_STALE);
}

static void stopping_tells_waiting_callers(void **state)
{
	struct world *world = *state;
	char body[4096];
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_LOADING);
	seat_maps_stop(world->maps);
	assert_int_equal(world->told, 1);
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_STOPPED);
	world->wait = (struct seat_maps_wait){0};
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_STOPPED);
}

static void a_replay_makes_the_maps_anew(void **state)
{
	struct world *world = *state;
	char body[4096];
	load(world, body);
	struct store *store = world->shop.store;
	assert_int_equal(store->operations->replay_begin(store), STORE_OK);
	assert_int_equal(store->operations->replay_end(store, false), STORE_OK);
	step_later(world);
	world->wait = (struct seat_maps_wait){0};
	assert_int_equal(ask(world, whole, body), SEAT_MAPS_LOADING);
	seat_maps_stop(world->maps);
}

#define MAPS_TEST(function) cmocka_unit_test_setup_teardown(function, make_world, free_world)

static void the_busiest_events_are_told_with_their_seats(void **state)
{
	struct world *world = *state;
	struct seat_maps_event events[SEAT_MAPS_EVENTS_MAX];
	struct uuid event_id = test_event_id(), other = test_hold_id(1);
	char body[4096];
	int64_t value = -1;
	assert_int_equal(seat_maps_events(world->maps, events), 0);
	assert_false(seat_maps_sold_value(world->maps, &event_id, &value));
	take(world, 1, "1 2");
	assert_int_equal(shop_run(&world->shop, order_command(&world->shop.arena, 1, "ann", 1)), OK);
	assert_int_equal(shop_run(&world->shop, payment_command(&world->shop.arena, 1, "t1", PAYMENT_SUCCEEDED)), OK);
	load(world, body);
	take(world, 2, "3");
	step_later(world);
	fake_clock_advance(&world->shop.clock, 1000);
	(void)seat_maps_step(world->maps);
	assert_int_equal(seat_maps_events(world->maps, events), 1);
	assert_true(uuid_equal(&events[0].event_id, &event_id));
	assert_int_equal(events[0].seats[SEAT_AVAILABLE - 1], TEST_SEAT_COUNT - 3);
	assert_int_equal(events[0].seats[SEAT_HELD - 1], 1);
	assert_int_equal(events[0].seats[SEAT_RESERVED - 1], 0);
	assert_int_equal(events[0].seats[SEAT_SOLD - 1], 2);
	assert_int_equal(events[0].changes, 1); /* the others were before the map was loaded */
	assert_true(seat_maps_sold_value(world->maps, &event_id, &value));
	assert_int_equal(value, 2 * 1000); /* all seats of the row cost the same there */
	assert_false(seat_maps_sold_value(world->maps, &other, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(the_first_caller_waits_for_the_map),
		MAPS_TEST(an_unknown_event_is_told_and_forgotten),
		MAPS_TEST(the_feed_brings_commits_of_other_processes),
		MAPS_TEST(a_hold_lapses_between_two_readings),
		MAPS_TEST(a_map_is_stale_after_two_seconds_without_the_feed),
		MAPS_TEST(versions_of_commits_that_are_lost_are_unknown),
		MAPS_TEST(a_version_may_be_ahead_only_where_another_process_is),
		MAPS_TEST(a_map_unused_for_long_starts_anew),
		MAPS_TEST(nobody_waits_while_the_feed_is_down),
		MAPS_TEST(stopping_tells_waiting_callers),
		MAPS_TEST(a_replay_makes_the_maps_anew),
		MAPS_TEST(the_busiest_events_are_told_with_their_seats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
