/* test_sales_watch.c: refunds that are due, and an event that has sold more than it has, over the memory store. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "app/sales_watch.h"
#include "tests/unit/app/shop.h"

/* The shop's reader, but for what it is told to lie about. */
struct lying_reader {
	struct reader base;
	struct reader *reader;
	int64_t more_paid;
	bool is_down;
};

struct world {
	struct shop shop;
	struct seat_feed *feed;
	struct seat_maps *maps;
	struct lying_reader reader;
	struct sales_watch watch;
};

static enum store_result lying_account(struct reader *reader, const struct uuid *event_id, struct sale_account *ret_account)
{
	struct lying_reader *self = container_of(reader, struct lying_reader, base);
	enum store_result result = self->reader->operations->account(self->reader, event_id, ret_account);
	ret_account->paid += self->more_paid;
	return result;
}

static enum store_result honest_refunds(struct reader *reader, const struct refund_query *query, struct arena *arena,
                                        struct refund_list *ret_list)
{
	struct lying_reader *self = container_of(reader, struct lying_reader, base);
	return self->is_down ? STORE_DOWN : self->reader->operations->list_refunds(self->reader, query, arena, ret_list);
}

static enum store_result honest_due(struct reader *reader, uint64_t now_ms, uint32_t limit, struct arena *arena, struct due_list *ret_list)
{
	struct lying_reader *self = container_of(reader, struct lying_reader, base);
	return self->is_down ? STORE_DOWN : self->reader->operations->list_due(self->reader, now_ms, limit, arena, ret_list);
}

static enum store_result honest_scan(struct reader *reader, enum row_kind kind, const struct row *after, uint32_t limit,
                                     struct arena *arena, const struct row ***ret_rows, uint32_t *ret_count)
{
	struct lying_reader *self = container_of(reader, struct lying_reader, base);
	if (self->is_down)
		return STORE_DOWN;
	return self->reader->operations->scan(self->reader, kind, after, limit, arena, ret_rows, ret_count);
}

static const struct reader_operations lying_operations = {
	.account = lying_account, .list_refunds = honest_refunds, .list_due = honest_due, .scan = honest_scan};

static void on_wake(void *context)
{
	(void)context;
}

