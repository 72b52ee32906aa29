/* test_seat_map.c: one map: its seats, its changes, and the pages that are made of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/seat_map.h"
#include "app/seat_page.h"
#include "base/list.h"

#define NOW 1000000
#define COUNT 1000 /* four blocks */

struct world {
	struct seat_map map;
	struct seat_pages pages;
	struct arena arena;
	uint64_t now_ns; /* the time of pages */
};

static struct seat_part make_part(struct world *world, uint32_t skip, uint32_t count)
{
	struct seat_part part = {.seat_count = COUNT, .first_position = 501, .count = count};
	part.entries = arena_allocate_array(&world->arena, count, sizeof *part.entries);
	assert_non_null(part.entries);
	for (uint32_t i = 0; i < count; i++) {
		part.entries[i] = (struct seat_entry_full){
			.seat = arena_format(&world->arena, "S-\"%u\"", skip + i + 1),
			.section = skip + i < 600 ? SLICE("stalls") : SLICE("circle"),
			.row = SLICE(""),
			.price = (skip + i) % 2 == 0 ? 100 : 50,
			.state = {.status = SEAT_AVAILABLE, .version = 1},
		};
	}
	return part;
}

static void open_world(struct world *world)
{
	*world = (struct world){0};
	arena_init(&world->arena, 65536, 64 * 1024 * 1024);
	struct uuid event_id = {.bytes = {7}};
	struct seat_part first = make_part(world, 0, 700), second = make_part(world, 700, 300);
	assert_int_equal(seat_map_init(&world->map, &event_id, &first, 40), OK);
	assert_int_equal(seat_map_add(&world->map, &first, NOW), OK);
	assert_false(seat_map_is_loaded(&world->map));
	assert_int_equal(seat_map_add(&world->map, &second, NOW), OK);
	assert_true(seat_map_is_loaded(&world->map));
	assert_int_equal(seat_pages_init(&world->pages, 1 << 20), OK);
}

static void close_world(struct world *world)
{
	seat_pages_release(&world->pages);
	seat_map_release(&world->map);
	arena_release(&world->arena);
}

static bool apply(struct world *world, uint32_t index, enum seat_status status, uint64_t deadline_ms, uint64_t version, uint64_t changed_at)
{
	const struct seat_state state = {.status = status, .deadline_ms = deadline_ms, .version = version};
	return seat_map_apply(&world->map, index, &state, changed_at, NOW);
}

static struct seat_page *page(struct world *world, struct seat_page_query query)
{
	struct seat_page *found = seat_pages_find(&world->pages, &world->map, &query, false, world->now_ns);
	assert_non_null(found);
	return found;
}

static uint32_t count_of(struct slice body, const char *part)
{
	uint32_t count = 0;
	size_t length = strlen(part);
	for (size_t i = 0; i + length <= body.length; i++)
		count += memcmp(body.data + i, part, length) == 0;
	return count;
}

static void finds_seats_by_their_labels(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	assert_int_equal(seat_map_find(&world.map, SLICE("S-\"1\"")), 0);
	assert_int_equal(seat_map_find(&world.map, SLICE("S-\"1000\"")), 999);
	assert_int_equal(seat_map_find(&world.map, SLICE("S-\"1001\"")), UINT32_MAX);
	assert_int_equal(seat_map_find(&world.map, SLICE("S-\"1")), UINT32_MAX);
	assert_int_equal(seat_map_find(&world.map, SLICE("")), UINT32_MAX);
	close_world(&world);
}

static void an_older_version_changes_nothing(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	assert_true(apply(&world, 3, SEAT_HELD, NOW + 10, 5, 50));
	assert_false(apply(&world, 3, SEAT_AVAILABLE, 0, 4, 51));
	assert_int_equal(seat_map_status(&world.map, 3), SEAT_HELD);
	assert_false(apply(&world, 3, SEAT_HELD, NOW + 20, 5, 52)); /* the same again, whose deadline is known now */
	seat_map_lapse(&world.map, NOW + 15);
	assert_int_equal(seat_map_status(&world.map, 3), SEAT_HELD);
	close_world(&world);
}

