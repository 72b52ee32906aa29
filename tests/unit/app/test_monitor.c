/* test_monitor.c: how the catalog is brought to where the store is, and what the monitor says of both. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "app/catalog_sync.h"
#include "app/monitor.h"
#include "app/watch.h"
#include "base/list.h"
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
	struct catalog_sync sync = {.reader = world->shop.reader, .catalog = &world->catalog->base};
	enum error error;
	do
		error = catalog_sync_changes(&sync, 1);
	while (error == OK && sync.has_more);
	return error;
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

static void many_events_are_placed_page_by_page(void **state)
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
	assert_int_equal(sync_all(world), OK);
	assert_int_equal(world->catalog->puts, 610);
}

/* A reader in front of the shop's that counts what is asked, and of some events says that they cannot be right. */
struct picky_reader {
	struct reader port;
	struct reader *inner;
	struct uuid bad[2];
	uint32_t bad_count;
	uint32_t finds, histories, rows;
};

static enum store_result picky_find(struct reader *port, enum row_kind kind, const struct uuid *id, struct arena *arena,
                                    const struct row **ret_row)
{
	struct picky_reader *reader = container_of(port, struct picky_reader, port);
	reader->finds++;
	return reader->inner->operations->find(reader->inner, kind, id, arena, ret_row);
}

static enum store_result picky_history(struct reader *port, const struct uuid *stream_id, uint32_t after, uint32_t limit,
                                       struct arena *arena, struct event_list *ret_list)
{
	struct picky_reader *reader = container_of(port, struct picky_reader, port);
	reader->histories++;
	for (uint32_t i = 0; i < reader->bad_count; i++)
		if (uuid_equal(&reader->bad[i], stream_id))
			return STORE_CORRUPT;
	return reader->inner->operations->list_history(reader->inner, stream_id, after, limit, arena, ret_list);
}

static enum store_result picky_list(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                    struct catalog_change_list *ret_list)
{
	struct picky_reader *reader = container_of(port, struct picky_reader, port);
	enum store_result result = reader->inner->operations->list_catalog_changes(reader->inner, after, limit, arena, ret_list);
	reader->rows += ret_list->count;
	return result;
}

static enum store_result picky_drop(struct reader *port, const struct catalog_change *change)
{
	struct picky_reader *reader = container_of(port, struct picky_reader, port);
	return reader->inner->operations->drop_catalog_change(reader->inner, change);
}

static enum store_result picky_ping(struct reader *port, struct ping *ret_ping)
{
	(void)port;
	*ret_ping = (struct ping){0};
	return STORE_OK;
}

static enum store_result picky_look_at_outbox(struct reader *port, struct outbox_status *ret_status)
{
	const struct picky_reader *reader = container_of(port, struct picky_reader, port);
	return reader->inner->operations->look_at_outbox(reader->inner, ret_status);
}

static const struct reader_operations picky_operations = {
	.find = picky_find,
	.list_history = picky_history,
	.list_catalog_changes = picky_list,
	.drop_catalog_change = picky_drop,
	.look_at_outbox = picky_look_at_outbox,
	.ping = picky_ping,
};

static struct picky_reader picky_reader_of(struct world *world)
{
	return (struct picky_reader){.port.operations = &picky_operations, .inner = world->shop.reader};
}

static void one_bad_event_holds_up_no_other(void **state)
{
	struct world *world = *state;
	struct picky_reader reader = picky_reader_of(world);
	make_events(world, 0, 20);
	reader.bad[reader.bad_count++] = world->shop.outcome.resource_id;
	world->monitor.reader = &reader.port;
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_int_equal(world->catalog->count, 19);
	assert_true(world->monitor.is_store_up && world->monitor.is_catalog_up);
	assert_false(world->monitor.is_catalog_current);
	assert_int_equal(world->monitor.unplaced_count, 1);
	assert_true(uuid_equal(&world->monitor.sync.last_refused, &reader.bad[0]));

	/* It is not read again and again … */
	uint32_t histories = reader.histories;
	for (int i = 0; i < 30; i++) {
		fake_clock_advance(&world->shop.clock, 1000);
		monitor_step(&world->monitor);
	}
	assert_int_equal(reader.histories, histories);
	make_events(world, 20, 1);
	monitor_step(&world->monitor);
	assert_int_equal(world->catalog->count, 20);

	/* … but it is a minute later, when it is right. */
	reader.bad_count = 0;
	fake_clock_advance(&world->shop.clock, 60000);
	monitor_step(&world->monitor);
	assert_int_equal(world->catalog->count, 21);
	assert_true(world->monitor.is_catalog_current);
	assert_int_equal(world->monitor.unplaced_count, 0);
}

