/* test_outbox.c: the contract of ports/outbox.h, for every adapter. */
#include <stdio.h>
#include <time.h>

#include "tests/contract/backends.h"
#include "tests/support/store_driver.h"

#define LEASE_MS 60000
#define ALL ((1U << OUTBOX_PARTITIONS) - 1)

struct office {
	struct store_driver driver;
	struct outbox *outbox;
	struct arena arena;
};

static const struct uuid ann = {{1}}, bob = {{2}}, cid = {{3}};

/* Takes the entry of the last batch, which had one, out of the outbox. */
static void drop_last_entry(struct office *office)
{
	const struct event *event = &office->driver.changes.events[0];
	const struct outbox_key key = {.partition = outbox_partition(&event->stream_id), .id = event->id};
	assert_int_equal(office->outbox->operations->acknowledge(office->outbox, &key, 1), STORE_OK);
}

/* With an event on sale, and nothing in the outbox. */
static struct office open_office(struct backend *backend)
{
	struct office office;
	store_driver_init(&office.driver, backend_store(backend));
	office.outbox = backend_outbox(backend);
	arena_init(&office.arena, 65536, 64 * 1024 * 1024);
	assert_int_equal(store_driver_run(&office.driver, 0, sale_create_command(&office.driver.request)), OK);
	drop_last_entry(&office);
	return office;
}

static void close_office(struct office *office)
{
	outbox_free(office->outbox);
	store_free(office->driver.store);
	store_driver_release(&office->driver);
	arena_release(&office->arena);
}

static uint8_t partition(void)
{
	struct uuid event_id = test_event_id();
	return outbox_partition(&event_id);
}

/* One batch with a hold on each of the seats "123", from hold `first` on. */
static void commit_holds(struct office *office, uint64_t after_ms, uint32_t first, const char *seats)
{
	store_driver_begin(&office->driver, after_ms);
	for (uint32_t i = 0; seats[i] != '\0'; i++) {
		const char seat[] = {seats[i], '\0'};
		assert_int_equal(store_driver_decide(&office->driver, hold_command(&office->driver.request, first + i, "ann", seat)), OK);
	}
	assert_int_equal(store_driver_commit(&office->driver), STORE_OK);
}

/* The next batch of ann, who has all the partitions. */
static struct outbox_batch next(struct office *office, uint32_t events_max)
{
	struct outbox_batch batch;
	assert_int_equal(office->outbox->operations->next(office->outbox, &ann, events_max, &office->arena, &batch), STORE_OK);
	return batch;
}

static void acknowledge(struct office *office, struct uuid id)
{
	const struct outbox_key key = {.partition = partition(), .id = id};
	assert_int_equal(office->outbox->operations->acknowledge(office->outbox, &key, 1), STORE_OK);
}

static uint32_t lease_for(struct office *office, const struct uuid *owner, uint64_t lease_ms)
{
	uint32_t partitions = 0;
	assert_int_equal(office->outbox->operations->lease(office->outbox, owner, lease_ms, false, &partitions), STORE_OK);
	return partitions;
}

static uint32_t lease(struct office *office, const struct uuid *owner)
{
	return lease_for(office, owner, LEASE_MS);
}

static int size(uint32_t partitions)
{
	return __builtin_popcount(partitions);
}

static void wait_for_the_end_of(uint32_t lease_ms)
{
	const struct timespec time = {.tv_nsec = (long)(lease_ms + 1) * 1000000};
	assert_int_equal(nanosleep(&time, NULL), 0);
}

static void a_batch_is_one_entry_with_its_published_events(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "123");
	struct outbox_batch batch = next(&office, 100);
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.entries[0].count, 3);
	assert_int_equal(batch.entries[0].key.partition, partition());
	for (uint32_t i = 0; i < 3; i++) {
		const struct event_record *record = &batch.entries[0].records[i];
		struct uuid hold_id = test_hold_id(1 + i);
		assert_true(uuid_equal(&record->stream_id, &hold_id));
		assert_int_equal(record->type, EVENT_HOLD_CREATED);
		assert_true(slice_equal_string(record->data, "{\"n\":1}"));
	}
	close_office(&office);
}

