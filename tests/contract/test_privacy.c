/* test_privacy.c: the contract of ports/privacy.h, for the adapters that have one. */
#include "app/forgetter.h"
#include "ports/privacy.h"
#include "tests/contract/backends.h"
#include "tests/support/store_driver.h"

struct room {
	struct privacy *privacy;
	struct store_driver driver;
	struct arena arena;
	uint32_t counts[PRIVACY_PART_COUNT];
	uint32_t kept; /* times that the traces were kept, and … */
	bool cannot_keep;
};

/* False: this backend has no such port. Ann has a hold that was ordered and paid, and Bob a hold. */
static bool open_room(struct backend *backend, struct room *ret_room)
{
	*ret_room = (struct room){.privacy = backend_privacy(backend)};
	arena_init(&ret_room->arena, 4096, 16 * 1024 * 1024);
	if (ret_room->privacy == NULL)
		return false;
	struct store_driver *driver = &ret_room->driver;
	store_driver_init(driver, backend_store(backend));
	assert_int_equal(store_driver_run(driver, 0, sale_create_command(&driver->request)), OK);
	assert_int_equal(store_driver_run(driver, 1, with_key(hold_command(&driver->request, 1, "ann", "1 2"), 7, 8)), OK);
	assert_int_equal(store_driver_run(driver, 2, order_command(&driver->request, 1, "ann", 1)), OK);
	assert_int_equal(store_driver_run(driver, 3, payment_command(&driver->request, 1, "t-1", PAYMENT_SUCCEEDED)), OK);
	assert_int_equal(store_driver_run(driver, 4, hold_command(&driver->request, 2, "bob", "5")), OK);
	return true;
}

static void close_room(struct room *room)
{
	if (room->privacy != NULL) {
		store_free(room->driver.store);
		store_driver_release(&room->driver);
	}
	privacy_free(room->privacy);
	arena_release(&room->arena);
}

static bool count_item(void *context, enum privacy_part part, const void *item)
{
	assert_non_null(item);
	((struct room *)context)->counts[part]++;
	return true;
}

static void count_all(struct room *room, struct slice user)
{
	struct privacy *privacy = room->privacy;
	assert_int_equal(privacy->operations->begin(privacy, false), STORE_OK);
	for (uint32_t part = 0; part < PRIVACY_PART_COUNT; part++) {
		room->counts[part] = 0;
		assert_int_equal(privacy->operations->each(privacy, part, user, count_item, room), STORE_OK);
	}
	assert_int_equal(privacy->operations->end(privacy, false), STORE_OK);
}

static bool keep(void *context, const struct uuid *id, const struct privacy_traces *traces)
{
	struct room *room = context;
	assert_false(uuid_is_nil(id));
	assert_true(traces->stream_count > 0);
	room->kept++;
	return !room->cannot_keep;
}

static struct audit_record record_of(uint8_t number)
{
	return (struct audit_record){.id = {{number}},
	                             .at_ms = TEST_NOW_MS + 100,
	                             .kind = AUDIT_ACTION,
	                             .actor = SLICE("operator"),
	                             .action = SLICE("user forget"),
	                             .result = SLICE("done"),
	                             .repeats = 1};
}

static enum forget_outcome forget(struct room *room, struct slice user, const struct audit_record *record,
                                  struct forgetting *ret_forgetting)
{
	*ret_forgetting = (struct forgetting){
		.privacy = room->privacy, .user = user, .record = record, .arena = &room->arena, .keep = keep, .context = room};
	return forget_user(ret_forgetting);
}

static void tells_all_that_there_is(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		count_all(&room, SLICE("ann"));
		const uint32_t expected[PRIVACY_PART_COUNT] = {
			[PRIVACY_HOLDS] = 1, [PRIVACY_ORDERS] = 1, [PRIVACY_PAYMENTS] = 1, [PRIVACY_EVENTS] = 3};
		assert_memory_equal(room.counts, expected, sizeof expected);
		count_all(&room, SLICE("an"));
		const uint32_t nothing[PRIVACY_PART_COUNT] = {0};
		assert_memory_equal(room.counts, nothing, sizeof nothing);
	}
	close_room(&room);
}

static void forgets_one_and_nobody_else(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		struct audit_record record = record_of(1);
		struct forgetting forgetting;
		char text[FORGET_PSEUDONYM_LENGTH + 1];
		assert_int_equal(forget(&room, SLICE("ann"), &record, &forgetting), FORGET_DONE);
		assert_int_equal(forgetting.ret_traces.stream_count, 2);
		assert_int_equal(room.kept, 1);
		count_all(&room, SLICE("ann"));
		assert_int_equal(room.counts[PRIVACY_HOLDS] + room.counts[PRIVACY_ORDERS] + room.counts[PRIVACY_EVENTS], 0);
		count_all(&room, forget_pseudonym(&record.id, text));
		assert_int_equal(room.counts[PRIVACY_EVENTS], 3);
		assert_int_equal(room.counts[PRIVACY_PAYMENTS], 1);
		count_all(&room, SLICE("bob"));
		assert_int_equal(room.counts[PRIVACY_HOLDS], 1);
	}
	close_room(&room);
}

