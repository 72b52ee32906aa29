/* test_reader.c: the contract of ports/reader.h, for every adapter. */
#include "tests/contract/backends.h"

#include <stdio.h>
#include <stdlib.h>

#include "domain/payment.h"
#include "ports/read_batch.h"
#include "tests/support/store_driver.h"

/* A shop with a sale of nine seats: hold 1 of ann (1 2, made an order that is paid), hold 2 of bob (3, until TTL + 5), hold 3 of eve
 * (4, released), hold 4 of ann (5, made order 2, pending until TTL + 7). */
struct shop {
	struct store_driver driver;
	struct reader *reader;
	struct arena arena;
};

static struct shop open_shop(struct backend *backend)
{
	struct shop shop;
	store_driver_init(&shop.driver, backend_store(backend));
	shop.reader = backend_reader(backend);
	arena_init(&shop.arena, 65536, 64 * 1024 * 1024);
	return shop;
}

static void close_shop(struct shop *shop)
{
	reader_free(shop->reader);
	store_free(shop->driver.store);
	store_driver_release(&shop->driver);
	arena_release(&shop->arena);
}

static void run(struct shop *shop, uint64_t after_ms, struct command command)
{
	assert_int_equal(store_driver_run(&shop->driver, after_ms, command), OK);
}

static struct shop open_busy_shop(struct backend *backend)
{
	struct shop shop = open_shop(backend);
	struct arena *arena = &shop.driver.request;
	run(&shop, 0, sale_create_command(arena));
	run(&shop, 1, with_key(hold_command(arena, 1, "ann", "1 2"), 3, 4));
	run(&shop, 2, order_command(arena, 1, "ann", 1));
	run(&shop, 3, hold_command(arena, 3, "eve", "4"));
	run(&shop, 4, payment_command(arena, 1, "t-1", PAYMENT_SUCCEEDED));
	run(&shop, 5, hold_command(arena, 2, "bob", "3"));
	run(&shop, 6, hold_command(arena, 4, "ann", "5"));
	run(&shop, 7, order_command(arena, 2, "ann", 4));
	run(&shop, 8, release_command(arena, 3, "eve"));
	return shop;
}

static const void *find(struct shop *shop, enum row_kind kind, struct uuid id)
{
	const struct row *row = NULL;
	assert_int_equal(shop->reader->operations->find(shop->reader, kind, &id, &shop->arena, &row), STORE_OK);
	return row;
}

static void finds_rows_by_id(void **state)
{
	struct shop shop = open_busy_shop(*state);
	const struct hold *hold = find(&shop, ROW_HOLD, test_hold_id(1));
	assert_int_equal(hold->status, HOLD_CONVERTED);
	assert_int_equal(hold->seat_count, 2);
	assert_memory_equal(hold->seats[1].text, "A-1-2", 5);
	const struct order *order = find(&shop, ROW_ORDER, test_order_id(1));
	assert_int_equal(order->status, ORDER_CONFIRMED);
	assert_int_equal(order->items[0].price, 1000);
	const struct sale *sale = find(&shop, ROW_SALE, test_event_id());
	assert_int_equal(sale->seat_count, TEST_SEAT_COUNT);
	assert_null(find(&shop, ROW_HOLD, test_hold_id(99)));
	assert_null(find(&shop, ROW_ORDER, test_hold_id(1)));
	assert_null(find(&shop, ROW_SALE, test_hold_id(1)));
	close_shop(&shop);
}

static void sees_what_was_committed_before_a_call(void **state)
{
	struct shop shop = open_busy_shop(*state);
	assert_null(find(&shop, ROW_HOLD, test_hold_id(5)));
	run(&shop, 9, hold_command(&shop.driver.request, 5, "ann", "9"));
	assert_non_null(find(&shop, ROW_HOLD, test_hold_id(5)));
	close_shop(&shop);
}