static void an_event_comes_with_the_tracestate_of_its_request(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "12");
	store_driver_begin(&office.driver, 2);
	static const char *const states[] = {"", "rojo=00f067aa0ba902b7,congo=t61rc\"\\Wk", "", "a=1"};
	for (uint32_t i = 0; i < ARRAY_LENGTH(states); i++) {
		const char seat[] = {(char)('3' + i), '\0'};
		struct command command = hold_command(&office.driver.request, 3 + i, "ann", seat);
		command.trace_state = slice_of(states[i]);
		assert_int_equal(store_driver_decide(&office.driver, command), OK);
	}
	assert_int_equal(store_driver_commit(&office.driver), STORE_OK);
	struct outbox_batch batch = next(&office, 100);
	assert_int_equal(batch.count, 2);
	assert_int_equal(batch.entries[0].records[0].trace_state.length + batch.entries[0].records[1].trace_state.length, 0);
	assert_int_equal(batch.entries[1].count, ARRAY_LENGTH(states));
	for (uint32_t i = 0; i < ARRAY_LENGTH(states); i++)
		assert_true(slice_equal_string(batch.entries[1].records[i].trace_state, states[i]));
	close_office(&office);
}

/* An event of another shard than TEST_EVENT's. */
static void commit_another_sale(struct office *office)
{
	struct command create = sale_create_command(&office->driver.request);
	create.sale_create.event_id.bytes[0] = 0x90;
	create.sale_create.event_id.bytes[15] ^= 1;
	store_driver_begin(&office->driver, 5);
	assert_int_equal(store_driver_decide(&office->driver, create), OK);
	assert_int_equal(store_driver_commit(&office->driver), STORE_OK);
}

static void an_entry_that_cannot_be_read_holds_up_its_own_partition_only(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "1");
	commit_holds(&office, 2, 2, "23");
	struct uuid lost = office.driver.changes.events[1].id, entry = office.driver.changes.events[0].id;
	commit_holds(&office, 3, 4, "4");
	commit_another_sale(&office);
	uint8_t other = outbox_partition(&office.driver.changes.events[0].stream_id);
	assert_int_not_equal(other, partition());
	if (!backend_lose_event(*state, &lost)) {
		close_office(&office);
		return;
	}
	struct outbox_batch batch = next(&office, 100);
	assert_int_equal(batch.count, 2); /* the entry before it, and the other partition's */
	assert_int_equal(batch.entries[0].key.partition, partition());
	assert_int_equal(batch.entries[0].count, 1);
	assert_int_equal(batch.entries[1].key.partition, other);
	assert_int_equal(batch.unreadable_count, 1);
	assert_int_equal(batch.unreadable[0].partition, partition());
	assert_true(uuid_equal(&batch.unreadable[0].id, &entry));
	office.outbox->left_out = 1U << partition();
	batch = next(&office, 100);
	assert_int_equal(batch.count + batch.unreadable_count, 1);
	assert_int_equal(batch.entries[0].key.partition, other);
	office.outbox->left_out = 0;
	acknowledge(&office, entry); /* somebody has given it up: the rest goes on */
	batch = next(&office, 100);
	assert_int_equal(batch.count, 3);
	assert_int_equal(batch.unreadable_count, 0);
	close_office(&office);
}

static void operators_changes_are_published_without_layouts_and_the_workers_note(void **state)
{
	static const char *const layouts[] = {",\"sections\":[{\"name\":\"A\"}]}", ",\"seats\":[{\"seat\":\"A-1\"}]}"};
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	for (uint32_t i = 0; i < ARRAY_LENGTH(layouts); i++) {
		struct command create = sale_create_command(&office.driver.request);
		create.sale_create.event_id.bytes[0] = (uint8_t)(0x80 + i);
		char data[128];
		snprintf(data, sizeof data, "{\"name\":\"a \\\"seats\\\":[\"%s", layouts[i]);
		store_driver_begin(&office.driver, 1);
		assert_int_equal(store_driver_decide(&office.driver, create), OK);
		office.driver.changes.events[0].data = slice_of(data);
		assert_int_equal(store_driver_commit(&office.driver), STORE_OK);
		struct outbox_batch batch = next(&office, 10);
		assert_int_equal(batch.count, 1);
		assert_int_equal(batch.entries[0].records[0].type, EVENT_SALE_CREATED);
		assert_true(slice_equal_string(batch.entries[0].records[0].data, "{\"name\":\"a \\\"seats\\\":[\"}"));
		drop_last_entry(&office);
	}
	static const enum command_kind kinds[] = {COMMAND_SALE_PAUSE, COMMAND_SALE_RESUME, COMMAND_SALE_CANCEL};
	for (uint32_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		assert_int_equal(store_driver_run(&office.driver, 2 + i, sale_command(&office.driver.request, kinds[i])), OK);
		assert_int_equal(next(&office, 10).count, 1);
		drop_last_entry(&office);
	}
	assert_int_equal(store_driver_run(&office.driver, 5, sale_command(&office.driver.request, COMMAND_SALE_SETTLE)), OK);
	assert_int_equal(next(&office, 10).count, 0);
	close_office(&office);
}

