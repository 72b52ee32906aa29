/* test_outbox.c: the contract of ports/outbox.h, for every adapter. */
#include "tests/contract/backends.h"
#include "tests/support/clerk.h"

#define LEASE_MS 1000
#define ALL ((1U << OUTBOX_PARTITIONS) - 1)

struct office {
	struct clerk clerk;
	struct outbox *outbox;
	struct arena arena;
};

static const struct uuid ann = {{1}}, bob = {{2}};

static struct office open_office(struct backend *backend)
{
	struct office office;
	clerk_init(&office.clerk, backend_store(backend));
	office.outbox = backend_outbox(backend);
	arena_init(&office.arena, 65536, 64 * 1024 * 1024);
	assert_int_equal(clerk_run(&office.clerk, 0, sale_create_command(&office.clerk.request)), OK);
	return office;
}

static void close_office(struct office *office)
{
	outbox_free(office->outbox);
	store_free(office->clerk.store);
	clerk_release(&office->clerk);
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
	clerk_begin(&office->clerk, after_ms);
	for (uint32_t i = 0; seats[i] != '\0'; i++) {
		const char seat[] = {seats[i], '\0'};
		assert_int_equal(clerk_decide(&office->clerk, hold_command(&office->clerk.request, first + i, "ann", seat)), OK);
	}
	assert_int_equal(clerk_commit(&office->clerk), STORE_OK);
}

static struct outbox_batch next(struct office *office, const struct uuid *after, uint32_t events_max)
{
	struct outbox_batch batch;
	assert_int_equal(office->outbox->operations->next(office->outbox, partition(), after, events_max, &office->arena, &batch),
	                 STORE_OK);
	return batch;
}

static void acknowledge(struct office *office, struct uuid id)
{
	const struct outbox_key key = {.partition = partition(), .id = id};
	assert_int_equal(office->outbox->operations->acknowledge(office->outbox, &key, 1), STORE_OK);
}

static uint32_t lease(struct office *office, const struct uuid *owner, uint64_t after_ms, uint32_t maximum)
{
	uint32_t partitions = 0;
	uint64_t now_ms = TEST_NOW_MS + after_ms;
	assert_int_equal(office->outbox->operations->lease(office->outbox, owner, now_ms, LEASE_MS, maximum, &partitions), STORE_OK);
	return partitions;
}

static void a_batch_is_one_entry_with_its_published_events(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(next(&office, NULL, 100).count, 0); /* what an operator does to a sale is not published */
	commit_holds(&office, 1, 1, "123");
	struct outbox_batch batch = next(&office, NULL, 100);
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.entries[0].count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct event_record *record = &batch.entries[0].records[i];
		struct uuid hold_id = test_hold_id(1 + i);
		assert_true(uuid_equal(&record->stream_id, &hold_id));
		assert_int_equal(record->type, EVENT_HOLD_CREATED);
		assert_true(slice_equal_string(record->data, "{\"n\":1}"));
	}
	close_office(&office);
}

static void other_partitions_have_their_own(void **state)
{
	struct office office = open_office(*state);
	struct outbox_batch batch;
	commit_holds(&office, 1, 1, "1");
	for (uint8_t i = 0; i < OUTBOX_PARTITIONS; i++) {
		assert_int_equal(office.outbox->operations->next(office.outbox, i, NULL, 10, &office.arena, &batch), STORE_OK);
		assert_int_equal(batch.count, i == partition());
	}
	close_office(&office);
}

static void entries_come_in_order_past_the_last_and_within_the_maximum(void **state)
{
	struct office office = open_office(*state);
	commit_holds(&office, 1, 1, "12");
	commit_holds(&office, 2, 3, "34");
	commit_holds(&office, 3, 5, "567");
	struct outbox_batch batch = next(&office, NULL, 100);
	assert_int_equal(batch.count, 3);
	assert_true(uuid_compare(&batch.entries[0].id, &batch.entries[1].id) < 0);
	assert_int_equal(next(&office, NULL, 4).count, 2);
	assert_int_equal(next(&office, NULL, 5).count, 2);
	assert_int_equal(next(&office, NULL, 1).count, 1); /* never less than one entry, or it would never go */
	assert_int_equal(next(&office, NULL, 1).entries[0].count, 2);
	struct outbox_batch rest = next(&office, &batch.entries[1].id, 100);
	assert_int_equal(rest.count, 1);
	assert_true(uuid_equal(&rest.entries[0].id, &batch.entries[2].id));
	assert_int_equal(next(&office, &batch.entries[2].id, 100).count, 0);
	close_office(&office);
}