static void unchanged_events_cost_no_reads(void **state)
{
	struct world *world = *state;
	struct picky_reader reader = picky_reader_of(world);
	make_events(world, 0, 600);
	world->monitor.reader = &reader.port;
	assert_int_equal(monitor_step(&world->monitor), 0); /* there is more */
	assert_false(world->monitor.is_catalog_current);
	assert_int_equal(monitor_step(&world->monitor), 0);
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_true(world->monitor.is_catalog_current);
	assert_int_equal(world->catalog->count, 600);

	reader = picky_reader_of(world);
	uint32_t questions = world->catalog->questions;
	for (int i = 0; i < 10; i++)
		monitor_step(&world->monitor);
	assert_int_equal(reader.rows + reader.finds + reader.histories, 0);
	assert_int_equal(world->catalog->questions, questions);
	make_events(world, 600, 1);
	monitor_step(&world->monitor);
	assert_int_equal(reader.rows + reader.finds + reader.histories, 3);
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
	assert_int_equal(monitor_step(&world->monitor), MONITOR_DOWN_MS);
	assert_true(world->monitor.is_store_up);
	assert_false(world->monitor.is_catalog_up || world->monitor.is_catalog_current);
	world->catalog->is_down = false;
	assert_int_equal(monitor_step(&world->monitor), MONITOR_INTERVAL_MS);
	assert_true(world->monitor.is_catalog_up && world->monitor.is_catalog_current);
}

static enum store_result down_ping(struct reader *port, struct ping *ret_ping)
{
	(void)port;
	*ret_ping = (struct ping){0};
	return STORE_DOWN;
}

static void a_catalog_that_is_up_lags_behind_no_store_that_is_down(void **state)
{
	struct world *world = *state;
	static const struct reader_operations down_operations = {.ping = down_ping};
	struct reader down = {.operations = &down_operations}, *up = world->monitor.reader;
	monitor_step(&world->monitor);
	assert_true(world->monitor.is_catalog_current);
	world->monitor.reader = &down;
	assert_int_equal(monitor_step(&world->monitor), MONITOR_DOWN_MS);
	assert_false(world->monitor.is_store_up);
	assert_true(world->monitor.is_catalog_up && world->monitor.is_catalog_current);
	world->catalog->is_down = true;
	monitor_step(&world->monitor);
	assert_false(world->monitor.is_catalog_up || world->monitor.is_catalog_current);
	world->monitor.reader = up;
}

/* A reader with a clock of its own, that takes its time. */
struct far_reader {
	struct reader port;
	struct fake_clock *clock;
	uint64_t takes_ms;
	int64_t ahead_ms; /* of this process */
	enum store_result result;
	struct outbox_status outbox;
	uint64_t look_takes_ms;
	uint32_t looks;
};

static enum store_result far_ping(struct reader *port, struct ping *ret_ping)
{
	struct far_reader *reader = container_of(port, struct far_reader, port);
	fake_clock_advance(reader->clock, reader->takes_ms / 2);
	*ret_ping = (struct ping){.problem = "it has no room"};
	if (reader->result == STORE_OK)
		*ret_ping = (struct ping){.store_now_ms = (uint64_t)((int64_t)reader->clock->wall_ms + reader->ahead_ms)};
	fake_clock_advance(reader->clock, reader->takes_ms / 2);
	return reader->result;
}

static enum store_result far_look_at_outbox(struct reader *port, struct outbox_status *ret_status)
{
	struct far_reader *reader = container_of(port, struct far_reader, port);
	reader->looks++;
	fake_clock_advance(reader->clock, reader->look_takes_ms);
	*ret_status = reader->outbox;
	return reader->result;
}

static const struct reader_operations far_operations = {.ping = far_ping, .look_at_outbox = far_look_at_outbox};

static void clocks_are_compared_in_the_middle_of_a_ping(void **state)
{
	struct world *world = *state;
	struct far_reader reader = {.port.operations = &far_operations, .clock = &world->shop.clock, .takes_ms = 80, .ahead_ms = -20};
	struct monitor monitor = {.reader = &reader.port, .clock = &world->shop.clock.base};
	monitor_step(&monitor);
	assert_true(monitor.has_store_clock);
	assert_int_equal(monitor.clock_skew_ms, 20);
	assert_false(monitor.is_clock_skewed);
	reader.ahead_ms = 600;
	monitor_step(&monitor);
	assert_int_equal(monitor.clock_skew_ms, -600);
	assert_true(monitor.is_clock_skewed);
	reader.ahead_ms = -541;
	monitor_step(&monitor);
	assert_true(monitor.is_clock_skewed);
	reader.ahead_ms = -539; /* within what a ping of 80 ms can tell */
	monitor_step(&monitor);
	assert_false(monitor.is_clock_skewed);
}

static void why_the_store_is_down_is_kept_and_its_clock_too(void **state)
{
	struct world *world = *state;
	struct far_reader reader = {.port.operations = &far_operations, .clock = &world->shop.clock, .ahead_ms = 700};
	struct monitor monitor = {.reader = &reader.port, .clock = &world->shop.clock.base};
	monitor_step(&monitor);
	assert_string_equal(monitor.ping.problem, "");
	reader.result = STORE_DOWN;
	monitor_step(&monitor);
	assert_false(monitor.is_store_up);
	assert_string_equal(monitor.ping.problem, "it has no room");
	assert_true(monitor.is_clock_skewed);
	assert_int_equal(monitor.clock_skew_ms, -700);
}

