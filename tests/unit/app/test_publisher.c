/* test_publisher.c: the publisher's steps on an outbox and a bus that can be made to fail, by a clock that stands still. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/dependencies.h"
#include "app/publisher.h"
#include "base/list.h"
#include "tests/support/fake_time.h"

#define ENTRIES_MAX 4000
#define PUBLISHED_MAX 20000

struct waiting_row {
	struct outbox_key key;
	uint32_t first; /* number of the first event; later ones count up */
	uint32_t count;
	bool is_gone;
	bool is_unreadable;
};

struct world {
	struct outbox outbox;
	struct bus bus;
	struct fake_clock clock;
	struct dependencies dependencies;
	struct publisher *publisher;
	struct waiting_row rows[ENTRIES_MAX]; /* in order of their ids */
	uint32_t row_count;
	uint32_t granted; /* partitions that the store says are its own */
	bool is_outbox_down;
	bool is_bus_down;
	bool is_bus_pending;    /* messages are not confirmed, and the connection stands */
	uint32_t takes_at_most; /* events of one send; 0: all */
	uint32_t lease_calls;
	uint32_t next_calls;
	uint32_t publish_calls;
	uint32_t ping_calls;
	uint32_t release_calls;
	uint64_t next_takes_ms;
	uint64_t publish_takes_ms;
	uint32_t loses;                    /* partitions, while it publishes */
	uint32_t published[PUBLISHED_MAX]; /* numbers, in order, with those that are under way */
	uint32_t sent_count;
	uint32_t published_count; /* confirmed */
};

static struct world *world_of_outbox(struct outbox *outbox)
{
	return container_of(outbox, struct world, outbox);
}

static bool is_confirmed(const struct world *world, uint32_t number)
{
	for (uint32_t i = 0; i < world->published_count; i++)
		if (world->published[i] == number)
			return true;
	return false;
}

/* It is confirmed as a whole and not acknowledged. */
static bool has_confirmed_row(const struct world *world)
{
	for (uint32_t i = 0; i < world->row_count; i++) {
		const struct waiting_row *row = &world->rows[i];
		if (!row->is_gone && is_confirmed(world, row->first + row->count - 1))
			return true;
	}
	return false;
}

static enum store_result fake_lease(struct outbox *outbox, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
                                    uint32_t *ret_partitions)
{
	struct world *world = world_of_outbox(outbox);
	assert_true(keeps_all == (world->sent_count > world->published_count));
	assert_false(uuid_is_nil(owner));
	assert_in_range(lease_ms, 1000, 8000);
	assert_true(keeps_all || !has_confirmed_row(world)); /* a partition that is given back would be published again */
	world->lease_calls++;
	if (world->is_outbox_down)
		return STORE_DOWN;
	*ret_partitions = world->granted;
	return STORE_OK;
}

static enum store_result fake_release(struct outbox *outbox, const struct uuid *owner)
{
	assert_false(uuid_is_nil(owner));
	world_of_outbox(outbox)->release_calls++;
	return STORE_OK;
}

static enum store_result fake_next(struct outbox *outbox, const struct uuid *owner, uint32_t events_max, struct arena *arena,
                                   struct outbox_batch *ret_batch)
{
	struct world *world = world_of_outbox(outbox);
	assert_false(uuid_is_nil(owner));
	world->next_calls++;
	fake_clock_advance(&world->clock, world->next_takes_ms);
	if (world->is_outbox_down)
		return STORE_DOWN;
	struct outbox_entry *entries = arena_allocate_array(arena, OUTBOX_ENTRIES_MAX, sizeof *entries);
	struct outbox_batch batch = {.entries = entries};
	uint32_t events = 0;
	for (uint32_t i = 0; i < world->row_count && batch.count < OUTBOX_ENTRIES_MAX; i++) {
		const struct waiting_row *row = &world->rows[i];
		if (row->is_gone || ((world->granted & ~outbox->left_out) >> row->key.partition & 1) == 0 ||
		    outbox_knows(outbox, &row->key.id))
			continue;
		if (batch.count > 0 && events + row->count > events_max)
			break;
		struct event_record *records = arena_allocate_array(arena, row->count, sizeof *records);
		for (uint32_t j = 0; j < row->count; j++)
			records[j].sequence = row->first + j;
		const struct outbox_entry entry = {.key = row->key, .records = records, .count = row->count};
		outbox_batch_add(&batch, &entry, !row->is_unreadable);
		events += row->count;
	}
	*ret_batch = batch;
	return STORE_OK;
}