static void a_seat_lapses_at_its_deadline(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	(void)apply(&world, 3, SEAT_HELD, NOW + 10, 5, 50);
	(void)apply(&world, 900, SEAT_RESERVED, NOW + 30, 6, 51);
	(void)apply(&world, 4, SEAT_SOLD, 0, 7, 51);
	(void)apply(&world, 5, SEAT_HELD, NOW, 8, 51); /* it has already */
	assert_int_equal(seat_map_status(&world.map, 5), SEAT_AVAILABLE);
	world.map.position = 60;
	seat_map_lapse(&world.map, NOW + 9);
	assert_int_equal(seat_map_status(&world.map, 3), SEAT_HELD);
	seat_map_lapse(&world.map, NOW + 10);
	assert_int_equal(seat_map_status(&world.map, 3), SEAT_AVAILABLE);
	assert_int_equal(world.map.changed_at[3], 60);
	assert_int_equal(seat_map_status(&world.map, 900), SEAT_RESERVED);
	seat_map_lapse(&world.map, NOW + 1000);
	assert_int_equal(seat_map_status(&world.map, 900), SEAT_AVAILABLE);
	assert_int_equal(seat_map_status(&world.map, 4), SEAT_SOLD);
	assert_int_equal(world.map.next_deadline_ms, UINT64_MAX);
	close_world(&world);
}

/* The feed may be quicker than the commit that tells the same, which does not know the deadline. */
static void a_commit_that_is_told_late_takes_no_deadline_away(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	assert_true(apply(&world, 5, SEAT_HELD, NOW + 10, 100, 1));
	assert_false(apply(&world, 5, SEAT_HELD, 0, 100, 1));
	seat_map_lapse(&world.map, NOW + 10);
	assert_int_equal(seat_map_status(&world.map, 5), SEAT_AVAILABLE);
	assert_false(apply(&world, 5, SEAT_HELD, 0, 100, 1));
	assert_int_equal(seat_map_status(&world.map, 5), SEAT_AVAILABLE);
	close_world(&world);
}

static void counts_follow_the_states(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	uint64_t version = 2;
	for (uint32_t i = 0; i < COUNT; i += 2) /* all that cost 100 */
		(void)apply(&world, i, i % 4 == 0 ? SEAT_SOLD : SEAT_HELD, i % 4 == 0 ? 0 : NOW + 5, version++, 50);
	for (uint32_t i = 600; i < COUNT; i++) /* the whole circle */
		(void)apply(&world, i, SEAT_SOLD, 0, version++, 51);
	struct seat_page *found = page(&world, (struct seat_page_query){.kind = SEAT_PAGE_AVAILABILITY});
	assert_true(slice_equal(found->body, SLICE("{\"data\":[{\"section\":\"stalls\",\"total\":600,\"available\":300,\"price_from\":50},"
	                                           "{\"section\":\"circle\",\"total\":400,\"available\":0,\"price_from\":null}],"
	                                           "\"version\":\"40\"}")));
	seat_page_unref(found);
	seat_map_lapse(&world.map, NOW + 5);
	world.now_ns += 100000000;
	found = page(&world, (struct seat_page_query){.kind = SEAT_PAGE_AVAILABILITY});
	assert_int_equal(count_of(found->body, "\"available\":450,\"price_from\":50"), 1);
	seat_page_unref(found);
	close_world(&world);
}

static void a_change_before_the_seat_is_loaded_is_remembered(void **state)
{
	(void)state;
	struct world world = {0};
	arena_init(&world.arena, 65536, 64 * 1024 * 1024);
	struct uuid event_id = {.bytes = {7}};
	struct seat_part first = make_part(&world, 0, 700), second = make_part(&world, 700, 300);
	assert_int_equal(seat_map_init(&world.map, &event_id, &first, 40), OK);
	assert_int_equal(seat_map_add(&world.map, &first, NOW), OK);
	assert_false(apply(&world, 800, SEAT_HELD, NOW + 10, 5, 45));
	second.entries[100].state = (struct seat_state){.status = SEAT_HELD, .version = 5, .deadline_ms = NOW + 10};
	assert_int_equal(seat_map_add(&world.map, &second, NOW), OK);
	assert_int_equal(seat_map_status(&world.map, 800), SEAT_HELD);
	assert_int_equal(world.map.changed_at[800], 45);
	assert_int_equal(seat_map_add(&world.map, &second, NOW), ERR_CORRUPT);
	close_world(&world);
}

static void a_page_is_shared_until_one_of_its_seats_changes(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	const struct seat_page_query query = {.kind = SEAT_PAGE_MAP, .limit = 100};
	struct seat_page *first = page(&world, query), *second = page(&world, query);
	assert_ptr_equal(first, second);
	seat_page_unref(second);
	(void)apply(&world, 900, SEAT_SOLD, 0, 5, 50); /* in another block */
	second = page(&world, query);
	assert_ptr_equal(first, second);
	seat_page_unref(second);
	(void)apply(&world, 99, SEAT_SOLD, 0, 6, 51);
	second = page(&world, query); /* it was made this very moment */
	assert_ptr_equal(first, second);
	seat_page_unref(second);
	world.now_ns += 500000;
	second = page(&world, query);
	assert_ptr_not_equal(first, second);
	assert_string_not_equal(first->tag, second->tag);
	assert_int_equal(count_of(second->body, "\"status\":\"sold\""), 1);
	assert_int_equal(count_of(first->body, "\"status\":\"sold\""), 0); /* its old readers still see it as it was */
	seat_page_unref(first);
	seat_page_unref(second);
	close_world(&world);
}