static void open_holds_keep_a_user_from_being_forgotten(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		struct audit_record record = record_of(1);
		struct forgetting forgetting;
		assert_int_equal(forget(&room, SLICE("bob"), &record, &forgetting), FORGET_OPEN);
		assert_int_equal(forgetting.ret_open_holds, 1);
		assert_int_equal(room.kept, 0);
		record.at_ms = TEST_NOW_MS + 4 + TEST_HOLD_TTL_MS; /* it has lapsed, whether a worker has marked it or not */
		assert_int_equal(forget(&room, SLICE("bob"), &record, &forgetting), FORGET_DONE);
	}
	close_room(&room);
}

static void changes_nothing_when_it_cannot_be_kept(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		struct audit_record record = record_of(1);
		struct forgetting forgetting;
		room.cannot_keep = true;
		assert_int_equal(forget(&room, SLICE("ann"), &record, &forgetting), FORGET_UNKEPT);
		count_all(&room, SLICE("ann"));
		assert_int_equal(room.counts[PRIVACY_EVENTS], 3);
		assert_int_equal(forget(&room, SLICE("nobody"), &record, &forgetting), FORGET_UNKNOWN);
	}
	close_room(&room);
}

/* A store with the user in a view sees the new epoch, and finds the pseudonym; the key is free. */
static void views_and_keys_are_void(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		struct store_driver *driver = &room.driver;
		struct audit_record record = record_of(1);
		struct forgetting forgetting;
		store_driver_begin(driver, 5);
		assert_int_equal(store_driver_decide(driver, payment_command(&driver->request, 1, "t-2", PAYMENT_SUCCEEDED)), OK);
		assert_int_equal(forget(&room, SLICE("ann"), &record, &forgetting), FORGET_DONE);
		enum store_result result = store_driver_commit(driver);
		assert_true(result == STORE_STALE || result == STORE_BUSY);

		struct store_driver other;
		char text[FORGET_PSEUDONYM_LENGTH + 1];
		store_driver_init(&other, backend_store(*state));
		assert_int_equal(store_driver_run(&other, 6, payment_command(&other.request, 1, "t-2", PAYMENT_SUCCEEDED)), OK);
		assert_true(slice_equal(other.changes.events[0].user, forget_pseudonym(&record.id, text)));
		assert_int_equal(store_driver_run(&other, 7, with_key(hold_command(&other.request, 3, "ann", "9"), 7, 8)), OK);
		assert_int_equal(other.changes.event_count, 1);
		store_free(other.store);
		store_driver_release(&other);
	}
	close_room(&room);
}

/* As after a restore: traces that were kept, and a store that has the user again. */
static void forgets_again_once(void **state)
{
	struct room room;
	if (open_room(*state, &room)) {
		const struct uuid streams[] = {test_hold_id(1), test_order_id(1), test_order_id(99)};
		const struct privacy_traces traces = {.streams = streams, .stream_count = 3, .at_ms = TEST_NOW_MS + 100};
		struct audit_record record = record_of(9);
		bool has_changed = false;
		assert_int_equal(forget_again(room.privacy, &traces, &record, &room.arena, &has_changed), FORGET_DONE);
		assert_true(has_changed);
		count_all(&room, SLICE("ann"));
		assert_int_equal(room.counts[PRIVACY_EVENTS], 0);
		count_all(&room, SLICE("bob"));
		assert_int_equal(room.counts[PRIVACY_HOLDS], 1);
		assert_int_equal(forget_again(room.privacy, &traces, &record, &room.arena, &has_changed), FORGET_DONE);
		assert_false(has_changed);
		assert_int_equal(room.privacy->operations->scrub(room.privacy, false), STORE_OK);
	}
	close_room(&room);
}

static uint32_t waits_told;

static void count_waits(uint32_t wait_max_ms)
{
	assert_int_equal(wait_max_ms, 1);
	waits_told++;
}

/* The file's old pages are in its log until nobody reads them. */
static void gives_up_on_a_reader_and_says_so(void **state)
{
	struct room room;
	if (!open_room(*state, &room)) {
		close_room(&room);
		return;
	}
	bool is_file = *backend_dsn(*state) == '\0';
	struct room reader = {.privacy = backend_privacy(*state)};
	assert_int_equal(reader.privacy->operations->begin(reader.privacy, false), STORE_OK);
	assert_int_equal(reader.privacy->operations->each(reader.privacy, PRIVACY_HOLDS, SLICE("ann"), count_item, &reader), STORE_OK);
	room.privacy->wait_max_ms = 1;
	room.privacy->waits = count_waits;
	waits_told = 0;
	assert_int_equal(room.privacy->operations->scrub(room.privacy, true), is_file ? STORE_BUSY : STORE_OK);
	assert_int_equal(waits_told, is_file ? 1 : 0);
	assert_true(!is_file || strstr(room.privacy->problem, "other programs have read it") != NULL);
	assert_int_equal(reader.privacy->operations->end(reader.privacy, false), STORE_OK);
	assert_int_equal(room.privacy->operations->scrub(room.privacy, false), STORE_OK);
	privacy_free(reader.privacy);
	close_room(&room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(tells_all_that_there_is),
		BACKEND_TEST(forgets_one_and_nobody_else),
		BACKEND_TEST(gives_up_on_a_reader_and_says_so),
		BACKEND_TEST(open_holds_keep_a_user_from_being_forgotten),
		BACKEND_TEST(changes_nothing_when_it_cannot_be_kept),
		BACKEND_TEST(views_and_keys_are_void),
		BACKEND_TEST(forgets_again_once),
	};
	return backends_run("privacy", tests, ARRAY_LENGTH(tests));
}
