/* test_seat_feed.c: the contract of ports/seat_feed.h, for every adapter. */
#include "tests/contract/backends.h"

#include <string.h>
#include <unistd.h>

#include "tests/support/store_driver.h"

struct box {
	struct backend *backend;
	struct store_driver driver;
	struct seat_feed *feed;
	struct arena arena;
};

static struct box open_box(struct backend *backend)
{
	struct box box = {.backend = backend};
	store_driver_init(&box.driver, backend_store(backend));
	box.feed = backend_seat_feed(backend);
	arena_init(&box.arena, 65536, 64 * 1024 * 1024);
	assert_int_equal(store_driver_run(&box.driver, 0, sale_create_command(&box.driver.request)), OK);
	return box;
}

static void close_box(struct box *box)
{
	seat_feed_free(box->feed);
	store_free(box->driver.store);
	store_driver_release(&box->driver);
	arena_release(&box->arena);
}

static void run(struct box *box, uint64_t after_ms, struct command command)
{
	assert_int_equal(store_driver_run(&box->driver, after_ms, command), OK);
}

static struct seat_part load(struct box *box, uint32_t skip, uint32_t limit)
{
	struct uuid event_id = test_event_id();
	struct seat_part part;
	assert_int_equal(box->feed->operations->load(box->feed, &event_id, skip, limit, &box->arena, &part), STORE_OK);
	return part;
}