/* Compressing costs ten times as much, so it is done less often; but no page is given out for longer than 100 ms. */
static void a_costly_page_that_changes_all_the_time_is_made_now_and_then(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	const struct seat_page_query query = {.kind = SEAT_PAGE_MAP, .limit = 1000};
	uint32_t made = 0;
	const struct seat_page *last = NULL;
	for (uint32_t i = 0; i < 1000; i++, world.now_ns += 1000000) { /* a change each millisecond */
		(void)apply(&world, 7, i % 2 == 0 ? SEAT_SOLD : SEAT_AVAILABLE, 0, 5 + i, 50 + i);
		struct seat_page *found = seat_pages_find(&world.pages, &world.map, &query, true, world.now_ns);
		assert_non_null(found);
		assert_true(world.now_ns - found->made_ns < 100000000);
		made += found != last || found->made_ns == world.now_ns;
		last = found;
		seat_page_unref(found);
	}
	assert_in_range(made, 10, 100);
	close_world(&world);
}

static void changes_are_those_since_the_version(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	(void)apply(&world, 1, SEAT_SOLD, 0, 5, 50);
	(void)apply(&world, 300, SEAT_HELD, NOW + 10, 6, 55);
	(void)apply(&world, 301, SEAT_HELD, NOW + 10, 7, 60);
	(void)apply(&world, 301, SEAT_AVAILABLE, 0, 8, 61); /* looks as before, but somebody may have seen the hold */
	static const struct {
		uint64_t since;
		uint32_t count;
	} cases[] = {{40, 3}, {50, 3}, {51, 2}, {55, 2}, {56, 1}, {61, 1}, {62, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seat_page *found =
			page(&world, (struct seat_page_query){.kind = SEAT_PAGE_CHANGES, .limit = 10, .since = cases[i].since});
		assert_int_equal(count_of(found->body, "\"seat\":"), cases[i].count);
		seat_page_unref(found);
	}
	close_world(&world);
}

static void pages_cover_the_map_whatever_their_limit(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	for (uint32_t i = 0; i < COUNT; i += 3)
		(void)apply(&world, i, SEAT_SOLD, 0, 5, 50);
	for (uint32_t limit = 1; limit <= COUNT; limit = limit * 3 + 1) {
		uint32_t seats = 0, pages = 0;
		uint64_t after = 0;
		struct seat_page *found;
		do {
			found = page(&world, (struct seat_page_query){.status = SEAT_SOLD, .limit = limit, .after = after});
			uint32_t on_page = count_of(found->body, "\"seat\":");
			seats += on_page;
			pages++;
			after = 501 + 3 * (seats - 1); /* where the last of them stands */
			assert_true(on_page == limit || count_of(found->body, "\"next_cursor\":null") == 1);
			seat_page_unref(found);
		} while (seats < 334);
		assert_int_equal(seats, 334);
		assert_int_equal(pages, (334 + limit - 1) / limit);
	}
	close_world(&world);
}

static void pages_take_a_bounded_number_of_bytes(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	world.pages.bytes_max = 200000;
	for (uint32_t limit = 1; limit <= COUNT; limit++) {
		struct seat_page *found = page(&world, (struct seat_page_query){.kind = SEAT_PAGE_MAP, .limit = limit});
		assert_true(world.pages.bytes <= 200000);
		seat_page_unref(found);
	}
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_seats_by_their_labels),
		cmocka_unit_test(an_older_version_changes_nothing),
		cmocka_unit_test(a_seat_lapses_at_its_deadline),
		cmocka_unit_test(a_commit_that_is_told_late_takes_no_deadline_away),
		cmocka_unit_test(counts_follow_the_states),
		cmocka_unit_test(a_change_before_the_seat_is_loaded_is_remembered),
		cmocka_unit_test(a_page_is_shared_until_one_of_its_seats_changes),
		cmocka_unit_test(a_costly_page_that_changes_all_the_time_is_made_now_and_then),
		cmocka_unit_test(changes_are_those_since_the_version),
		cmocka_unit_test(pages_cover_the_map_whatever_their_limit),
		cmocka_unit_test(pages_take_a_bounded_number_of_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