static void a_history_is_in_order_and_paged(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct uuid stream = test_order_id(1);
	struct event_list list;
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 0, 10, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.records[0].type, EVENT_ORDER_CREATED);
	assert_int_equal(list.records[1].type, EVENT_ORDER_CONFIRMED);
	assert_int_equal(list.records[1].sequence, 2);
	assert_int_equal(list.records[1].occurred_at_ms, TEST_NOW_MS + 4);
	assert_true(slice_equal_string(list.records[1].actor, "payment"));
	assert_true(slice_equal_string(list.records[1].data, "{\"n\":2}"));
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 0, 1, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 1);
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 1, 10, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.records[0].sequence, 2);
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 2, 10, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	close_shop(&shop);
}

static void events_keep_their_metadata(void **state)
{
	struct shop shop = open_shop(*state);
	struct arena *arena = &shop.driver.request;
	run(&shop, 0, sale_create_command(arena));
	struct command command = with_key(hold_command(arena, 1, "ann", "1"), 3, 4);
	command.trace = (struct trace_context){.trace_id = {1, 2, 3}, .span_id = {4, 5}, .flags = TRACE_SAMPLED};
	run(&shop, 1, command);
	struct uuid stream = test_hold_id(1);
	struct event_list list;
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 0, 10, &shop.arena, &list), STORE_OK);
	const struct event_record *record = &list.records[0];
	assert_true(uuid_equal(&record->stream_id, &stream));
	assert_true(slice_equal_string(record->actor, "ann"));
	assert_memory_equal(record->trace.trace_id, command.trace.trace_id, sizeof command.trace.trace_id);
	assert_memory_equal(record->trace.span_id, command.trace.span_id, sizeof command.trace.span_id);
	assert_int_equal(record->trace.flags, TRACE_SAMPLED);
	assert_true(record->idempotency.is_present);
	assert_int_equal(record->idempotency.key[0], 3);
	assert_int_equal(record->idempotency.fingerprint[0], 4);
	stream = test_event_id();
	assert_int_equal(shop.reader->operations->list_history(shop.reader, &stream, 0, 10, &shop.arena, &list), STORE_OK);
	assert_false(list.records[0].idempotency.is_present);
	close_shop(&shop);
}

static void all_events_are_in_the_order_of_their_ids_and_paged(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct event_list list;
	struct uuid last = {0};
	uint32_t count = 0;
	do {
		const struct uuid *after = count == 0 ? NULL : &last;
		assert_int_equal(shop.reader->operations->list_events(shop.reader, after, 2, &shop.arena, &list), STORE_OK);
		for (uint32_t i = 0; i < list.count; i++) {
			assert_true(uuid_compare(&list.records[i].id, &last) > 0);
			last = list.records[i].id;
			count++;
		}
	} while (list.count > 0);
	assert_int_equal(count, 9);
	close_shop(&shop);
}

static struct seat_list seats(struct shop *shop, enum seat_status status, uint64_t after, uint32_t limit, uint64_t after_ms)
{
	struct seat_query query = {
		.event_id = test_event_id(), .status = status, .after_position = after, .limit = limit, .now_ms = TEST_NOW_MS + after_ms};
	struct seat_list list;
	assert_int_equal(shop->reader->operations->list_seats(shop->reader, &query, &shop->arena, &list), STORE_OK);
	return list;
}