static void acknowledged_entries_are_gone(void **state)
{
	struct office office = open_office(*state);
	commit_holds(&office, 1, 1, "12");
	commit_holds(&office, 2, 3, "34");
	struct outbox_batch batch = next(&office, NULL, 100);
	acknowledge(&office, batch.entries[0].id);
	acknowledge(&office, batch.entries[0].id); /* a second time is no error */
	struct outbox_batch rest = next(&office, NULL, 100);
	assert_int_equal(rest.count, 1);
	assert_true(uuid_equal(&rest.entries[0].id, &batch.entries[1].id));
	close_office(&office);
}

static void lag_counts_entries_and_knows_the_oldest(void **state)
{
	struct office office = open_office(*state);
	struct outbox_lag lag = {.entries = 77};
	assert_int_equal(office.outbox->operations->lag(office.outbox, &lag), STORE_OK);
	assert_int_equal(lag.entries, 0);
	assert_int_equal(lag.oldest_ms, 0);
	commit_holds(&office, 10, 1, "12");
	commit_holds(&office, 20, 3, "3");
	assert_int_equal(office.outbox->operations->lag(office.outbox, &lag), STORE_OK);
	assert_int_equal(lag.entries, 2);
	assert_int_equal(lag.oldest_ms, TEST_NOW_MS + 10);
	acknowledge(&office, next(&office, NULL, 1).entries[0].id);
	assert_int_equal(office.outbox->operations->lag(office.outbox, &lag), STORE_OK);
	assert_int_equal(lag.entries, 1);
	assert_int_equal(lag.oldest_ms, TEST_NOW_MS + 20);
	close_office(&office);
}

static void a_lease_is_the_owners_until_it_runs_out(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann, 0, OUTBOX_PARTITIONS), ALL);
	assert_int_equal(lease(&office, &bob, LEASE_MS - 1, OUTBOX_PARTITIONS), 0);
	assert_int_equal(lease(&office, &ann, LEASE_MS - 1, OUTBOX_PARTITIONS), ALL); /* renewed */
	assert_int_equal(lease(&office, &bob, LEASE_MS, OUTBOX_PARTITIONS), 0);
	assert_int_equal(lease(&office, &bob, 2 * LEASE_MS - 1, OUTBOX_PARTITIONS), ALL); /* taken over */
	assert_int_equal(lease(&office, &ann, 2 * LEASE_MS, OUTBOX_PARTITIONS), 0);
	close_office(&office);
}

static void partitions_are_shared_by_their_maximum(void **state)
{
	struct office office = open_office(*state);
	uint32_t first = lease(&office, &ann, 0, OUTBOX_PARTITIONS / 2);
	uint32_t second = lease(&office, &bob, 0, OUTBOX_PARTITIONS);
	assert_int_equal(first & second, 0);
	assert_int_equal(first | second, ALL);
	assert_int_equal(lease(&office, &ann, 1, OUTBOX_PARTITIONS / 2), first);
	close_office(&office);
}

static void released_partitions_are_free_at_once(void **state)
{
	struct office office = open_office(*state);
	assert_int_equal(lease(&office, &ann, 0, 4), 0xf);
	assert_int_equal(lease(&office, &bob, 0, 4), 0xf0);
	assert_int_equal(office.outbox->operations->release(office.outbox, &ann), STORE_OK);
	assert_int_equal(lease(&office, &bob, 1, OUTBOX_PARTITIONS), ALL);
	close_office(&office);
}

/* A publisher must not make lanes forget what they know. */
static void publishing_leaves_the_store_as_it_was(void **state)
{
	struct office office = open_office(*state);
	commit_holds(&office, 1, 1, "12");
	acknowledge(&office, next(&office, NULL, 1).entries[0].id);
	clerk_begin(&office.clerk, 2);
	uint32_t rows = view_row_count(office.clerk.view);
	assert_int_equal(clerk_decide(&office.clerk, hold_command(&office.clerk.request, 9, "eve", "9")), OK);
	assert_true(view_row_count(office.clerk.view) > rows);
	assert_int_equal(clerk_commit(&office.clerk), STORE_OK);
	close_office(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(a_batch_is_one_entry_with_its_published_events),
		BACKEND_TEST(other_partitions_have_their_own),
		BACKEND_TEST(entries_come_in_order_past_the_last_and_within_the_maximum),
		BACKEND_TEST(acknowledged_entries_are_gone),
		BACKEND_TEST(lag_counts_entries_and_knows_the_oldest),
		BACKEND_TEST(a_lease_is_the_owners_until_it_runs_out),
		BACKEND_TEST(partitions_are_shared_by_their_maximum),
		BACKEND_TEST(released_partitions_are_free_at_once),
		BACKEND_TEST(publishing_leaves_the_store_as_it_was),
	};
	return backends_run("outbox", tests, ARRAY_LENGTH(tests));
}