/* A hold on a seat of another event than the driver's usual one, whose entries are in the next partition. */
static void commit_hold_of_another_event(struct office *office, uint64_t after_ms)
{
	struct command create = sale_create_command(&office->driver.request);
	create.sale_create.event_id.bytes[15]++;
	assert_int_equal(store_driver_run(&office->driver, after_ms, create), OK);
	drop_last_entry(office);
	struct command hold = hold_command(&office->driver.request, 50, "ann", "1");
	hold.hold_create.event_id = create.sale_create.event_id;
	hold.hold_create.hold_id.bytes[15]++;
	assert_int_equal(store_driver_run(&office->driver, after_ms + 1, hold), OK);
}

static void only_leased_partitions_are_read(void **state)
{
	struct office office = open_office(*state);
	struct outbox_batch batch;
	assert_int_equal(size(lease(&office, &bob)), OUTBOX_PARTITIONS);
	(void)lease(&office, &ann);
	(void)lease(&office, &bob); /* gives half of them back */
	uint32_t of_ann = lease(&office, &ann);
	commit_holds(&office, 1, 1, "1");
	commit_hold_of_another_event(&office, 2);
	uint32_t has_first = of_ann >> partition() & 1, has_second = of_ann >> (partition() + 1) % OUTBOX_PARTITIONS & 1;
	assert_int_equal(next(&office, 10).count, has_first + has_second);
	assert_int_equal(office.outbox->operations->next(office.outbox, &bob, 10, &office.arena, &batch), STORE_OK);
	assert_int_equal(batch.count, 2 - has_first - has_second);
	assert_int_equal(office.outbox->operations->next(office.outbox, &cid, 10, &office.arena, &batch), STORE_OK);
	assert_int_equal(batch.count, 0);
	close_office(&office);
}

static void all_partitions_are_read_at_once_the_oldest_entries_first(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_hold_of_another_event(&office, 1);
	commit_holds(&office, 3, 1, "1");
	struct outbox_batch batch = next(&office, 10);
	assert_int_equal(batch.count, 2);
	assert_int_equal(batch.entries[0].key.partition, (partition() + 1) % OUTBOX_PARTITIONS);
	assert_int_equal(batch.entries[1].key.partition, partition());
	close_office(&office);
}

static void entries_come_in_order_and_within_the_maximum(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "12");
	commit_holds(&office, 2, 3, "34");
	commit_holds(&office, 3, 5, "567");
	struct outbox_batch batch = next(&office, 100);
	assert_int_equal(batch.count, 3);
	assert_true(uuid_compare(&batch.entries[0].key.id, &batch.entries[1].key.id) < 0);
	assert_int_equal(batch.entries[2].count, 3);
	assert_int_equal(next(&office, 4).count, 2);
	assert_int_equal(next(&office, 5).count, 2);
	assert_int_equal(next(&office, 1).count, 1); /* never less than one entry, or it would never go */
	assert_int_equal(next(&office, 1).entries[0].count, 2);
	close_office(&office);
}

static void a_backlog_comes_in_batches_of_bounded_size(void **state)
{
	struct office office = open_office(*state);
	uint32_t count = 0;
	assert_int_equal(lease(&office, &ann), ALL);
	for (uint32_t i = 0; i < OUTBOX_ENTRIES_MAX / 2 + 1; i++) {
		assert_int_equal(store_driver_run(&office.driver, 1, hold_command(&office.driver.request, 1 + i, "ann", "1")), OK);
		assert_int_equal(store_driver_run(&office.driver, 1, release_command(&office.driver.request, 1 + i, "ann")), OK);
	}
	for (struct outbox_batch batch; (batch = next(&office, 10000)).count > 0;) {
		struct outbox_key keys[OUTBOX_ENTRIES_MAX];
		assert_true(batch.count <= OUTBOX_ENTRIES_MAX);
		for (uint32_t i = 0; i < batch.count; i++)
			keys[i] = batch.entries[i].key;
		assert_int_equal(office.outbox->operations->acknowledge(office.outbox, keys, batch.count), STORE_OK);
		count += batch.count;
	}
	assert_int_equal(count, OUTBOX_ENTRIES_MAX + 2);
	close_office(&office);
}