static void seats_are_in_the_order_of_the_layout_and_paged(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct seat_list list = seats(&shop, 0, 0, 100, 8);
	assert_int_equal(list.count, TEST_SEAT_COUNT);
	static const enum seat_status expected[TEST_SEAT_COUNT] = {SEAT_SOLD,      SEAT_SOLD,      SEAT_HELD,
	                                                           SEAT_AVAILABLE, SEAT_RESERVED,  SEAT_AVAILABLE,
	                                                           SEAT_AVAILABLE, SEAT_AVAILABLE, SEAT_AVAILABLE};
	for (uint32_t i = 0; i < list.count; i++) {
		struct seat_label label = test_label(i + 1);
		assert_true(slice_equal(list.entries[i].seat, seat_label_slice(&label)));
		assert_int_equal(list.entries[i].status, expected[i]);
		assert_int_equal(list.entries[i].price, 1000);
		assert_true(slice_equal_string(list.entries[i].section, "A"));
		assert_true(slice_equal_string(list.entries[i].row, "1"));
		assert_true(list.entries[i].version > 0);
	}
	struct seat_list page = seats(&shop, 0, list.entries[6].position, 1, 8);
	assert_int_equal(page.count, 1);
	assert_int_equal(page.entries[0].position, list.entries[7].position);
	assert_int_equal(seats(&shop, 0, list.entries[8].position, 10, 8).count, 0);
	assert_int_equal(list.next_position, 0);
	assert_int_equal(page.next_position, page.entries[0].position);
	assert_int_equal(seats(&shop, 0, list.entries[7].position, 1, 8).next_position, 0);
	assert_int_equal(seats(&shop, 0, UINT64_MAX, 10, 8).count, 0);
	close_shop(&shop);
}

static void seats_are_filtered_by_what_they_are_now(void **state)
{
	struct shop shop = open_busy_shop(*state);
	assert_int_equal(seats(&shop, SEAT_SOLD, 0, 100, 8).count, 2);
	assert_int_equal(seats(&shop, SEAT_HELD, 0, 100, 8).count, 1);
	assert_int_equal(seats(&shop, SEAT_RESERVED, 0, 100, 8).count, 1);
	assert_int_equal(seats(&shop, SEAT_AVAILABLE, 0, 100, 8).count, 5);
	assert_int_equal(seats(&shop, SEAT_AVAILABLE, 0, 2, 8).count, 2);
	/* From its deadline on a hold has no seats, and later its order neither. */
	assert_int_equal(seats(&shop, SEAT_HELD, 0, 100, TEST_HOLD_TTL_MS + 4).count, 1);
	assert_int_equal(seats(&shop, SEAT_HELD, 0, 100, TEST_HOLD_TTL_MS + 5).count, 0);
	assert_int_equal(seats(&shop, SEAT_AVAILABLE, 0, 100, TEST_HOLD_TTL_MS + 5).count, 6);
	assert_int_equal(seats(&shop, SEAT_RESERVED, 0, 100, TEST_ORDER_TTL_MS + 6).count, 1);
	assert_int_equal(seats(&shop, SEAT_RESERVED, 0, 100, TEST_ORDER_TTL_MS + 7).count, 0);
	assert_int_equal(seats(&shop, SEAT_SOLD, 0, 100, TEST_ORDER_TTL_MS * 2).count, 2);
	close_shop(&shop);
}

static struct section_count_list counts(struct shop *shop, struct uuid event_id, uint64_t after_ms)
{
	struct section_count_list list;
	assert_int_equal(shop->reader->operations->count_seats(shop->reader, &event_id, TEST_NOW_MS + after_ms, &shop->arena, &list),
	                 STORE_OK);
	return list;
}

static void sections_are_counted_by_what_their_seats_are_now(void **state)
{
	struct shop shop = open_busy_shop(*state);
	if (shop.reader->operations->count_seats != NULL) {
		/* From its deadline on a hold has no seats, and later its order neither. */
		static const uint64_t moments[] = {8, TEST_HOLD_TTL_MS + 4, TEST_HOLD_TTL_MS + 5, TEST_ORDER_TTL_MS + 6,
		                                   TEST_ORDER_TTL_MS * 2};
		for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
			struct section_count_list list = counts(&shop, test_event_id(), moments[i]);
			assert_int_equal(list.count, 1);
			assert_true(slice_equal_string(list.sections[0].name, "A"));
			assert_int_equal(list.sections[0].total, TEST_SEAT_COUNT);
			assert_int_equal(list.sections[0].available, seats(&shop, SEAT_AVAILABLE, 0, 100, moments[i]).count);
			assert_int_equal(list.sections[0].price_from, 1000);
		}
		assert_int_equal(counts(&shop, test_hold_id(1), 8).count, 0);
	}
	close_shop(&shop);
}

