/* test_store.c: the contract of ports/store.h, for every adapter. */
#include "adapters/memory/database.h"
#include "tests/contract/backends.h"
#include "tests/support/store_driver.h"
#include "tests/support/faulty_store.h"

/* A driver with a store of its own: another process, as far as the database knows. */
static struct store_driver open_driver(struct backend *backend)
{
	struct store_driver driver;
	store_driver_init(&driver, backend_store(backend));
	return driver;
}

static void close_driver(struct store_driver *driver)
{
	store_free(driver->store);
	store_driver_release(driver);
}

static struct store_driver open_driver_and_sale(struct backend *backend)
{
	struct store_driver driver = open_driver(backend);
	assert_int_equal(store_driver_run(&driver, 0, sale_create_command(&driver.request)), OK);
	return driver;
}

static struct uuid absent_id(void)
{
	return test_order_id(999);
}

static void loads_rows_that_are_not_there_as_absent(void **state)
{
	struct store_driver driver = open_driver(*state);
	struct uuid id = absent_id();
	struct seat_name seat = {.event_id = id, .label = test_label(1)};
	struct short_text transaction = short_text_of(SLICE("t-1"));
	struct idempotency key = {.is_present = true, .key = {9}};
	struct needs needs = {
		.sales = &id,
		.sale_count = 1,
		.seats = &seat,
		.seat_count = 1,
		.holds = &id,
		.hold_count = 1,
		.orders = &id,
		.order_count = 1,
		.payments = &transaction,
		.payment_count = 1,
		.keys = &key,
		.key_count = 1,
	};
	store_driver_begin(&driver, 0);
	assert_int_equal(store_load(driver.store, &needs, driver.view), STORE_OK);
	assert_int_equal(view_sale(driver.view, &id)->row.version, 0);
	assert_int_equal(view_seat(driver.view, &id, &seat.label)->row.version, 0);
	assert_int_equal(view_hold(driver.view, &id)->row.version, 0);
	assert_int_equal(view_order(driver.view, &id)->row.version, 0);
	assert_int_equal(view_payment(driver.view, &transaction)->row.version, 0);
	assert_int_equal(view_key(driver.view, key.key)->row.version, 0);
	close_driver(&driver);
}