/* Its events have all been confirmed. */
static void delete_row(struct world *world, struct waiting_row *row)
{
	assert_true(is_confirmed(world, row->first) && is_confirmed(world, row->first + row->count - 1));
	row->is_gone = true;
}

static enum store_result fake_acknowledge(struct outbox *outbox, const struct outbox_key *keys, uint32_t count)
{
	struct world *world = world_of_outbox(outbox);
	assert_true(count > 0);
	if (world->is_outbox_down)
		return STORE_DOWN;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < world->row_count; j++)
			if (world->rows[j].key.partition == keys[i].partition && uuid_equal(&world->rows[j].key.id, &keys[i].id))
				delete_row(world, &world->rows[j]);
	return STORE_OK;
}

static uint32_t waiting(const struct world *world)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < world->row_count; i++)
		count += !world->rows[i].is_gone;
	return count;
}

static const struct outbox_operations outbox_operations = {
	.lease = fake_lease,
	.release = fake_release,
	.next = fake_next,
	.acknowledge = fake_acknowledge,
};

static enum bus_result fake_send(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms,
                                 uint32_t *ret_sent)
{
	struct world *world = container_of(bus, struct world, bus);
	assert_true(count > 0 && timeout_ms > 0);
	world->publish_calls++;
	fake_clock_advance(&world->clock, world->publish_takes_ms);
	world->granted &= ~world->loses;
	uint32_t taken = world->takes_at_most > 0 && world->takes_at_most < count ? world->takes_at_most : count;
	for (uint32_t i = 0; i < taken; i++) {
		assert_true(world->sent_count < PUBLISHED_MAX);
		world->published[world->sent_count++] = records[i]->sequence;
	}
	*ret_sent = taken;
	return taken == count ? BUS_OK : BUS_PENDING;
}

static enum bus_result fake_collect(struct bus *bus, uint64_t timeout_ms)
{
	struct world *world = container_of(bus, struct world, bus);
	world->ping_calls++;
	if (world->is_bus_down) {
		world->sent_count = world->published_count;
		return BUS_DOWN;
	}
	if (world->sent_count == world->published_count)
		return BUS_OK;
	if (world->is_bus_pending) {
		fake_clock_advance(&world->clock, timeout_ms);
		return BUS_PENDING;
	}
	bus->confirmed += world->sent_count - world->published_count;
	world->published_count = world->sent_count;
	return BUS_OK;
}

static const struct bus_operations bus_operations = {.send = fake_send, .collect = fake_collect};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->outbox.operations = &outbox_operations;
	world->bus.operations = &bus_operations;
	world->granted = (1u << OUTBOX_PARTITIONS) - 1;
	fake_clock_init(&world->clock, 1800000000000);
	dependencies_init(&world->dependencies, 1);
	const struct publisher_options options = {
		.outbox = &world->outbox,
		.bus = &world->bus,
		.clock = &world->clock.base,
		.dependencies = &world->dependencies,
		.owner = {{1}},
	};
	assert_int_equal(publisher_new(&options, &world->publisher), OK);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	publisher_free(world->publisher);
	dependencies_release(&world->dependencies);
	free(world);
	return 0;
}

