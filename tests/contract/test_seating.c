/* test_seating.c: every store that has seatings, with the seats of an event that is not on sale yet. */
#include "tests/contract/backends.h"

#include "ports/seating.h"
#include "tests/support/store_driver.h"

#define VERSION (TEST_NOW_MS << 12)

struct house {
	struct backend *backend;
	struct store_driver driver;
	struct seating seating;
	struct test_seats test_seats;
};

/* False: the store has no seatings. */
static bool open_house(struct house *house, void **state)
{
	*house = (struct house){.backend = *state};
	store_driver_init(&house->driver, backend_store(house->backend));
	test_seats_of_sale(&house->driver.request, &house->test_seats);
	house->seating = (struct seating){.event_id = test_event_id(), .version = VERSION, .seat_count = TEST_SEAT_COUNT};
	return house->driver.store->seating != NULL;
}

static void close_house(struct house *house)
{
	store_free(house->driver.store);
	store_driver_release(&house->driver);
}

static enum seating_state begin(struct house *house, struct seating *seating, const struct idempotency *key)
{
	enum seating_state state;
	assert_int_equal(house->driver.store->seating->begin(house->driver.store, seating, key, &state), STORE_OK);
	return state;
}

static enum store_result add(struct house *house, uint32_t count)
{
	const struct layout_seat *seats = &house->test_seats.seats[house->seating.written];
	return house->driver.store->seating->add(house->driver.store, &house->seating, seats, count);
}

static bool clear(struct house *house, const struct seating *seating, uint32_t limit)
{
	bool has_more;
	assert_int_equal(house->driver.store->seating->clear(house->driver.store, seating, limit, &has_more), STORE_OK);
	return has_more;
}

/* Seats that verify is shown. */
static uint32_t count_seats(struct house *house)
{
	struct reader *reader = backend_reader(house->backend);
	const struct row **rows;
	uint32_t count;
	assert_int_equal(reader->operations->scan(reader, ROW_SEAT, NULL, 100, &house->driver.request, &rows, &count), STORE_OK);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(rows[i]->version, VERSION);
	reader_free(reader);
	return count;
}

static struct command create(struct house *house)
{
	struct command command = sale_create_command(&house->driver.request);
	command.sale_create.seats_version = house->seating.version;
	return command;
}

static enum store_result put_on_sale(struct house *house, uint64_t after_ms)
{
	store_driver_begin(&house->driver, after_ms);
	assert_int_equal(store_driver_decide(&house->driver, create(house)), OK);
	return store_driver_commit(&house->driver);
}

static void seats_are_nobodys_until_the_last_one_is_there(void **state)
{
	struct house house;
	if (open_house(&house, state)) {
		struct store_driver *driver = &house.driver;
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_BEGUN);
		assert_int_equal(add(&house, 4), STORE_OK);
		assert_int_equal(put_on_sale(&house, 5), STORE_STALE);
		assert_int_equal(store_driver_run(driver, 6, hold_command(&driver->request, 1, "ann", "1")), ERR_EVENT_UNKNOWN);
		view_clear(driver->view);
		assert_int_equal(count_seats(&house), 0);
		assert_int_equal(add(&house, TEST_SEAT_COUNT - 4), STORE_OK);
		assert_int_equal(count_seats(&house), 0);
		assert_int_equal(put_on_sale(&house, 60000), STORE_OK);
		assert_int_equal(count_seats(&house), TEST_SEAT_COUNT);
		assert_false(clear(&house, &house.seating, 100)); /* it is over */
		assert_int_equal(count_seats(&house), TEST_SEAT_COUNT);
		assert_int_equal(store_driver_run(driver, 60001, hold_command(&driver->request, 1, "ann", "1 9")), OK);
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_NEEDLESS);
	}
	close_house(&house);
}