static void loads_rows_as_they_were_committed(void **state)
{
	struct store_driver writer = open_driver_and_sale(*state);
	assert_int_equal(store_driver_run(&writer, 1, with_key(hold_command(&writer.request, 1, "ann", "2 5 3"), 7, 8)), OK);
	uint64_t hold_version = uuid_stamp(&writer.changes.events[0].id);
	assert_int_equal(store_driver_run(&writer, 2, order_command(&writer.request, 1, "ann", 1)), OK);
	uint64_t order_version = uuid_stamp(&writer.changes.events[0].id);
	assert_int_equal(store_driver_run(&writer, 3, hold_command(&writer.request, 2, "bob", "9")), OK);
	assert_int_equal(store_driver_run(&writer, 4, payment_command(&writer.request, 1, "t-1", PAYMENT_SUCCEEDED)), OK);
	struct uuid applied_by = writer.changes.events[0].id;

	struct store_driver reader = open_driver(*state);
	struct uuid event_id = test_event_id(), hold_ids[] = {test_hold_id(1), test_hold_id(2)}, order_id = test_order_id(1);
	struct seat_name seats[] = {{event_id, test_label(2)}, {event_id, test_label(8)}, {event_id, test_label(9)}};
	struct short_text transaction = short_text_of(SLICE("t-1"));
	struct idempotency wanted = {.is_present = true, .key = {7}};
	struct needs needs = {
		.sales = &event_id,
		.sale_count = 1,
		.seats = seats,
		.seat_count = 3,
		.holds = hold_ids,
		.hold_count = 2,
		.orders = &order_id,
		.order_count = 1,
		.payments = &transaction,
		.payment_count = 1,
		.keys = &wanted,
		.key_count = 1,
	};
	store_driver_begin(&reader, 5);
	assert_int_equal(store_load(reader.store, &needs, reader.view), STORE_OK);

	const struct sale *sale = view_sale(reader.view, &event_id);
	assert_int_equal(sale->sequence, 1);
	assert_int_equal(sale->status, SALE_ON_SALE);
	assert_string_equal(sale->currency.code, "EUR");
	assert_int_equal(sale->seat_count, TEST_SEAT_COUNT);

	const struct hold *hold = view_hold(reader.view, &hold_ids[0]);
	assert_int_equal(hold->status, HOLD_CONVERTED);
	assert_int_equal(hold->seat_count, 3);
	assert_memory_equal(hold->seats[1].text, "A-1-5", 5);
	assert_true(slice_equal_string(short_text_slice(&hold->user), "ann"));
	assert_int_equal(hold->created_at_ms, TEST_NOW_MS + 1);
	assert_int_equal(hold->expires_at_ms, TEST_NOW_MS + 1 + TEST_HOLD_TTL_MS);
	assert_int_equal(hold->row.version, order_version);
	assert_true(order_version > hold_version);

	const struct seat *seat = view_seat(reader.view, &event_id, &seats[0].label);
	assert_int_equal(seat->status, SEAT_SOLD);
	assert_true(uuid_equal(&seat->holder_id, &order_id));
	assert_int_equal(seat->price, 1000);
	assert_int_equal(view_seat(reader.view, &event_id, &seats[1].label)->status, SEAT_AVAILABLE);
	assert_true(uuid_is_nil(&view_seat(reader.view, &event_id, &seats[1].label)->holder_id));
	assert_int_equal(view_seat(reader.view, &event_id, &seats[2].label)->status, SEAT_HELD);

	const struct order *order = view_order(reader.view, &order_id);
	assert_int_equal(order->status, ORDER_CONFIRMED);
	assert_int_equal(order->sequence, 2);
	assert_int_equal(order->payment_method, PAYMENT_METHOD_CARD);
	assert_int_equal(order->total, 3000);
	assert_int_equal(order->item_count, 3);
	assert_int_equal(order->items[2].price, 1000);
	assert_memory_equal(order->items[2].seat.text, "A-1-3", 5);
	assert_int_equal(order->paid, 3000);
	assert_int_equal(order->kept, 3000);
	assert_false(order_refund_required(order));
	assert_int_equal(order->pay_by_ms, TEST_NOW_MS + 2 + TEST_ORDER_TTL_MS);
	assert_true(uuid_equal(&order->hold_id, &hold_ids[0]));

	const struct payment *payment = view_payment(reader.view, &transaction);
	assert_int_equal(payment->status, PAYMENT_SUCCEEDED);
	assert_true(uuid_equal(&payment->order_id, &order_id));
	assert_true(uuid_equal(&payment->applied_by, &applied_by));
	assert_true(slice_equal_string(payment->answer, "{\"n\":2}"));

	const struct key *key = view_key(reader.view, wanted.key);
	assert_int_equal(key->row.version, hold_version);
	assert_int_equal(key->idempotency.fingerprint[0], 8);
	assert_true(uuid_equal(&key->stream_id, &hold_ids[0]));
	assert_true(slice_equal_string(key->answer, "{\"n\":1}"));
	close_driver(&reader);
	close_driver(&writer);
}