/* An entry with `count` events, numbered on. */
static void commit(struct world *world, uint8_t partition, uint32_t count)
{
	uint32_t first = 1;
	if (world->row_count > 0)
		first = world->rows[world->row_count - 1].first + world->rows[world->row_count - 1].count;
	assert_true(world->row_count < ENTRIES_MAX);
	struct waiting_row *row = &world->rows[world->row_count++];
	*row = (struct waiting_row){.key.partition = partition, .first = first, .count = count};
	row->key.id = (struct uuid){{0, 0, (uint8_t)(world->row_count >> 8), (uint8_t)world->row_count}};
}

static uint64_t step(struct world *world)
{
	return publisher_step(world->publisher);
}

static void run(struct world *world, uint64_t ms)
{
	uint64_t until_ms = world->clock.monotonic_ms + ms;
	while (world->clock.monotonic_ms < until_ms) {
		uint64_t wait_ms = step(world);
		fake_clock_advance(&world->clock, wait_ms == 0 ? 1 : wait_ms);
	}
}

static void assert_published(const struct world *world, uint32_t count)
{
	assert_int_equal(world->published_count, count);
	assert_int_equal(publisher_counters(world->publisher)->published, count);
}

static void waiting_events_are_published_at_once_and_acknowledged_soon(void **state)
{
	struct world *world = *state;
	commit(world, 3, 2);
	commit(world, 3, 1);
	uint64_t wait_ms = step(world);
	assert_published(world, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(world->published[i], i + 1);
	assert_int_equal(waiting(world), 2);
	assert_true(wait_ms > 0 && wait_ms <= 200);
	run(world, 300);
	assert_int_equal(waiting(world), 0);
	assert_published(world, 3);
}

static void idle_publisher_asks_once_and_again_within_150_ms(void **state)
{
	struct world *world = *state;
	for (uint32_t i = 1; i <= 50; i++) {
		uint64_t wait_ms = step(world);
		assert_in_range(wait_ms, 50, 150);
		assert_int_equal(world->next_calls, i);
		fake_clock_advance(&world->clock, wait_ms);
	}
	assert_int_equal(publisher_counters(world->publisher)->acknowledges, 0);
}

static void publisher_without_a_partition_does_not_read(void **state)
{
	struct world *world = *state;
	world->granted = 0;
	commit(world, 1, 1);
	run(world, 3000);
	assert_int_equal(world->next_calls, 0);
	assert_in_range(world->lease_calls, 2, 3); /* but it asks for one */
}

static void under_load_few_rounds_publish_everything(void **state)
{
	struct world *world = *state;
	uint64_t end_ms = world->clock.monotonic_ms + 2000;
	uint32_t events = 0;
	while (world->clock.monotonic_ms < end_ms) {
		for (uint8_t i = 0; i < 10; i++) {
			commit(world, i % OUTBOX_PARTITIONS, 3);
			events += 3;
		}
		if (world->clock.monotonic_ms % PUBLISHER_SPACING_MS == 0)
			step(world);
		fake_clock_advance(&world->clock, 10);
	}
	run(world, 300);
	assert_published(world, events);
	assert_int_equal(waiting(world), 0);
	assert_in_range(world->publish_calls, 20, 2000 / PUBLISHER_SPACING_MS + 2);
}

static void backlog_is_published_without_waiting(void **state)
{
	struct world *world = *state;
	for (uint32_t i = 0; i < 3000; i++)
		commit(world, (uint8_t)(i % OUTBOX_PARTITIONS), 4);
	while (waiting(world) > 0) {
		uint64_t wait_ms = step(world);
		if (world->published_count < 12000)
			assert_int_equal(wait_ms, 0);
		fake_clock_advance(&world->clock, wait_ms);
	}
	assert_published(world, 12000);
}

static void step_comes_to_its_end_while_there_is_more(void **state)
{
	struct world *world = *state;
	world->publish_takes_ms = 30;
	for (uint32_t i = 0; i < 20; i++)
		commit(world, 0, 600);
	assert_int_equal(step(world), 0);
	assert_in_range(world->publish_calls, 2, 5);
}

static void events_under_way_when_the_bus_went_down_are_published_again_after_a_pause(void **state)
{
	struct world *world = *state;
	commit(world, 1, 5);
	step(world);
	assert_published(world, 5);
	world->is_bus_pending = true;
	commit(world, 1, 5);
	run(world, 200);
	world->is_bus_down = true;
	uint64_t wait_ms = step(world);
	assert_true(wait_ms >= 50);
	assert_int_equal(publisher_counters(world->publisher)->failures, 1);
	assert_false(publisher_counters(world->publisher)->is_bus_up);
	uint32_t calls = world->publish_calls;
	step(world); /* woken too early */
	assert_int_equal(world->publish_calls, calls);

	world->ping_calls = 0;
	run(world, 60000);
	assert_in_range(world->ping_calls, 10, 60);
	assert_int_equal(world->publish_calls, calls);
	assert_int_equal(waiting(world), 1); /* entries confirmed before are acknowledged all the same */
	world->is_bus_down = world->is_bus_pending = false;
	run(world, 6000);
	assert_published(world, 10);
	assert_int_equal(world->published[5], 6);
	assert_int_equal(waiting(world), 0);
	assert_true(publisher_counters(world->publisher)->is_bus_up);
}

static void it_reads_ahead_while_nothing_is_confirmed_and_deletes_nothing(void **state)
{
	struct world *world = *state;
	world->is_bus_pending = true;
	for (uint32_t i = 0; i < 100; i++)
		commit(world, (uint8_t)(i % OUTBOX_PARTITIONS), 100);
	run(world, 1000);
	assert_in_range(world->sent_count, 4096, 4096 + 1024); /* a window of them, each once */
	assert_int_equal(publisher_counters(world->publisher)->under_way, world->sent_count);
	assert_int_equal(waiting(world), 100);
	assert_int_equal(world->published_count, 0);
	world->is_bus_pending = false;
	run(world, 3000);
	assert_published(world, 10000);
	assert_int_equal(waiting(world), 0);
	for (uint32_t i = 0; i < 10000; i += 100)
		assert_int_equal(world->published[i] % 100, 1); /* an entry is whole, and follows another */
}

static void a_batch_goes_on_behind_the_events_that_the_bus_took(void **state)
{
	struct world *world = *state;
	world->takes_at_most = 7;
	commit(world, 2, 50);
	commit(world, 2, 50);
	run(world, 3000);
	assert_published(world, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(world->published[i], i + 1);
	assert_int_equal(waiting(world), 0);
}

static void partitions_are_given_back_now_and_then_though_it_is_never_idle(void **state)
{
	struct world *world = *state;
	step(world);
	uint32_t shared = 0;
	for (uint32_t i = 0; i < 300; i++) {
		world->is_bus_pending = i % 2 == 0;
		commit(world, 1, 3);
		uint32_t before = world->lease_calls;
		bool was_idle = world->sent_count == world->published_count;
		step(world);
		shared += was_idle && world->lease_calls > before;
		fake_clock_advance(&world->clock, 50);
	}
	assert_true(shared >= 1);
}

static void outbox_that_is_down_is_asked_less_and_less(void **state)
{
	struct world *world = *state;
	commit(world, 1, 5);
	world->is_outbox_down = true;
	run(world, 60000);
	assert_in_range(world->lease_calls, 10, 40);
	assert_false(publisher_counters(world->publisher)->is_outbox_up);
	world->is_outbox_down = false;
	run(world, 6000);
	assert_published(world, 5);
	assert_true(publisher_counters(world->publisher)->is_outbox_up);
}

static void publisher_that_cannot_reach_the_bus_gives_its_leases_back(void **state)
{
	struct world *world = *state;
	step(world);
	world->is_bus_down = true;
	run(world, 30000);
	assert_int_equal(world->release_calls, 1);
	assert_int_equal(world->lease_calls, 1);
	assert_int_equal(publisher_counters(world->publisher)->partitions, 0);
	assert_true(publisher_counters(world->publisher)->is_outbox_up);
	world->is_bus_down = false;
	commit(world, 1, 1);
	run(world, 6000);
	assert_published(world, 1);
}

static void publisher_whose_messages_are_under_way_keeps_its_leases(void **state)
{
	struct world *world = *state;
	step(world);
	world->is_bus_pending = true;
	commit(world, 1, 5);
	run(world, 3000);
	uint32_t reads = world->next_calls;
	commit(world, 1, 5);
	run(world, 20000);
	assert_int_equal(world->publish_calls, 1); /* when that is late it waits, and neither reads nor sends anything */
	assert_int_equal(world->next_calls, reads);
	assert_int_equal(world->release_calls, 0);
	assert_in_range(world->lease_calls, 20000 / 2000, 23000 / 1500 + 2); /* they never lapse */
	assert_in_range(world->ping_calls, 100, 1000);
	assert_false(publisher_counters(world->publisher)->is_bus_up);
	assert_int_equal(publisher_counters(world->publisher)->failures, 1);
	world->is_bus_pending = false;
	run(world, 300);
	assert_published(world, 10);
	assert_int_equal(waiting(world), 0);
	assert_true(publisher_counters(world->publisher)->is_bus_up);
}

static void publisher_that_loses_what_was_under_way_gives_its_leases_back(void **state)
{
	struct world *world = *state;
	world->is_bus_pending = true;
	commit(world, 1, 5);
	run(world, 3000);
	world->is_bus_pending = false;
	world->is_bus_down = true;
	run(world, 3000);
	assert_int_equal(world->release_calls, 1);
	assert_int_equal(publisher_counters(world->publisher)->partitions, 0);
}

static void lapsed_lease_stops_it_before_the_next_batch(void **state)
{
	struct world *world = *state;
	world->publish_takes_ms = 7000; /* it hangs while it publishes, and somebody else takes the partitions over */
	world->loses = UINT32_MAX;
	for (uint32_t i = 0; i < 100; i++)
		commit(world, 0, 300);
	step(world);
	assert_int_equal(world->publish_calls, 1);
	run(world, 5000);
	assert_int_equal(world->publish_calls, 1);
	assert_int_equal(publisher_counters(world->publisher)->partitions, 0);
}

static void the_rest_of_a_partition_that_was_given_up_is_left_to_its_new_owner(void **state)
{
	struct world *world = *state;
	world->takes_at_most = 7; /* a slow socket: the rest waits, and nothing is under way */
	world->publish_takes_ms = 2500;
	world->loses = 1u << 2;
	commit(world, 2, 50);
	commit(world, 3, 7);
	run(world, 20000);
	assert_int_equal(world->published_count, 7 + 7);
	assert_int_equal(waiting(world), 1);
	assert_int_equal(world->published[7], 51);
}

static void batch_is_not_begun_when_reading_it_has_outlasted_the_lease(void **state)
{
	struct world *world = *state;
	commit(world, 0, 1);
	world->next_takes_ms = 7000; /* it hangs when it has read, and before it publishes */
	step(world);
	assert_int_equal(world->publish_calls, 0);
	assert_int_equal(publisher_counters(world->publisher)->lost_leases, 1);
	world->next_takes_ms = 0;
	run(world, 1000);
	assert_published(world, 1);
	assert_int_equal(world->lease_calls, 2); /* it is asked for again first */
}

static void outbox_that_is_down_does_not_delay_the_end(void **state)
{
	struct world *world = *state;
	commit(world, 1, 1);
	step(world);
	world->is_outbox_down = true;
	fake_clock_advance(&world->clock, 1000);
	uint32_t calls = world->lease_calls + world->next_calls + world->release_calls;
	publisher_finish(world->publisher);
	assert_int_equal(world->lease_calls + world->next_calls + world->release_calls, calls);
	assert_int_equal(waiting(world), 1); /* for the next publisher, once more */
}

static void only_leased_partitions_are_published(void **state)
{
	struct world *world = *state;
	world->granted = 1u << 2;
	commit(world, 2, 1);
	commit(world, 3, 1);
	run(world, 5000);
	assert_published(world, 1);
	assert_int_equal(publisher_counters(world->publisher)->partitions, 1u << 2);
	world->granted = 1u << 2 | 1u << 3;
	run(world, 5000);
	assert_published(world, 2);
}

static void entry_with_an_earlier_id_is_found_though_it_comes_late(void **state)
{
	struct world *world = *state;
	commit(world, 4, 1);
	commit(world, 4, 1);
	world->rows[0].is_gone = true; /* not committed yet */
	step(world);
	assert_published(world, 1);
	world->rows[0].is_gone = false;
	run(world, 1000);
	assert_published(world, 2);
	assert_int_equal(world->published[1], 1);
	assert_int_equal(waiting(world), 0);
}

static void an_entry_that_cannot_be_read_holds_up_its_own_partition_only(void **state)
{
	struct world *world = *state;
	struct outbox_key key;
	assert_false(publisher_unreadable(world->publisher, &key));
	commit(world, 3, 1);
	commit(world, 3, 2);
	commit(world, 3, 4);
	commit(world, 5, 8);
	world->rows[1].is_unreadable = true;
	run(world, 1000);
	assert_published(world, 1 + 8);
	assert_int_equal(publisher_counters(world->publisher)->unreadable, 1U << 3);
	assert_true(publisher_unreadable(world->publisher, &key));
	assert_int_equal(key.partition, 3);
	assert_true(uuid_equal(&key.id, &world->rows[1].key.id));
	commit(world, 5, 16);
	run(world, 1000);
	assert_published(world, 1 + 8 + 16);
	world->rows[1].is_unreadable = false; /* somebody has mended it */
	run(world, 12000);
	assert_published(world, 1 + 8 + 16 + 2 + 4);
	assert_int_equal(publisher_counters(world->publisher)->unreadable, 0);
}

static void at_the_end_nothing_is_left_and_leases_are_given_back(void **state)
{
	struct world *world = *state;
	commit(world, 4, 1);
	step(world);
	commit(world, 4, 1);
	publisher_finish(world->publisher);
	assert_published(world, 2);
	assert_int_equal(waiting(world), 0);
	assert_int_equal(world->release_calls, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(waiting_events_are_published_at_once_and_acknowledged_soon),
		TEST(idle_publisher_asks_once_and_again_within_150_ms),
		TEST(publisher_without_a_partition_does_not_read),
		TEST(under_load_few_rounds_publish_everything),
		TEST(backlog_is_published_without_waiting),
		TEST(step_comes_to_its_end_while_there_is_more),
		TEST(events_under_way_when_the_bus_went_down_are_published_again_after_a_pause),
		TEST(it_reads_ahead_while_nothing_is_confirmed_and_deletes_nothing),
		TEST(a_batch_goes_on_behind_the_events_that_the_bus_took),
		TEST(partitions_are_given_back_now_and_then_though_it_is_never_idle),
		TEST(outbox_that_is_down_is_asked_less_and_less),
		TEST(publisher_that_cannot_reach_the_bus_gives_its_leases_back),
		TEST(publisher_whose_messages_are_under_way_keeps_its_leases),
		TEST(publisher_that_loses_what_was_under_way_gives_its_leases_back),
		TEST(lapsed_lease_stops_it_before_the_next_batch),
		TEST(the_rest_of_a_partition_that_was_given_up_is_left_to_its_new_owner),
		TEST(batch_is_not_begun_when_reading_it_has_outlasted_the_lease),
		TEST(outbox_that_is_down_does_not_delay_the_end),
		TEST(only_leased_partitions_are_published),
		TEST(entry_with_an_earlier_id_is_found_though_it_comes_late),
		TEST(an_entry_that_cannot_be_read_holds_up_its_own_partition_only),
		TEST(at_the_end_nothing_is_left_and_leases_are_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