static void entries_that_are_known_are_passed_over_and_late_ones_are_not(void **state)
{
	struct office office = open_office(*state);
	static struct outbox_known known;
	known = (struct outbox_known){0};
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "12");
	commit_holds(&office, 2, 3, "34");
	commit_holds(&office, 3, 5, "567");
	struct outbox_batch all = next(&office, 100);
	assert_int_equal(all.count, 3);
	office.outbox->known = &known;
	outbox_known_add(&known, &all.entries[1]); /* the first comes late, as it were */
	struct outbox_batch batch = next(&office, 100);
	assert_int_equal(batch.count, 2);
	assert_true(uuid_equal(&batch.entries[0].key.id, &all.entries[0].key.id));
	assert_true(uuid_equal(&batch.entries[1].key.id, &all.entries[2].key.id));
	assert_int_equal(batch.entries[0].count, 2);
	assert_true(uuid_equal(&batch.entries[1].records[2].id, &all.entries[2].records[2].id));
	outbox_known_add(&known, &all.entries[0]);
	assert_int_equal(next(&office, 3).count, 1); /* known entries do not use up the maximum */
	outbox_known_add(&known, &all.entries[2]);
	assert_int_equal(next(&office, 100).count, 0);
	acknowledge(&office, all.entries[0].key.id);
	assert_int_equal(next(&office, 100).count, 0);
	commit_holds(&office, 4, 8, "8");
	assert_int_equal(next(&office, 100).count, 1);
	office.outbox->known = NULL;
	assert_int_equal(next(&office, 100).count, 3);
	close_office(&office);
}

static void acknowledged_entries_are_gone(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "12");
	commit_holds(&office, 2, 3, "34");
	struct outbox_batch batch = next(&office, 100);
	acknowledge(&office, batch.entries[0].key.id);
	acknowledge(&office, batch.entries[0].key.id); /* a second time is no error */
	struct outbox_batch rest = next(&office, 100);
	assert_int_equal(rest.count, 1);
	assert_true(uuid_equal(&rest.entries[0].key.id, &batch.entries[1].key.id));
	close_office(&office);
}

static void a_reader_counts_entries_and_publishers_and_knows_the_oldest(void **state)
{
	struct office office = open_office(*state);
	struct reader *reader = backend_reader(*state);
	struct outbox_status status = {.entries = 77};
	assert_int_equal(reader->operations->look_at_outbox(reader, &status), STORE_OK);
	assert_int_equal(status.entries, 0);
	assert_int_equal(status.oldest_ms, 0);
	assert_int_equal(status.publishers, 0);
	commit_holds(&office, 10, 1, "12"); /* though nobody publishes */
	commit_holds(&office, 20, 3, "3");
	assert_int_equal(reader->operations->look_at_outbox(reader, &status), STORE_OK);
	assert_int_equal(status.entries, 2);
	assert_int_equal(status.oldest_ms, TEST_NOW_MS + 10);
	assert_int_equal(status.publishers, 0);
	assert_int_equal(lease(&office, &ann), ALL);
	(void)lease(&office, &bob);
	acknowledge(&office, next(&office, 1).entries[0].key.id);
	assert_int_equal(reader->operations->look_at_outbox(reader, &status), STORE_OK);
	assert_int_equal(status.entries, 1);
	assert_int_equal(status.oldest_ms, TEST_NOW_MS + 20);
	assert_int_equal(status.publishers, 2);
	assert_int_equal(office.outbox->operations->release(office.outbox, &bob), STORE_OK);
	assert_int_equal(reader->operations->look_at_outbox(reader, &status), STORE_OK);
	assert_int_equal(status.publishers, 1);
	reader_free(reader);
	close_office(&office);
}

static void a_lease_is_the_owners_until_it_runs_out(void **state)
{
	struct office office = open_office(*state);
	struct outbox_batch batch;
	commit_holds(&office, 1, 1, "1");
	assert_int_equal(lease(&office, &ann), ALL);
	assert_int_equal(lease(&office, &bob), 0);
	assert_int_equal(office.outbox->operations->release(office.outbox, &bob), STORE_OK);
	assert_int_equal(lease_for(&office, &ann, 1), ALL);
	wait_for_the_end_of(1);
	assert_int_equal(next(&office, 10).count, 0); /* she may not know yet that it has run out */
	assert_int_equal(lease(&office, &bob), ALL);
	assert_int_equal(office.outbox->operations->next(office.outbox, &bob, 10, &office.arena, &batch), STORE_OK);
	assert_int_equal(batch.count, 1);
	assert_int_equal(lease(&office, &ann), 0);
	close_office(&office);
}