static void an_unknown_event_has_no_seats(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct seat_query query = {.event_id = test_hold_id(1), .limit = 10, .now_ms = TEST_NOW_MS};
	struct seat_list list;
	assert_int_equal(shop.reader->operations->list_seats(shop.reader, &query, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	close_shop(&shop);
}

static struct due_list due(struct shop *shop, uint64_t after_ms, uint32_t limit)
{
	struct due_list list;
	assert_int_equal(shop->reader->operations->list_due(shop->reader, TEST_NOW_MS + after_ms, limit, &shop->arena, &list), STORE_OK);
	return list;
}

static void holds_and_orders_that_are_due_are_listed_by_deadline(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct due_list list = due(&shop, 8, 10);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.next_deadline_ms, TEST_NOW_MS + TEST_HOLD_TTL_MS + 5);

	list = due(&shop, TEST_HOLD_TTL_MS + 5, 10);
	struct uuid hold_id = test_hold_id(2), order_id = test_order_id(2);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].kind, ROW_HOLD);
	assert_true(uuid_equal(&list.items[0].id, &hold_id));
	assert_int_equal(list.items[0].deadline_ms, TEST_NOW_MS + TEST_HOLD_TTL_MS + 5);
	assert_int_equal(list.next_deadline_ms, TEST_NOW_MS + TEST_ORDER_TTL_MS + 7);

	list = due(&shop, TEST_ORDER_TTL_MS + 7, 10);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[1].kind, ROW_ORDER);
	assert_true(uuid_equal(&list.items[1].id, &order_id));
	assert_int_equal(list.next_deadline_ms, UINT64_MAX);

	list = due(&shop, TEST_ORDER_TTL_MS + 7, 1);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].kind, ROW_HOLD);
	close_shop(&shop);
}

static void ended_holds_and_orders_are_not_due(void **state)
{
	struct shop shop = open_busy_shop(*state);
	run(&shop, TEST_ORDER_TTL_MS + 8, hold_expire_command(&shop.driver.request, 2));
	run(&shop, TEST_ORDER_TTL_MS + 8, order_expire_command(&shop.driver.request, 2));
	struct due_list list = due(&shop, TEST_ORDER_TTL_MS * 2, 10);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.next_deadline_ms, UINT64_MAX);
	close_shop(&shop);
}

/* Walks all rows of the kind, two at a time, and answers how many there are. */
static uint32_t scan(struct shop *shop, enum row_kind kind, const struct row *rows[static 16])
{
	const struct row **page;
	uint32_t count = 0, page_count;
	do {
		const struct row *after = count == 0 ? NULL : rows[count - 1];
		assert_int_equal(shop->reader->operations->scan(shop->reader, kind, after, 2, &shop->arena, &page, &page_count), STORE_OK);
		for (uint32_t i = 0; i < page_count; i++) {
			assert_true(count < 16);
			assert_int_equal(page[i]->kind, kind);
			assert_true(page[i]->version > 0);
			rows[count++] = page[i];
		}
	} while (page_count > 0);
	return count;
}