static void store_without_a_clock_of_its_own_has_no_skew(void **state)
{
	struct world *world = *state;
	monitor_step(&world->monitor);
	assert_true(world->monitor.is_store_up);
	assert_false(world->monitor.has_store_clock || world->monitor.is_clock_skewed);
	assert_int_equal(world->monitor.clock_skew_ms, 0);
}

static void steps(struct monitor *monitor, struct fake_clock *clock, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fake_clock_advance(clock, monitor_step(monitor));
}

static void the_age_of_the_outbox_is_that_of_the_last_look_unless_that_was_long_ago(void **state)
{
	struct world *world = *state;
	uint64_t now_ms = clock_now_ms(&world->shop.clock.base);
	struct far_reader reader = {.port.operations = &far_operations, .clock = &world->shop.clock, .outbox = {7, now_ms - 300, 2}};
	struct monitor monitor = {.reader = &reader.port, .clock = &world->shop.clock.base};
	assert_int_equal(monitor_outbox_age_ms(&monitor), 0);
	monitor_step(&monitor);
	assert_int_equal(monitor_outbox_age_ms(&monitor), 300);
	fake_clock_advance(&world->shop.clock, 1900); /* the entry may have gone meanwhile: it is not told to be 2.2 s old */
	assert_int_equal(monitor_outbox_age_ms(&monitor), 300);
	fake_clock_advance(&world->shop.clock, 58100); /* nothing was seen for a minute */
	assert_int_equal(monitor_outbox_age_ms(&monitor), 60300);
}

static void the_outbox_is_looked_at_every_two_seconds_and_less_often_when_it_takes_long(void **state)
{
	struct world *world = *state;
	struct far_reader reader = {.port.operations = &far_operations, .clock = &world->shop.clock, .outbox = {7, 1234, 2}};
	struct monitor monitor = {.reader = &reader.port, .clock = &world->shop.clock.base};
	monitor_step(&monitor);
	assert_int_equal(monitor.outbox_entries, 7);
	assert_int_equal(monitor.outbox_oldest_ms, 1234);
	assert_int_equal(monitor.publishers, 2);
	assert_true(monitor.outbox_known_until_ns > clock_monotonic_ns(&world->shop.clock.base));
	reader.looks = 0;
	steps(&monitor, &world->shop.clock, 60);
	assert_in_range(reader.looks, 29, 31);
	reader.outbox = (struct outbox_status){0};
	reader.look_takes_ms = 200;
	steps(&monitor, &world->shop.clock, 3);
	assert_int_equal(monitor.outbox_entries, 0);
	assert_int_equal(monitor.publishers, 0);
	reader.looks = 0;
	steps(&monitor, &world->shop.clock, 60);
	assert_in_range(reader.looks, 11, 16); /* a twentieth of the time */
	reader.look_takes_ms = 2000;
	steps(&monitor, &world->shop.clock, 8);
	reader.looks = 0;
	steps(&monitor, &world->shop.clock, 60);
	assert_in_range(reader.looks, 8, 20); /* but not more than five seconds apart: its figures are never much older */
	reader.result = STORE_DOWN;
	reader.looks = 0;
	steps(&monitor, &world->shop.clock, 60);
	assert_int_equal(reader.looks, 0);
}

static void outbox_figures_go_out_of_date_with_the_store(void **state)
{
	struct world *world = *state;
	struct far_reader reader = {.port.operations = &far_operations, .clock = &world->shop.clock, .outbox = {7, 1234, 2}};
	struct watch watch = {.monitor = {.reader = &reader.port, .clock = &world->shop.clock.base}, .clock = &world->shop.clock.base};
	reader.result = STORE_DOWN;
	steps(&watch.monitor, &world->shop.clock, 3);
	assert_false(watch_outbox(&watch).is_known);
	reader.result = STORE_OK;
	reader.look_takes_ms = 2000;
	steps(&watch.monitor, &world->shop.clock, 60);
	assert_true(watch_outbox(&watch).is_known);
	assert_int_equal(watch_outbox(&watch).publishers, 2);
	reader.result = STORE_DOWN;
	steps(&watch.monitor, &world->shop.clock, 60); /* 15 s */
	assert_false(watch_outbox(&watch).is_known);
	reader.result = STORE_OK;
	steps(&watch.monitor, &world->shop.clock, 1);
	assert_true(watch_outbox(&watch).is_known);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(event_comes_to_the_catalog_as_it_was_made),
		TEST(pause_made_elsewhere_is_found),
		TEST(many_events_are_placed_page_by_page),
		TEST(monitor_says_what_serves),
		TEST(a_catalog_that_is_up_lags_behind_no_store_that_is_down),
		TEST(one_bad_event_holds_up_no_other),
		TEST(unchanged_events_cost_no_reads),
		TEST(clocks_are_compared_in_the_middle_of_a_ping),
		TEST(why_the_store_is_down_is_kept_and_its_clock_too),
		TEST(store_without_a_clock_of_its_own_has_no_skew),
		TEST(the_age_of_the_outbox_is_that_of_the_last_look_unless_that_was_long_ago),
		TEST(the_outbox_is_looked_at_every_two_seconds_and_less_often_when_it_takes_long),
		TEST(outbox_figures_go_out_of_date_with_the_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