static void on_ready(struct seat_maps_wait *wait)
{
	(void)wait;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	shop_init(&world->shop);
	fake_clock_advance(&world->shop.clock, 1000);
	assert_int_equal(memory_seat_feed_new(world->shop.database, &world->feed), OK);
	const struct seat_maps_options options = {
		.feed = world->feed, .clock = &world->shop.clock.base, .bytes_max = 1 << 20, .wake = on_wake, .context = world};
	assert_int_equal(seat_maps_new(&options, &world->maps), OK);
	world->reader = (struct lying_reader){.base.operations = &lying_operations, .reader = world->shop.reader};
	world->watch = (struct sales_watch){.reader = &world->reader.base, .maps = world->maps, .clock = &world->shop.clock.base};
	assert_int_equal(shop_run(&world->shop, sale_create_command(&world->shop.arena)), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	seat_maps_free(world->maps);
	seat_feed_free(world->feed);
	shop_release(&world->shop);
	free(world);
	return 0;
}

static void look_at_map(struct world *world)
{
	struct uuid event_id = test_event_id();
	struct seat_maps_wait wait = {.ready = on_ready};
	struct seat_page *page = NULL;
	const struct seat_page_query whole = {.kind = SEAT_PAGE_MAP, .limit = 100};
	assert_int_equal(seat_maps_ask(world->maps, &event_id, &whole, false, &wait, &page), SEAT_MAPS_LOADING);
	(void)seat_maps_step(world->maps);
}

/* So long that everything is looked at once more: orders first, seats a second later. */
static void let_time_pass(struct world *world)
{
	for (uint32_t i = 0; i < 2; i++) {
		fake_clock_advance(&world->shop.clock, SALES_WATCH_MS);
		(void)seat_maps_step(world->maps);
		sales_watch_step(&world->watch, true);
	}
}

static void sell(struct world *world, uint32_t number, const char *seats)
{
	struct arena *arena = &world->shop.arena;
	assert_int_equal(shop_run(&world->shop, hold_command(arena, number, "ann", seats)), OK);
	assert_int_equal(shop_run(&world->shop, order_command(arena, number, "ann", number)), OK);
	assert_int_equal(shop_run(&world->shop, payment_command(arena, number, number == 1 ? "t1" : "t2", PAYMENT_SUCCEEDED)), OK);
}

static void seats_sold_once_are_not_oversold(void **state)
{
	struct world *world = *state;
	look_at_map(world);
	sell(world, 1, "1 2");
	let_time_pass(world);
	sell(world, 2, "3");
	let_time_pass(world);
	assert_true(world->watch.checked_events >= 2);
	assert_int_equal(world->watch.oversold_events, 0);
}

static void seats_are_compared_a_second_after_the_orders(void **state)
{
	struct world *world = *state;
	look_at_map(world);
	sell(world, 1, "1 2");
	fake_clock_advance(&world->shop.clock, SALES_WATCH_MS);
	sales_watch_step(&world->watch, true);
	sell(world, 2, "3");
	sales_watch_step(&world->watch, true); /* at once: the map does not have all of it */
	assert_int_equal(world->watch.checked_events, 0);
	fake_clock_advance(&world->shop.clock, 1000);
	(void)seat_maps_step(world->maps);
	sales_watch_step(&world->watch, true);
	assert_int_equal(world->watch.checked_events, 1);
	assert_int_equal(world->watch.oversold_events, 0);
}

static void an_order_without_seats_of_its_own_shows(void **state)
{
	struct world *world = *state;
	look_at_map(world);
	sell(world, 1, "1 2");
	world->reader.more_paid = 1;
	let_time_pass(world);
	assert_int_equal(world->watch.oversold_events, 1);
	world->reader.more_paid = 0;
	let_time_pass(world);
	assert_int_equal(world->watch.oversold_events, 0);
}

static void the_oldest_refund_that_is_due_is_told(void **state)
{
	struct world *world = *state;
	let_time_pass(world);
	assert_int_equal(world->watch.refunds_due, 0);
	assert_int_equal(world->watch.oldest_due_ms, 0);
	sell(world, 1, "1");
	uint64_t paid_ms = clock_now_ms(&world->shop.clock.base);
	assert_int_equal(shop_run(&world->shop, payment_command(&world->shop.arena, 1, "t9", PAYMENT_SUCCEEDED)), OK); /* once more */
	let_time_pass(world);
	assert_int_equal(world->watch.refunds_due, 1);
	assert_true(world->watch.oldest_due_ms >= paid_ms && world->watch.oldest_due_ms <= paid_ms + 10);
}

static void a_hold_that_nobody_ends_is_told(void **state)
{
	struct world *world = *state;
	struct arena *arena = &world->shop.arena;
	assert_int_equal(shop_run(&world->shop, hold_command(arena, 1, "ann", "1")), OK);
	let_time_pass(world);
	assert_int_equal(world->watch.overdue_ms, 0);
	fake_clock_advance(&world->shop.clock, TEST_HOLD_TTL_MS);
	let_time_pass(world);
	assert_in_range(world->watch.overdue_ms, SALES_WATCH_MS, 10 * SALES_WATCH_MS);
	assert_int_equal(shop_run(&world->shop, hold_expire_command(arena, 1)), OK);
	let_time_pass(world);
	assert_int_equal(world->watch.overdue_ms, 0);
}

static void the_currencies_of_events_are_known_before_they_are_paid_in(void **state)
{
	struct world *world = *state;
	struct currency euro = {0}, yen = {0};
	assert_true(currency_parse(SLICE("EUR"), &euro));
	assert_true(currency_parse(SLICE("JPY"), &yen));
	assert_false(sales_watch_has_currency(&world->watch, currency_index(&euro)));
	let_time_pass(world);
	assert_true(sales_watch_has_currency(&world->watch, currency_index(&euro)));
	assert_false(sales_watch_has_currency(&world->watch, currency_index(&yen)));
	struct command later = sale_create_command(&world->shop.arena);
	later.sale_create.event_id = uuid_v7((TEST_NOW_MS + 5000) << 12, 7, 7);
	later.sale_create.currency = yen;
	assert_int_equal(shop_run(&world->shop, later), OK);
	let_time_pass(world);
	assert_true(sales_watch_has_currency(&world->watch, currency_index(&yen)));
}

static bool is_known(const struct world *world)
{
	return clock_monotonic_ns(world->watch.clock) < world->watch.known_until_ns;
}

static void findings_go_out_of_date_with_the_store(void **state)
{
	struct world *world = *state;
	assert_false(is_known(world));
	let_time_pass(world);
	assert_true(is_known(world));
	world->reader.is_down = true;
	let_time_pass(world);
	let_time_pass(world);
	assert_false(is_known(world));
	world->reader.is_down = false;
	let_time_pass(world);
	assert_true(is_known(world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seats_sold_once_are_not_oversold, make_world, free_world),
		cmocka_unit_test_setup_teardown(seats_are_compared_a_second_after_the_orders, make_world, free_world),
		cmocka_unit_test_setup_teardown(an_order_without_seats_of_its_own_shows, make_world, free_world),
		cmocka_unit_test_setup_teardown(the_oldest_refund_that_is_due_is_told, make_world, free_world),
		cmocka_unit_test_setup_teardown(a_hold_that_nobody_ends_is_told, make_world, free_world),
		cmocka_unit_test_setup_teardown(the_currencies_of_events_are_known_before_they_are_paid_in, make_world, free_world),
		cmocka_unit_test_setup_teardown(findings_go_out_of_date_with_the_store, make_world, free_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