static void an_abandoned_seating_is_cleared_bit_by_bit(void **state)
{
	struct house house;
	if (open_house(&house, state)) {
		struct seating other = house.seating;
		other.version++;
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_BEGUN);
		assert_int_equal(add(&house, 7), STORE_OK);
		assert_int_equal(begin(&house, &other, NULL), SEATING_OTHERS);
		assert_false(clear(&house, &other, 100)); /* somebody else's is left alone */
		assert_false(clear(&house, NULL, 100));
		assert_int_equal(add(&house, 1), STORE_OK);
		assert_true(clear(&house, &house.seating, 3));
		assert_int_equal(count_seats(&house), 0);
		assert_int_equal(add(&house, 1), STORE_STALE);
		assert_int_equal(begin(&house, &other, NULL), SEATING_LEFT);
		assert_true(clear(&house, &other, 3));
		assert_false(clear(&house, NULL, 3)); /* by any process that finds it */
		assert_int_equal(begin(&house, &other, NULL), SEATING_BEGUN);
		house.seating = other;
		assert_int_equal(add(&house, TEST_SEAT_COUNT), STORE_OK);
		assert_int_equal(count_seats(&house), 0);
	}
	close_house(&house);
}

static void a_key_that_was_used_makes_it_needless(void **state)
{
	struct house house;
	if (open_house(&house, state)) {
		struct store_driver *driver = &house.driver;
		struct command command = with_key(sale_create_command(&driver->request), 7, 1);
		struct seating other = house.seating;
		assert_int_equal(store_driver_run(driver, 0, command), OK);
		other.event_id.bytes[0] ^= 1;
		assert_int_equal(begin(&house, &other, &command.idempotency), SEATING_NEEDLESS);
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_NEEDLESS);
		command.idempotency.key[0]++;
		assert_int_equal(begin(&house, &other, &command.idempotency), SEATING_BEGUN);
	}
	close_house(&house);
}

static void a_replay_ends_what_was_begun_before_it(void **state)
{
	struct house house;
	if (open_house(&house, state)) {
		struct store *store = house.driver.store;
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_BEGUN);
		assert_int_equal(add(&house, TEST_SEAT_COUNT - 1), STORE_OK);
		assert_int_equal(store->operations->replay_begin(store), STORE_OK);
		assert_int_equal(store->operations->replay_clear(store), STORE_OK);
		assert_int_equal(store->operations->replay_end(store, true), STORE_OK);
		assert_int_equal(add(&house, 1), STORE_STALE);
		assert_int_equal(put_on_sale(&house, 1), STORE_STALE);
		view_clear(house.driver.view);
		assert_false(clear(&house, &house.seating, 100));
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_BEGUN);
		assert_int_equal(add(&house, TEST_SEAT_COUNT), STORE_OK);
		assert_int_equal(put_on_sale(&house, 2), STORE_OK);
	}
	close_house(&house);
}

/* Seats in the order of their layout, and no others. */
static void expect_map(struct house *house, const struct uuid *event_id)
{
	struct reader *reader = backend_reader(house->backend);
	const struct seat_query query = {.event_id = *event_id, .limit = 100, .now_ms = TEST_NOW_MS};
	struct seat_list list;
	assert_int_equal(reader->operations->list_seats(reader, &query, &house->driver.request, &list), STORE_OK);
	assert_int_equal(list.count, TEST_SEAT_COUNT);
	for (uint32_t i = 0; i < list.count; i++)
		assert_true(slice_equal(list.entries[i].seat, house->test_seats.seats[i].seat));
	reader_free(reader);
}

static void events_that_are_made_meanwhile_keep_their_places_apart(void **state)
{
	struct house house;
	if (open_house(&house, state)) {
		struct store_driver *driver = &house.driver;
		struct command small = sale_create_command(&driver->request);
		small.sale_create.event_id.bytes[0] ^= 1;
		assert_int_equal(begin(&house, &house.seating, NULL), SEATING_BEGUN);
		assert_int_equal(add(&house, 2), STORE_OK);
		assert_int_equal(store_driver_run(driver, 0, small), OK);
		assert_int_equal(add(&house, TEST_SEAT_COUNT - 2), STORE_OK);
		assert_int_equal(put_on_sale(&house, 1), STORE_OK);
		expect_map(&house, &house.seating.event_id);
		expect_map(&house, &small.sale_create.event_id);
	}
	close_house(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(seats_are_nobodys_until_the_last_one_is_there),
		BACKEND_TEST(an_abandoned_seating_is_cleared_bit_by_bit),
		BACKEND_TEST(a_key_that_was_used_makes_it_needless),
		BACKEND_TEST(a_replay_ends_what_was_begun_before_it),
		BACKEND_TEST(events_that_are_made_meanwhile_keep_their_places_apart),
	};
	return backends_run("seating", tests, ARRAY_LENGTH(tests));
}
