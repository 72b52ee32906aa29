/* test_verifier.c: verify's findings in a catalog; the simulator and the end-to-end tests have rows that differ from their events. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/catalog_sync.h"
#include "app/verifier.h"
#include "state/kinds.h"
#include "tests/support/fake_catalog.h"
#include "tests/unit/app/shop.h"

struct world {
	struct shop shop;
	struct fake_catalog *catalog;
	struct memory_database *scratch;
	struct verify verify;
	enum verify_finding finding;
	struct uuid found_stream;
	char found_field[64];
};

static void found(void *context, enum verify_finding finding, const struct row *row, const char *field)
{
	struct world *world = context;
	world->finding = finding;
	world->found_stream = row_stream(row);
	assert_non_null(field);
	strncpy(world->found_field, field, sizeof world->found_field - 1);
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	world->catalog = fake_catalog_new();
	world->scratch = memory_database_new();
	assert_non_null(world->catalog);
	assert_non_null(world->scratch);
	world->verify = (struct verify){
		.reader = world->shop.reader,
		.catalog = &world->catalog->base,
		.found = found,
		.context = world,
	};
	assert_int_equal(memory_store_new(world->scratch, &world->verify.scratch), OK);
	assert_int_equal(memory_reader_new(world->scratch, &world->verify.scratch_reader), OK);
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	assert_int_equal(shop_run(&world->shop, hold_command(&world->shop.arena, 1, "ann", "1 2")), OK);
	struct catalog_sync sync = {.reader = world->shop.reader, .catalog = &world->catalog->base};
	assert_int_equal(catalog_sync_changes(&sync, 1), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	store_free(world->verify.scratch);
	reader_free(world->verify.scratch_reader);
	memory_database_free(world->scratch);
	fake_catalog_free(world->catalog);
	shop_release(&world->shop);
	free(world);
	return 0;
}

static void assert_differs(struct world *world)
{
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 1);
	assert_int_equal(world->finding, VERIFY_DIFFERENT);
	assert_true(uuid_equal(&world->found_stream, &world->catalog->entries[0].event_id));
	assert_non_null(strstr(world->found_field, "catalog"));
}

static void catalog_that_is_what_the_events_make_it_is_right(void **state)
{
	struct world *world = *state;
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 0);
	assert_int_equal(world->verify.ret_events, 2);
	assert_int_equal(world->verify.ret_rows, 1 + TEST_SEAT_COUNT + 1 + 1); /* sale, seats, hold, entry */
}

static void catalog_that_lags_is_no_difference(void **state)
{
	struct world *world = *state;
	assert_int_equal(shop_run(&world->shop, sale_command(&world->shop.arena, COMMAND_SALE_PAUSE)), OK);
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 0);
}

static void entry_with_other_content_is_found(void **state)
{
	struct world *world = *state;
	world->catalog->entries[0].seat_count++;
	assert_differs(world);
}

static void entry_that_is_newer_than_its_sale_is_found(void **state)
{
	struct world *world = *state;
	world->catalog->entries[0].version++;
	assert_differs(world);
}

static void entry_without_a_sale_is_found(void **state)
{
	struct world *world = *state;
	struct catalog_entry stranger = world->catalog->entries[0];
	stranger.event_id.bytes[8]++;
	assert_int_equal(world->catalog->base.operations->put(&world->catalog->base, &stranger), CATALOG_OK);
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 1);
	assert_int_equal(world->finding, VERIFY_DIFFERENT);
	assert_true(uuid_equal(&world->found_stream, &stranger.event_id));
}

static void sale_without_an_entry_is_found(void **state)
{
	struct world *world = *state;
	struct uuid event_id = world->catalog->entries[0].event_id;
	assert_int_equal(world->catalog->base.operations->drop(&world->catalog->base, &event_id), CATALOG_OK);
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 1);
	assert_int_equal(world->finding, VERIFY_DIFFERENT);
	assert_true(uuid_equal(&world->found_stream, &event_id));
}

static void sale_whose_entry_is_on_its_way_is_no_difference(void **state)
{
	struct world *world = *state;
	struct uuid event_id = world->catalog->entries[0].event_id;
	assert_int_equal(world->catalog->base.operations->drop(&world->catalog->base, &event_id), CATALOG_OK);
	assert_int_equal(shop_run(&world->shop, sale_command(&world->shop.arena, COMMAND_SALE_PAUSE)), OK);
	assert_int_equal(verify_store(&world->verify), OK);
	assert_int_equal(world->verify.ret_differences, 0);
}

static void catalog_that_is_down_cannot_be_verified(void **state)
{
	struct world *world = *state;
	world->catalog->is_down = true;
	assert_int_equal(verify_store(&world->verify), ERR_CATALOG_UNAVAILABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(catalog_that_is_what_the_events_make_it_is_right),
		TEST(catalog_that_lags_is_no_difference),
		TEST(entry_with_other_content_is_found),
		TEST(entry_that_is_newer_than_its_sale_is_found),
		TEST(entry_without_a_sale_is_found),
		TEST(sale_without_an_entry_is_found),
		TEST(sale_whose_entry_is_on_its_way_is_no_difference),
		TEST(catalog_that_is_down_cannot_be_verified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