static void publishers_come_to_have_equal_shares(void **state)
{
	struct office office = open_office(*state);
	const struct uuid *const owners[] = {&ann, &bob, &cid};
	uint32_t of[3] = {0};
	for (uint32_t count = 1; count <= 3; count++) {
		for (uint32_t round = 0; round < 2; round++) {
			uint32_t before = 0;
			for (uint32_t i = 0; i < count; i++) {
				of[i] = lease(&office, owners[i]);
				assert_int_equal(of[i] & before, 0);
				before |= of[i];
			}
		}
		assert_int_equal(of[0] | of[1] | of[2], ALL);
		for (uint32_t i = 0; i < count; i++)
			assert_in_range(size(of[i]), OUTBOX_PARTITIONS / count - 1, OUTBOX_PARTITIONS / count + 1);
	}
	uint32_t kept = of[0];
	assert_int_equal(lease(&office, &ann), kept); /* and keep them */
	close_office(&office);
}

/* Its messages are under way: another owner of the partition would send them again. */
static void one_that_keeps_all_gives_nothing_back(void **state)
{
	struct office office = open_office(*state);
	uint32_t partitions = 0;
	assert_int_equal(lease(&office, &ann), ALL);
	assert_int_equal(lease(&office, &bob), 0);
	assert_int_equal(office.outbox->operations->lease(office.outbox, &ann, LEASE_MS, true, &partitions), STORE_OK);
	assert_int_equal(partitions, ALL);
	assert_int_equal(lease(&office, &bob), 0);
	assert_int_equal(size(lease(&office, &ann)), OUTBOX_PARTITIONS / 2);
	assert_int_equal(size(lease(&office, &bob)), OUTBOX_PARTITIONS / 2);
	close_office(&office);
}

static void one_that_is_not_heard_of_counts_no_more(void **state)
{
	struct office office = open_office(*state);
	(void)lease_for(&office, &ann, 1);
	wait_for_the_end_of(1);
	assert_int_equal(lease(&office, &bob), ALL);
	assert_int_equal(lease(&office, &bob), ALL);
	close_office(&office);
}

static void a_lease_from_the_future_is_none(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease_for(&office, &ann, 24 * 3600 * 1000), ALL);
	assert_int_equal(lease(&office, &bob), ALL); /* a clock has been set back: ann cannot have leased for so long */
	close_office(&office);
}

static void released_partitions_are_free_at_once(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	assert_int_equal(lease(&office, &bob), 0);
	assert_int_equal(office.outbox->operations->release(office.outbox, &ann), STORE_OK);
	assert_int_equal(lease(&office, &bob), ALL);
	assert_int_equal(lease(&office, &bob), ALL);
	close_office(&office);
}

/* A publisher must not make lanes forget what they know. */
static void publishing_leaves_the_store_as_it_was(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann), ALL);
	commit_holds(&office, 1, 1, "12");
	acknowledge(&office, next(&office, 1).entries[0].key.id);
	store_driver_begin(&office.driver, 2);
	uint32_t rows = view_row_count(office.driver.view);
	assert_int_equal(store_driver_decide(&office.driver, hold_command(&office.driver.request, 9, "eve", "9")), OK);
	assert_true(view_row_count(office.driver.view) > rows);
	assert_int_equal(store_driver_commit(&office.driver), STORE_OK);
	close_office(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(a_batch_is_one_entry_with_its_published_events),
		BACKEND_TEST(an_event_comes_with_the_tracestate_of_its_request),
		BACKEND_TEST(an_entry_that_cannot_be_read_holds_up_its_own_partition_only),
		BACKEND_TEST(operators_changes_are_published_without_layouts_and_the_workers_note),
		BACKEND_TEST(only_leased_partitions_are_read),
		BACKEND_TEST(all_partitions_are_read_at_once_the_oldest_entries_first),
		BACKEND_TEST(entries_come_in_order_and_within_the_maximum),
		BACKEND_TEST(a_backlog_comes_in_batches_of_bounded_size),
		BACKEND_TEST(entries_that_are_known_are_passed_over_and_late_ones_are_not),
		BACKEND_TEST(acknowledged_entries_are_gone),
		BACKEND_TEST(a_reader_counts_entries_and_publishers_and_knows_the_oldest),
		BACKEND_TEST(a_lease_is_the_owners_until_it_runs_out),
		BACKEND_TEST(publishers_come_to_have_equal_shares),
		BACKEND_TEST(one_that_keeps_all_gives_nothing_back),
		BACKEND_TEST(one_that_is_not_heard_of_counts_no_more),
		BACKEND_TEST(a_lease_from_the_future_is_none),
		BACKEND_TEST(released_partitions_are_free_at_once),
		BACKEND_TEST(publishing_leaves_the_store_as_it_was),
	};
	return backends_run("outbox", tests, ARRAY_LENGTH(tests));
}