static void a_batch_commits_many_commands_at_once(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1 2")), OK);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 2, "bob", "2")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_decide(&driver, release_command(&driver.request, 1, "ann")), OK);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 2, "bob", "2")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_OK);

	struct store_driver other = open_driver(*state);
	assert_int_equal(store_driver_run(&other, 2, hold_command(&other.request, 3, "eve", "1 2")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(&other, 2, hold_command(&other.request, 4, "eve", "1")), OK);
	assert_int_equal(store_driver_run(&other, 3, release_command(&other.request, 1, "ann")),
	                 OK); /* already released: nothing is done */
	assert_int_equal(other.changes.event_count, 0);
	close_driver(&other);
	close_driver(&driver);
}

/* Decides `command` on the driver's view, lets `rival` run first, and expects the driver to be told; a second try must see the rival's work. */
static enum error lose_to(struct store_driver *driver, struct command command, struct store_driver *rival, struct command rival_command)
{
	store_driver_begin(driver, 10);
	assert_int_equal(store_driver_decide(driver, command), OK);
	assert_int_equal(store_driver_run(rival, 11, rival_command), OK);
	assert_int_equal(store_driver_commit(driver), STORE_STALE);
	return store_driver_run(driver, 12, command);
}

static void a_seat_that_moved_makes_the_changes_stale(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	enum error error =
		lose_to(&driver, hold_command(&driver.request, 1, "ann", "1 2"), &rival, hold_command(&rival.request, 2, "bob", "2"));
	assert_int_equal(error, ERR_SEATS_TAKEN);
	/* Nothing of the failed batch was written. */
	assert_int_equal(store_driver_run(&rival, 20, hold_command(&rival.request, 3, "eve", "1")), OK);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_hold_that_moved_makes_the_changes_stale(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK);
	enum error error = lose_to(&driver, order_command(&driver.request, 1, "ann", 1), &rival, release_command(&rival.request, 1, "ann"));
	assert_int_equal(error, ERR_HOLD_RELEASED);
	close_driver(&rival);
	close_driver(&driver);
}

static void an_order_that_moved_makes_the_changes_stale(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(store_driver_run(&driver, 2, order_command(&driver.request, 1, "ann", 1)), OK);
	enum error error = lose_to(&driver, cancel_command(&driver.request, 1, "ann"), &rival,
	                           payment_command(&rival.request, 1, "t-1", PAYMENT_SUCCEEDED));
	assert_int_equal(error, ERR_ORDER_NOT_CANCELLABLE);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_sale_that_moved_makes_the_changes_stale(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	enum error error = lose_to(&driver, sale_command(&driver.request, COMMAND_SALE_PAUSE), &rival,
	                           sale_command(&rival.request, COMMAND_SALE_CANCEL));
	assert_int_equal(error, ERR_EVENT_CANCELLED);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_sale_is_made_once(void **state)
{
	struct store_driver driver = open_driver(*state), rival = open_driver(*state);
	store_driver_begin(&driver, 0);
	assert_int_equal(store_driver_decide(&driver, sale_create_command(&driver.request)), OK);
	assert_int_equal(store_driver_run(&rival, 0, sale_create_command(&rival.request)), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_STALE);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_transaction_is_applied_once(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	for (uint32_t i = 1; i <= 2; i++) {
		assert_int_equal(store_driver_run(&driver, i, hold_command(&driver.request, i, "ann", i == 1 ? "1" : "2")), OK);
		assert_int_equal(store_driver_run(&driver, i, order_command(&driver.request, i, "ann", i)), OK);
	}
	/* The same transaction for two orders, so that nothing but the payment collides. */
	enum error error = lose_to(&driver, payment_command(&driver.request, 1, "t-1", PAYMENT_SUCCEEDED), &rival,
	                           payment_command(&rival.request, 2, "t-1", PAYMENT_SUCCEEDED));
	assert_int_equal(error, ERR_PAYMENT_CONFLICT);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_key_is_used_once(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	enum error error = lose_to(&driver, with_key(hold_command(&driver.request, 1, "ann", "1"), 5, 6), &rival,
	                           with_key(hold_command(&rival.request, 2, "ann", "2"), 5, 6));
	assert_int_equal(error, OK);
	assert_true(driver.outcome.is_replayed);
	struct uuid winner = test_hold_id(2);
	assert_true(uuid_equal(&driver.outcome.resource_id, &winner));
	close_driver(&rival);
	close_driver(&driver);
}

static void an_id_of_a_stream_is_used_once(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	store_driver_begin(&driver, 10);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(store_driver_run(&rival, 11, hold_command(&rival.request, 1, "bob", "2")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_STALE);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_key_must_still_be_unused_when_its_command_is_refused(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "eve", "1")), OK);
	struct command refused = with_key(hold_command(&driver.request, 2, "ann", "1"), 5, 6);
	store_driver_begin(&driver, 10);
	assert_int_equal(store_driver_decide(&driver, refused), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(&rival, 11, with_key(hold_command(&rival.request, 3, "ann", "2"), 5, 6)), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_STALE);
	assert_int_equal(store_driver_run(&driver, 12, refused), OK);
	assert_true(driver.outcome.is_replayed);
	close_driver(&rival);
	close_driver(&driver);
}

static void a_refusal_writes_nothing(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "eve", "1")), OK);
	struct command refused = with_key(hold_command(&driver.request, 2, "ann", "1"), 5, 6);
	assert_int_equal(store_driver_run(&driver, 2, refused), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(&driver, 3, refused), ERR_SEATS_TAKEN);
	struct reader *reader = backend_reader(*state);
	struct event_list list;
	assert_int_equal(reader->operations->list_events(reader, NULL, 100, &driver.request, &list), STORE_OK);
	assert_int_equal(list.count, 2);
	reader_free(reader);
	close_driver(&driver);
}

/* The driver has the seat in its view from an earlier batch; a refusal rests on it. */
static void rows_relied_on_must_be_as_they_were(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "eve", "1")), OK);
	store_driver_begin(&driver, 2);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 2, "ann", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(&rival, 2, release_command(&rival.request, 1, "eve")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_STALE);
	assert_int_equal(store_driver_run(&driver, 3, hold_command(&driver.request, 2, "ann", "1")), OK);
	close_driver(&rival);
	close_driver(&driver);
}