static struct seat_feed_cursor stand(struct box *box)
{
	struct seat_feed_cursor cursor;
	struct seat_change_list list;
	assert_int_equal(box->feed->operations->poll(box->feed, NULL, NULL, 0, &box->arena, &cursor, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	return cursor;
}

/* Where it stands when it knows all commits up to that position. On a server that others use, one of theirs may have to end first. */
static struct seat_feed_cursor stand_beyond(struct box *box, uint64_t position)
{
	struct seat_feed_cursor cursor = stand(box);
	for (int tries = 0; cursor.position <= position; tries++) {
		assert_true(tries < 1000);
		(void)usleep(10000);
		cursor = stand(box);
	}
	return cursor;
}

/* The changes of the test's event; the cursor goes on. The feed may have changes at or behind the new position, and has them again then,
 * as on a server on which some other transaction is open. */
static struct seat_change_list poll(struct box *box, struct seat_feed_cursor *cursor)
{
	struct uuid event_id = test_event_id();
	struct seat_change_list list;
	struct seat_feed_cursor next;
	assert_int_equal(box->feed->operations->poll(box->feed, cursor, &event_id, 1, &box->arena, &next, &list), STORE_OK);
	assert_true(next.position >= cursor->position);
	for (uint32_t i = 0; i < list.count; i++) {
		assert_true(uuid_equal(&list.changes[i].event_id, &event_id));
		assert_true(list.changes[i].changed_at >= cursor->position);
	}
	*cursor = next;
	return list;
}

/* The last entry of the seat, by its number; NULL: it is not listed. */
static const struct seat_change *change_of(struct box *box, const struct seat_change_list *list, uint32_t seat)
{
	uint64_t position = load(box, 0, 1).first_position + seat - 1;
	const struct seat_change *found = NULL;
	for (uint32_t i = 0; i < list->count; i++)
		if (list->changes[i].position == position)
			found = &list->changes[i];
	return found;
}

static void loads_the_layout_part_by_part(void **state)
{
	struct box box = open_box(*state);
	struct seat_part first = load(&box, 0, 5), second = load(&box, 5, 5), third = load(&box, 9, 5);
	assert_int_equal(first.seat_count, TEST_SEAT_COUNT);
	assert_int_equal(first.count, 5);
	assert_int_equal(second.count, 4);
	assert_int_equal(third.count, 0);
	assert_int_equal(third.seat_count, TEST_SEAT_COUNT);
	assert_int_equal(second.first_position, first.first_position);
	assert_true(slice_equal_string(first.entries[1].seat, "A-1-2"));
	assert_true(slice_equal_string(first.entries[1].section, "A"));
	assert_true(slice_equal_string(first.entries[1].row, "1"));
	assert_int_equal(second.entries[3].price, 1000);
	assert_int_equal(second.entries[3].state.status, SEAT_AVAILABLE);
	assert_int_equal(second.entries[3].state.deadline_ms, 0);
	close_box(&box);
}

static void an_unknown_event_has_no_seats(void **state)
{
	struct box box = open_box(*state);
	struct uuid event_id = test_hold_id(1);
	struct seat_part part;
	assert_int_equal(box.feed->operations->load(box.feed, &event_id, 0, 5, &box.arena, &part), STORE_OK);
	assert_int_equal(part.seat_count, 0);
	assert_int_equal(part.count, 0);
	close_box(&box);
}

static void seats_have_the_deadline_of_their_hold_or_order(void **state)
{
	struct box box = open_box(*state);
	struct arena *arena = &box.driver.request;
	run(&box, 1, hold_command(arena, 1, "ann", "1"));
	run(&box, 2, hold_command(arena, 2, "bob", "2"));
	run(&box, 3, order_command(arena, 1, "bob", 2));
	struct seat_part part = load(&box, 0, 9);
	assert_int_equal(part.entries[0].state.status, SEAT_HELD);
	assert_int_equal(part.entries[0].state.deadline_ms, TEST_NOW_MS + 1 + TEST_HOLD_TTL_MS);
	assert_int_equal(part.entries[1].state.status, SEAT_RESERVED);
	assert_int_equal(part.entries[1].state.deadline_ms, TEST_NOW_MS + 3 + TEST_ORDER_TTL_MS);
	run(&box, 4, payment_command(arena, 1, "t-1", PAYMENT_SUCCEEDED));
	part = load(&box, 0, 9);
	assert_int_equal(part.entries[1].state.status, SEAT_SOLD);
	assert_int_equal(part.entries[1].state.deadline_ms, 0);
	close_box(&box);
}

static void tells_each_change_once_as_it_is_now(void **state)
{
	struct box box = open_box(*state);
	struct arena *arena = &box.driver.request;
	struct seat_feed_cursor cursor = stand(&box);
	assert_int_equal(poll(&box, &cursor).count, 0);
	run(&box, 1, hold_command(arena, 1, "ann", "1 2"));
	run(&box, 2, hold_command(arena, 2, "bob", "5"));
	struct seat_change_list list = poll(&box, &cursor);
	assert_null(change_of(&box, &list, 3));
	const struct seat_change *change = change_of(&box, &list, 2);
	assert_non_null(change);
	assert_int_equal(change->state.status, SEAT_HELD);
	assert_int_equal(change->state.deadline_ms, TEST_NOW_MS + 1 + TEST_HOLD_TTL_MS);
	assert_int_equal(change->state.version, load(&box, 1, 1).entries[0].state.version);
	assert_non_null(change_of(&box, &list, 1));
	assert_non_null(change_of(&box, &list, 5));
	assert_int_equal(poll(&box, &cursor).count, 0);
	run(&box, 3, release_command(arena, 1, "ann"));
	list = poll(&box, &cursor);
	assert_null(change_of(&box, &list, 5));
	assert_int_equal(change_of(&box, &list, 1)->state.status, SEAT_AVAILABLE);
	close_box(&box);
}

static void several_changes_of_a_seat_show_the_last(void **state)
{
	struct box box = open_box(*state);
	struct arena *arena = &box.driver.request;
	struct seat_feed_cursor cursor = stand(&box);
	run(&box, 1, hold_command(arena, 1, "ann", "4"));
	run(&box, 2, order_command(arena, 1, "ann", 1));
	run(&box, 3, payment_command(arena, 1, "t-1", PAYMENT_SUCCEEDED));
	struct seat_change_list list = poll(&box, &cursor);
	assert_int_equal(change_of(&box, &list, 4)->state.status, SEAT_SOLD);
	assert_int_equal(poll(&box, &cursor).count, 0);
	close_box(&box);
}

static void other_events_are_not_told_of(void **state)
{
	struct box box = open_box(*state);
	struct uuid other = test_hold_id(7);
	struct seat_change_list list;
	struct seat_feed_cursor cursor = stand(&box), next;
	run(&box, 1, hold_command(&box.driver.request, 1, "ann", "1"));
	assert_int_equal(box.feed->operations->poll(box.feed, &cursor, &other, 1, &box.arena, &next, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	assert_int_equal(box.feed->operations->poll(box.feed, &cursor, NULL, 0, &box.arena, &next, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	close_box(&box);
}

static void two_feeds_have_the_same_positions(void **state)
{
	struct box box = open_box(*state);
	struct seat_feed *first = box.feed, *second = backend_seat_feed(box.backend);
	struct seat_feed_cursor cursor = stand(&box);
	run(&box, 1, hold_command(&box.driver.request, 1, "ann", "1"));
	run(&box, 2, hold_command(&box.driver.request, 2, "ann", "2"));
	box.feed = second; /* which goes on from where the first stood, as a client's version does */
	cursor.token[0] = '\0';
	struct seat_feed_cursor now = stand_beyond(&box, cursor.position);
	assert_int_equal(now.epoch, cursor.epoch);
	box.feed = first;
	seat_feed_free(second);
	close_box(&box);
}

static void changes_that_were_given_up_are_not_told(void **state)
{
	struct box box = open_box(*state);
	struct seat_feed_cursor cursor = stand(&box), next = cursor;
	run(&box, 1, hold_command(&box.driver.request, 1, "ann", "1"));
	struct seat_change_list list = poll(&box, &next);
	struct seat_feed_cursor later = stand_beyond(&box, change_of(&box, &list, 1)->changed_at);
	run(&box, 2, hold_command(&box.driver.request, 2, "ann", "2"));
	assert_int_equal(box.feed->operations->forget(box.feed, later.position), STORE_OK);
	list = poll(&box, &cursor);
	assert_null(change_of(&box, &list, 1));
	assert_non_null(change_of(&box, &list, 2));
	close_box(&box);
}

static void a_replay_begins_another_epoch(void **state)
{
	struct box box = open_box(*state);
	struct seat_feed_cursor cursor = stand(&box);
	run(&box, 1, hold_command(&box.driver.request, 1, "ann", "1"));
	struct store *store = backend_store(box.backend);
	assert_int_equal(store->operations->replay_begin(store), STORE_OK);
	assert_int_equal(store->operations->replay_clear(store), STORE_OK);
	assert_int_equal(store->operations->replay_end(store, true), STORE_OK);
	store_free(store);
	uint64_t epoch = cursor.epoch;
	assert_int_equal(poll(&box, &cursor).count, 0);
	assert_true(cursor.epoch != epoch);
	assert_int_equal(load(&box, 0, 9).seat_count, 0);
	close_box(&box);
}

/* Two connections: the one that began first commits last. */
static void a_commit_that_comes_late_is_told(void **state)
{
	struct box box = open_box(*state);
	struct store_driver other;
	store_driver_init(&other, backend_store(box.backend));
	struct seat_feed_cursor cursor = stand(&box);
	store_driver_begin(&other, 1);
	assert_int_equal(store_driver_decide(&other, hold_command(&other.request, 1, "ann", "1")), OK);
	run(&box, 2, hold_command(&box.driver.request, 2, "bob", "2"));
	struct seat_change_list list = poll(&box, &cursor);
	assert_non_null(change_of(&box, &list, 2));
	assert_null(change_of(&box, &list, 1));
	assert_int_equal(store_driver_commit(&other), STORE_OK);
	list = poll(&box, &cursor);
	assert_non_null(change_of(&box, &list, 1));
	store_free(other.store);
	store_driver_release(&other);
	close_box(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(loads_the_layout_part_by_part),
		BACKEND_TEST(an_unknown_event_has_no_seats),
		BACKEND_TEST(seats_have_the_deadline_of_their_hold_or_order),
		BACKEND_TEST(tells_each_change_once_as_it_is_now),
		BACKEND_TEST(several_changes_of_a_seat_show_the_last),
		BACKEND_TEST(other_events_are_not_told_of),
		BACKEND_TEST(two_feeds_have_the_same_positions),
		BACKEND_TEST(changes_that_were_given_up_are_not_told),
		BACKEND_TEST(a_replay_begins_another_epoch),
		BACKEND_TEST(a_commit_that_comes_late_is_told),
	};
	return backends_run("seat feed", tests, sizeof tests / sizeof tests[0]);
}
