/* test_monitor.c: how the catalog is brought to where the store is, and what the monitor says of both. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "app/catalog_sync.h"
#include "app/monitor.h"
#include "tests/support/fake_catalog.h"
#include "tests/unit/app/shop.h"

struct world {
	struct shop shop;
	struct fake_catalog *catalog;
	struct monitor monitor;
};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	world->catalog = fake_catalog_new();
	assert_non_null(world->catalog);
	world->monitor = (struct monitor){.reader = world->shop.reader, .catalog = &world->catalog->base, .clock = &world->shop.clock.base};
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	fake_catalog_free(world->catalog);
	shop_release(&world->shop);
	free(world);
	return 0;
}

static enum error sync_all(struct world *world)
{
	return catalog_sync_all(world->shop.reader, &world->catalog->base);
}

static void event_comes_to_the_catalog_as_it_was_made(void **state)
{
	struct world *world = *state;
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	const struct uuid event_id = test_event_id();
	assert_int_equal(catalog_sync_event(world->shop.reader, &world->catalog->base, &event_id), OK);
	assert_int_equal(world->catalog->count, 1);
	const struct catalog_entry *entry = &world->catalog->entries[0];
	assert_true(uuid_equal(&entry->event_id, &event_id));
	assert_true(slice_equal_string(entry->details.name, "Opera"));
	assert_true(slice_equal_string(entry->details.venue, "House"));
	assert_int_equal(entry->details.starts_at_ms, TEST_NOW_MS);
	assert_int_equal(entry->status, SALE_ON_SALE);
	assert_string_equal(entry->currency.code, "EUR");
	assert_int_equal(entry->seat_count, TEST_SEAT_COUNT);
	assert_int_equal(entry->created_at_ms, TEST_NOW_MS);
	assert_true(entry->version > 0);

	const struct uuid unknown = {{1}};
	assert_int_equal(catalog_sync_event(world->shop.reader, &world->catalog->base, &unknown), OK);
	assert_int_equal(world->catalog->count, 1);
}

static void pause_made_elsewhere_is_found(void **state)
{
	struct world *world = *state;
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->entries[0].status, SALE_ON_SALE);
	assert_int_equal(shop_run(&world->shop, sale_command(&world->shop.arena, COMMAND_SALE_PAUSE)), OK);
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->entries[0].status, SALE_PAUSED);
	assert_true(slice_equal_string(world->catalog->entries[0].details.name, "Opera"));
	uint32_t puts = world->catalog->puts;
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->puts, puts);
}

static void make_events(struct world *world, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct command command = sale_create_command(&world->shop.arena);
		command.sale_create.event_id = uuid_v7(TEST_NOW_MS << 12, (uint64_t)(i * 7919 % 1000) << 20, (uint8_t)i);
		assert_int_equal(shop_run(&world->shop, command), OK);
	}
}

static void many_events_are_compared_page_by_page(void **state)
{
	struct world *world = *state;
	make_events(world, 0, 600);
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->count, 600);
	assert_int_equal(world->catalog->puts, 600);
	make_events(world, 600, 10);
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->count, 610);
	assert_int_equal(world->catalog->puts, 610);
	fake_catalog_clear(world->catalog);
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->count, 610);
}

static void monitor_says_what_serves(void **state)
{
	struct world *world = *state;
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	assert_false(world->monitor.is_store_up);
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_true(world->monitor.is_store_up && world->monitor.is_catalog_up && world->monitor.is_catalog_current);
	assert_int_equal(world->catalog->count, 1);
	world->catalog->is_down = true;
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_true(world->monitor.is_store_up);
	assert_false(world->monitor.is_catalog_up || world->monitor.is_catalog_current);
	world->catalog->is_down = false;
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_true(world->monitor.is_catalog_up && world->monitor.is_catalog_current);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(event_comes_to_the_catalog_as_it_was_made),
		TEST(pause_made_elsewhere_is_found),
		TEST(many_events_are_compared_page_by_page),
		TEST(monitor_says_what_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