/* A hold writes its seats and relies on the sale. */
static void a_sale_paused_meanwhile_stops_a_hold(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state), rival = open_driver(*state);
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "eve", "1")), OK);
	assert_int_equal(store_driver_run(&rival, 2, sale_command(&rival.request, COMMAND_SALE_PAUSE)), OK);
	store_driver_begin(&driver, 3);
	enum error error = store_driver_decide(&driver, hold_command(&driver.request, 2, "ann", "2"));
	enum store_result result = store_driver_commit(&driver);
	assert_true(error == ERR_SALES_PAUSED || result == STORE_STALE); /* found while loading, or while committing */
	assert_int_equal(store_driver_run(&driver, 4, hold_command(&driver.request, 2, "ann", "2")), ERR_SALES_PAUSED);
	close_driver(&rival);
	close_driver(&driver);
}

static void resolve_tells_what_was_committed(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	bool is_committed = true;
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_OK);
	assert_false(is_committed);
	view_step_failed(driver.view);
	assert_int_equal(store_driver_run(&driver, 2, hold_command(&driver.request, 1, "ann", "1")), OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_OK);
		assert_true(is_committed);
	}
	close_driver(&driver);
}

static enum fault lose_commits(void *context, enum store_call call, enum store_result *ret_result)
{
	(void)ret_result;
	return call == STORE_CALL_COMMIT ? *(const enum fault *)context : FAULT_NONE;
}