static void scans_every_row_in_the_order_of_its_key(void **state)
{
	struct shop shop = open_busy_shop(*state);
	const struct row *rows[16];
	assert_int_equal(scan(&shop, ROW_SALE, rows), 1);
	assert_int_equal(scan(&shop, ROW_SEAT, rows), TEST_SEAT_COUNT);
	for (uint32_t i = 0; i < TEST_SEAT_COUNT; i++) {
		struct seat_label label = test_label(i + 1);
		assert_true(seat_label_equal(&((const struct seat *)(const void *)rows[i])->label, &label));
	}
	assert_int_equal(scan(&shop, ROW_HOLD, rows), 4);
	for (uint32_t i = 0; i < 4; i++) {
		struct uuid id = test_hold_id(i + 1);
		assert_true(uuid_equal(&((const struct hold *)(const void *)rows[i])->hold_id, &id));
	}
	assert_int_equal(scan(&shop, ROW_ORDER, rows), 2);
	assert_int_equal(((const struct order *)(const void *)rows[1])->items[0].price, 1000);
	assert_int_equal(scan(&shop, ROW_PAYMENT, rows), 1);
	const struct payment *payment = (const struct payment *)(const void *)rows[0];
	assert_true(slice_equal_string(short_text_slice(&payment->transaction_id), "t-1"));
	assert_int_equal(payment->status, PAYMENT_SUCCEEDED);
	close_shop(&shop);
}