static void an_answer_that_was_lost_can_be_found_out(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	struct store *inner = driver.store;
	enum fault fault = FAULT_ANSWER_LOST;
	struct faulty_store faulty;
	faulty_store_init(&faulty, inner, lose_commits, &fault);
	driver.store = &faulty.port;
	bool is_committed = false;

	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_UNKNOWN);
	assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_OK);
	assert_true(is_committed);

	fault = FAULT_REFUSED;
	store_driver_begin(&driver, 2);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 2, "ann", "2")), OK);
	assert_int_equal(store_driver_commit(&driver), STORE_UNKNOWN);
	assert_int_equal(store_resolve(driver.store, &driver.changes, &is_committed), STORE_OK);
	assert_false(is_committed);

	driver.store = inner;
	assert_int_equal(store_driver_run(&driver, 3, hold_command(&driver.request, 3, "bob", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(store_driver_run(&driver, 3, hold_command(&driver.request, 4, "bob", "2")), OK);
	close_driver(&driver);
}

static void the_same_changes_cannot_be_committed_twice(void **state)
{
	struct store_driver driver = open_driver_and_sale(*state);
	store_driver_begin(&driver, 1);
	assert_int_equal(store_driver_decide(&driver, hold_command(&driver.request, 1, "ann", "1")), OK);
	assert_int_equal(changes_collect(&driver.changes, driver.view), OK);
	assert_int_equal(store_commit(driver.store, &driver.changes), STORE_OK);
	assert_int_equal(store_commit(driver.store, &driver.changes), STORE_STALE);
	view_step_failed(driver.view);
	close_driver(&driver);
}

/* The changes of a command on an empty store, to be written by a replay. */
static void make_replayed(struct store_driver *driver, struct memory_database *database, struct command command)
{
	struct store *memory;
	assert_int_equal(memory_store_new(database, &memory), OK);
	store_driver_init(driver, memory);
	store_driver_begin(driver, 1);
	assert_int_equal(store_driver_decide(driver, command), OK);
	assert_int_equal(changes_collect(&driver->changes, driver->view), OK);
	driver->changes.is_replay = true;
}

static enum seat_status first_seat(struct backend *backend, struct arena *arena, uint32_t *ret_count, uint32_t *ret_events)
{
	struct reader *reader = backend_reader(backend);
	struct event_list events;
	struct seat_list seats;
	struct seat_query query = {.event_id = test_event_id(), .limit = 100, .now_ms = TEST_NOW_MS};
	assert_int_equal(reader->operations->list_events(reader, NULL, 100, arena, &events), STORE_OK);
	assert_int_equal(reader->operations->list_seats(reader, &query, arena, &seats), STORE_OK);
	reader_free(reader);
	*ret_events = events.count;
	*ret_count = seats.count;
	return seats.entries[0].status;
}

/* Replays the event's beginning alone, so that one sees whether it took the place of what was there. */
static void replay_to(void **state, bool is_done, enum seat_status expected)
{
	struct store_driver driver = open_driver_and_sale(*state), replayed;
	struct memory_database *database = memory_database_new();
	const struct store_operations *operations = driver.store->operations;
	uint32_t seats, events;
	assert_int_equal(store_driver_run(&driver, 1, hold_command(&driver.request, 1, "ann", "1")), OK);
	make_replayed(&replayed, database, sale_create_command(&driver.request));
	assert_int_equal(operations->replay_begin(driver.store), STORE_OK);
	assert_int_equal(first_seat(*state, &driver.request, &seats, &events), SEAT_HELD);
	assert_int_equal(operations->replay_clear(driver.store), STORE_OK);
	assert_int_equal(store_commit(driver.store, &replayed.changes), STORE_OK);
	assert_int_equal(first_seat(*state, &driver.request, &seats, &events), SEAT_HELD);
	assert_int_equal(operations->replay_end(driver.store, is_done), STORE_OK);
	assert_int_equal(first_seat(*state, &driver.request, &seats, &events), expected);
	assert_int_equal(seats, TEST_SEAT_COUNT);
	assert_int_equal(events, 2);
	view_step_failed(replayed.view);
	close_driver(&replayed);
	memory_database_free(database);
	close_driver(&driver);
}

static void replay_writes_the_rows_and_no_events(void **state)
{
	replay_to(state, true, SEAT_AVAILABLE);
}

static void replay_that_gives_up_has_changed_nothing(void **state)
{
	replay_to(state, false, SEAT_HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(loads_rows_that_are_not_there_as_absent),
		BACKEND_TEST(loads_rows_as_they_were_committed),
		BACKEND_TEST(a_batch_commits_many_commands_at_once),
		BACKEND_TEST(a_seat_that_moved_makes_the_changes_stale),
		BACKEND_TEST(a_hold_that_moved_makes_the_changes_stale),
		BACKEND_TEST(an_order_that_moved_makes_the_changes_stale),
		BACKEND_TEST(a_sale_that_moved_makes_the_changes_stale),
		BACKEND_TEST(a_sale_is_made_once),
		BACKEND_TEST(a_transaction_is_applied_once),
		BACKEND_TEST(a_key_is_used_once),
		BACKEND_TEST(an_id_of_a_stream_is_used_once),
		BACKEND_TEST(a_key_must_still_be_unused_when_its_command_is_refused),
		BACKEND_TEST(a_refusal_writes_nothing),
		BACKEND_TEST(rows_relied_on_must_be_as_they_were),
		BACKEND_TEST(a_sale_paused_meanwhile_stops_a_hold),
		BACKEND_TEST(resolve_tells_what_was_committed),
		BACKEND_TEST(an_answer_that_was_lost_can_be_found_out),
		BACKEND_TEST(the_same_changes_cannot_be_committed_twice),
		BACKEND_TEST(replay_writes_the_rows_and_no_events),
		BACKEND_TEST(replay_that_gives_up_has_changed_nothing),
	};
	return backends_run("store", tests, ARRAY_LENGTH(tests));
}