static void an_empty_database_has_nothing(void **state)
{
	struct shop shop = open_shop(*state);
	const struct row *rows[16];
	struct event_list list;
	struct ping ping = {.problem = "not filled"};
	for (enum row_kind kind = ROW_SALE; kind < ROW_KEY; kind++)
		assert_int_equal(scan(&shop, kind, rows), 0);
	assert_int_equal(shop.reader->operations->list_events(shop.reader, NULL, 10, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 0);
	assert_int_equal(due(&shop, 0, 10).next_deadline_ms, UINT64_MAX);
	assert_int_equal(shop.reader->operations->ping(shop.reader, &ping), STORE_OK);
	assert_string_equal(ping.problem, "");
	close_shop(&shop);
}

static void a_snapshot_is_of_one_moment(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct event_list list;
	assert_int_equal(shop.reader->operations->snapshot_begin(shop.reader), STORE_OK);
	assert_non_null(find(&shop, ROW_HOLD, test_hold_id(1)));
	assert_int_equal(seats(&shop, SEAT_AVAILABLE, 0, 100, 8).count, 5);
	shop.reader->operations->snapshot_end(shop.reader);
	run(&shop, 9, hold_command(&shop.driver.request, 5, "ann", "9"));
	assert_int_equal(shop.reader->operations->snapshot_begin(shop.reader), STORE_OK);
	assert_int_equal(seats(&shop, SEAT_AVAILABLE, 0, 100, 9).count, 4);
	assert_int_equal(shop.reader->operations->list_events(shop.reader, NULL, 100, &shop.arena, &list), STORE_OK);
	assert_int_equal(list.count, 10);
	shop.reader->operations->snapshot_end(shop.reader);
	close_shop(&shop);
}

static struct catalog_change_list changes_of(struct shop *shop, const struct uuid *after)
{
	struct catalog_change_list list;
	assert_int_equal(shop->reader->operations->list_catalog_changes(shop->reader, after, 10, &shop->arena, &list), STORE_OK);
	return list;
}

static void drop(struct shop *shop, struct catalog_change change)
{
	assert_int_equal(shop->reader->operations->drop_catalog_change(shop->reader, &change), STORE_OK);
}

static void a_change_of_a_sale_is_listed_until_that_very_change_is_dropped(void **state)
{
	struct shop shop = open_shop(*state);
	struct arena *arena = &shop.driver.request;
	const struct uuid event_id = test_event_id();
	assert_int_equal(changes_of(&shop, NULL).count, 0);
	run(&shop, 0, sale_create_command(arena));
	struct catalog_change made = changes_of(&shop, NULL).changes[0];
	assert_int_equal(changes_of(&shop, NULL).count, 1);
	assert_true(uuid_equal(&made.event_id, &event_id));
	assert_int_equal(made.version, ((const struct sale *)find(&shop, ROW_SALE, event_id))->row.version);
	assert_int_equal(changes_of(&shop, &event_id).count, 0);

	/* A command that only reads the sale changes nothing about it. */
	run(&shop, 1, hold_command(arena, 1, "ann", "1 2"));
	assert_int_equal(changes_of(&shop, NULL).changes[0].version, made.version);

	/* Bringing the first version to the catalog does not bring the second. */
	run(&shop, 2, sale_command(arena, COMMAND_SALE_PAUSE));
	struct catalog_change paused = changes_of(&shop, NULL).changes[0];
	assert_int_equal(changes_of(&shop, NULL).count, 1);
	assert_true(paused.version > made.version);
	drop(&shop, made);
	assert_int_equal(changes_of(&shop, NULL).count, 1);
	drop(&shop, paused);
	assert_int_equal(changes_of(&shop, NULL).count, 0);
	drop(&shop, paused);

	run(&shop, 3, sale_command(arena, COMMAND_SALE_RESUME));
	assert_int_equal(changes_of(&shop, NULL).count, 1);
	close_shop(&shop);
}

static void says_when_the_arena_is_full(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct arena small;
	struct event_list list = {.count = 77};
	arena_init(&small, 1024, 1024);
	assert_int_not_equal(shop.reader->operations->list_events(shop.reader, NULL, 1000, &small, &list), STORE_OK);
	assert_int_equal(list.count, 77);
	arena_release(&small);
	close_shop(&shop);
}

/* The answers of a batch, as text: rows by their owners, lists by their lengths. */
struct answers {
	const struct read *reads;
	struct arena *arena;
	char text[16][16];
	uint32_t count;
	bool has_list;
};

static struct slice owner_of(const struct row *row)
{
	if (row == NULL || row->kind == ROW_SALE)
		return row == NULL ? SLICE("nobody") : SLICE("sale");
	return short_text_slice(row->kind == ROW_HOLD ? &container_of(row, const struct hold, row)->user
	                                              : &container_of(row, const struct order, row)->user);
}

static void take_answer(void *context, uint32_t index, enum store_result result, const union read_answer *answer)
{
	struct answers *answers = context;
	const struct read *read = &answers->reads[index];
	assert_int_equal(result, STORE_OK);
	assert_string_equal(answers->text[index], "");
	answers->count++;
	answers->has_list |= read->kind != READ_ROW;
	assert_true(read->kind != READ_ROW || !answers->has_list);
	uint32_t length = read->kind == READ_HISTORY ? answer->history.count
	                  : read->kind == READ_SEATS ? answer->seats.count
	                                             : answer->refunds.count;
	struct slice owner = read->kind == READ_ROW ? owner_of(answer->row) : (struct slice){0};
	if (read->kind == READ_ROW)
		(void)snprintf(answers->text[index], sizeof answers->text[index], "%.*s", (int)owner.length, owner.data);
	else
		(void)snprintf(answers->text[index], sizeof answers->text[index], "%u", length);
	arena_clear(answers->arena);
}

static struct read row_read(enum row_kind kind, struct uuid id)
{
	struct read read = {.kind = READ_ROW};
	read.row.kind = kind;
	read.row.id = id;
	return read;
}

static struct read history_read(struct uuid id, uint32_t after, uint32_t limit)
{
	struct read read = {.kind = READ_HISTORY};
	read.history.stream_id = id;
	read.history.after = after;
	read.history.limit = limit;
	return read;
}

static struct read seats_read(struct uuid id, enum seat_status status)
{
	struct read read = {.kind = READ_SEATS};
	read.seats = (struct seat_query){.event_id = id, .status = status, .limit = 100, .now_ms = TEST_NOW_MS + 8};
	return read;
}

static void reads_together_answer_as_reads_one_by_one(void **state)
{
	struct shop shop = open_busy_shop(*state);
	const struct read reads[] = {
		row_read(ROW_HOLD, test_hold_id(2)),   row_read(ROW_ORDER, test_order_id(1)),
		row_read(ROW_HOLD, test_hold_id(99)),  row_read(ROW_SALE, test_event_id()),
		row_read(ROW_HOLD, test_hold_id(1)),   row_read(ROW_HOLD, test_hold_id(2)), /* once more */
		row_read(ROW_ORDER, test_hold_id(1)),  row_read(ROW_HOLD, test_hold_id(3)),
		history_read(test_order_id(1), 0, 10), history_read(test_order_id(1), 1, 10),
		seats_read(test_event_id(), 0),        seats_read(test_event_id(), SEAT_AVAILABLE),
		history_read(test_hold_id(99), 0, 10), {.kind = READ_REFUNDS, .refunds = {.limit = 10}},
	};
	static const char *const texts[] = {"bob", "ann", "nobody", "sale", "ann", "bob", "nobody", "eve", "2", "1", "9", "5", "0", "0"};
	struct answers answers = {.reads = reads, .arena = &shop.arena};
	const struct read_batch batch = {
		.reads = reads, .count = ARRAY_LENGTH(reads), .arena = &shop.arena, .answered = take_answer, .context = &answers};
	assert_int_equal(reader_read_all(shop.reader, &batch), STORE_OK);
	assert_int_equal(answers.count, ARRAY_LENGTH(reads));
	for (uint32_t i = 0; i < ARRAY_LENGTH(reads); i++)
		assert_string_equal(answers.text[i], texts[i]);
	close_shop(&shop);
}

static void count_answer(void *context, uint32_t index, enum store_result result, const union read_answer *answer)
{
	assert_true(index < READS_MAX && result == STORE_OK && answer != NULL);
	++*(uint32_t *)context;
}

static void as_many_as_there_may_be_are_read_at_once(void **state)
{
	struct shop shop = open_busy_shop(*state);
	struct read *reads = calloc(READS_MAX, sizeof *reads);
	assert_non_null(reads);
	for (uint32_t i = 0; i < READS_MAX; i++)
		reads[i] = i < READS_MAX / 2 ? row_read(ROW_HOLD, test_hold_id(2)) : history_read(test_order_id(1), 0, 10);
	uint32_t count = 0;
	const struct read_batch batch = {
		.reads = reads, .count = READS_MAX, .arena = &shop.arena, .answered = count_answer, .context = &count};
	assert_int_equal(reader_read_all(shop.reader, &batch), STORE_OK);
	assert_int_equal(count, READS_MAX);
	free(reads);
	close_shop(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(finds_rows_by_id),
		BACKEND_TEST(sees_what_was_committed_before_a_call),
		BACKEND_TEST(a_history_is_in_order_and_paged),
		BACKEND_TEST(events_keep_their_metadata),
		BACKEND_TEST(all_events_are_in_the_order_of_their_ids_and_paged),
		BACKEND_TEST(seats_are_in_the_order_of_the_layout_and_paged),
		BACKEND_TEST(seats_are_filtered_by_what_they_are_now),
		BACKEND_TEST(sections_are_counted_by_what_their_seats_are_now),
		BACKEND_TEST(an_unknown_event_has_no_seats),
		BACKEND_TEST(holds_and_orders_that_are_due_are_listed_by_deadline),
		BACKEND_TEST(ended_holds_and_orders_are_not_due),
		BACKEND_TEST(scans_every_row_in_the_order_of_its_key),
		BACKEND_TEST(an_empty_database_has_nothing),
		BACKEND_TEST(a_snapshot_is_of_one_moment),
		BACKEND_TEST(a_change_of_a_sale_is_listed_until_that_very_change_is_dropped),
		BACKEND_TEST(says_when_the_arena_is_full),
		BACKEND_TEST(reads_together_answer_as_reads_one_by_one),
		BACKEND_TEST(as_many_as_there_may_be_are_read_at_once),
	};
	return backends_run("reader", tests, ARRAY_LENGTH(tests));
}
