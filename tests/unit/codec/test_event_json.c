/* test_event_json.c: events as JSON, and back again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "codec/event_json.h"
#include "codec/sale_json.h"
#include "tests/support/commands.h"

struct fixture {
	struct arena arena;
	struct buffer buffer;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	arena_init(&fixture.arena, 65536, 4 * 1024 * 1024);
	buffer_init(&fixture.buffer, NULL, 1024 * 1024);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	arena_release(&fixture->arena);
	buffer_release(&fixture->buffer);
	return 0;
}

static struct slice written(struct fixture *fixture, const struct event *event)
{
	buffer_clear(&fixture->buffer);
	event_data_write(&fixture->buffer, event);
	assert_false(fixture->buffer.failed);
	return buffer_slice(&fixture->buffer);
}

/* Writes the event and reads it into another of which only type and stream are known, as replay does. */
static struct event read_back(struct fixture *fixture, const struct event *event)
{
	struct slice data = written(fixture, event);
	struct event copy = {.type = event->type, .stream_id = event->stream_id};
	assert_int_equal(event_data_read(data, &fixture->arena, &copy), OK);
	assert_true(slice_equal(copy.data, data));
	return copy;
}

static void assert_items_equal(const struct event *a, const struct event *b)
{
	assert_int_equal(a->item_count, b->item_count);
	for (uint32_t i = 0; i < a->item_count; i++) {
		assert_true(seat_label_equal(&a->items[i].seat, &b->items[i].seat));
		assert_int_equal(a->items[i].price, b->items[i].price);
	}
}

static const struct order_item free_items[] = {{.seat = {3, "A-1"}}, {.seat = {9, "L\u00f4ge \"2\""}}};
static const struct order_item priced_items[] = {{.seat = {3, "A-1"}, .price = 0}, {.seat = {3, "A-2"}, .price = PRICE_MAX}};

static struct event hold_event(enum event_type type)
{
	return (struct event){
		.type = type,
		.stream_id = test_hold_id(1),
		.event_id = test_event_id(),
		.user = SLICE("ann@example.org \\ \"x\" \u00e9"),
		.created_at_ms = TEST_NOW_MS,
		.deadline_ms = TEST_NOW_MS + 1,
		.items = free_items,
		.item_count = ARRAY_LENGTH(free_items),
	};
}

static struct event order_event(enum event_type type, enum order_status status)
{
	return (struct event){
		.type = type,
		.stream_id = test_order_id(1),
		.event_id = test_event_id(),
		.hold_id = test_hold_id(1),
		.user = SLICE("ann"),
		.created_at_ms = TEST_NOW_MS,
		.deadline_ms = TEST_NOW_MS + 1,
		.items = priced_items,
		.item_count = ARRAY_LENGTH(priced_items),
		.order_status = status,
		.payment_method = PAYMENT_METHOD_TRANSFER,
		.total = PRICE_MAX,
		.currency = {"EUR"},
	};
}

static void hold_events_come_back(void **state)
{
	static const enum event_type types[] = {EVENT_HOLD_CREATED, EVENT_HOLD_RELEASED, EVENT_HOLD_EXPIRED};
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		struct event event = hold_event(types[i]);
		struct event copy = read_back(*state, &event);
		assert_true(uuid_equal(&copy.event_id, &event.event_id));
		assert_true(slice_equal(copy.user, event.user));
		assert_int_equal(copy.created_at_ms, event.created_at_ms);
		assert_int_equal(copy.deadline_ms, event.deadline_ms);
		assert_items_equal(&copy, &event);
	}
}

static void order_events_come_back(void **state)
{
	static const struct {
		enum event_type type;
		enum order_status status;
		const char *transaction;
		enum payment_status payment_status;
		bool refund_required;
	} cases[] = {
		{EVENT_ORDER_CREATED, ORDER_PENDING, NULL, PAYMENT_SUCCEEDED, false},
		{EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED, "t-1", PAYMENT_SUCCEEDED, false},
		{EVENT_ORDER_FAILED, ORDER_FAILED, "t-2", PAYMENT_FAILED, false},
		{EVENT_ORDER_EXPIRED, ORDER_EXPIRED, NULL, PAYMENT_SUCCEEDED, false},
		{EVENT_ORDER_CANCELLED, ORDER_CANCELLED, NULL, PAYMENT_SUCCEEDED, true},
		{EVENT_ORDER_REFUND_REQUIRED, ORDER_EXPIRED, "t-3", PAYMENT_SUCCEEDED, true},
		{EVENT_ORDER_PAYMENT_FAILED, ORDER_CANCELLED, "t-4", PAYMENT_FAILED, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct event event = order_event(cases[i].type, cases[i].status);
		event.refund_required = cases[i].refund_required;
		event.transaction_id = slice_of(cases[i].transaction);
		event.payment_status = cases[i].payment_status;
		struct event copy = read_back(*state, &event);
		assert_true(uuid_equal(&copy.event_id, &event.event_id));
		assert_true(uuid_equal(&copy.hold_id, &event.hold_id));
		assert_true(slice_equal(copy.user, event.user));
		assert_int_equal(copy.created_at_ms, event.created_at_ms);
		assert_int_equal(copy.deadline_ms, event.deadline_ms);
		assert_int_equal(copy.order_status, event.order_status);
		assert_int_equal(copy.payment_method, event.payment_method);
		assert_int_equal(copy.refund_required, event.refund_required);
		assert_int_equal(copy.total, event.total);
		assert_string_equal(copy.currency.code, "EUR");
		assert_true(slice_equal(copy.transaction_id, event.transaction_id));
		if (event.transaction_id.length > 0)
			assert_int_equal(copy.payment_status, event.payment_status);
		assert_items_equal(&copy, &event);
	}
}

static struct event sale_created(void)
{
	return (struct event){
		.type = EVENT_SALE_CREATED,
		.stream_id = test_event_id(),
		.event_id = test_event_id(),
		.created_at_ms = TEST_NOW_MS,
		.details = {.name = SLICE("Opera"), .venue = SLICE("House"), .starts_at_ms = TEST_NOW_MS + 86400000},
		.currency = {"JPY"},
	};
}

static void assert_sale_equal(const struct event *a, const struct event *b)
{
	assert_true(uuid_equal(&a->event_id, &b->event_id));
	assert_int_equal(a->created_at_ms, b->created_at_ms);
	assert_true(slice_equal(a->details.name, b->details.name));
	assert_true(slice_equal(a->details.venue, b->details.venue));
	assert_true(slice_equal(a->details.description, b->details.description));
	assert_int_equal(a->details.starts_at_ms, b->details.starts_at_ms);
	assert_int_equal(a->on_sale_from_ms, b->on_sale_from_ms);
	assert_int_equal(a->on_sale_until_ms, b->on_sale_until_ms);
	assert_int_equal(a->seat_count, b->seat_count);
	assert_string_equal(a->currency.code, b->currency.code);
	assert_int_equal(a->layout.section_count, b->layout.section_count);
	assert_int_equal(a->layout.seat_count, b->layout.seat_count);
}

static void an_event_with_sections_comes_back(void **state)
{
	static const struct layout_section sections[] = {{.name = SLICE("A"), .price = PRICE_MAX, .rows = 3, .seats_per_row = 4},
	                                                 {.name = SLICE("B b"), .price = 0, .rows = 1, .seats_per_row = 1}};
	struct event event = sale_created();
	event.layout = (struct layout){.sections = sections, .section_count = 2};
	event.seat_count = 13;
	event.details.description = SLICE("in four acts");
	event.on_sale_from_ms = TEST_NOW_MS;
	event.on_sale_until_ms = TEST_NOW_MS + 5;
	struct event copy = read_back(*state, &event);
	assert_sale_equal(&copy, &event);
	assert_true(slice_equal(copy.layout.sections[1].name, sections[1].name));
	assert_int_equal(copy.layout.sections[0].price, PRICE_MAX);
	assert_int_equal(copy.layout.sections[0].rows, 3);
	assert_int_equal(copy.layout.sections[0].seats_per_row, 4);
}

static void an_event_with_listed_seats_comes_back(void **state)
{
	static const struct layout_seat seats[] = {{.seat = SLICE("1"), .price = 5},
	                                           {.seat = SLICE("2"), .section = SLICE("S"), .row = SLICE("R"), .price = 6}};
	struct event event = sale_created();
	event.layout = (struct layout){.seats = seats, .seat_count = 2};
	event.seat_count = 2;
	struct event copy = read_back(*state, &event);
	assert_sale_equal(&copy, &event);
	assert_true(slice_equal_string(copy.layout.seats[0].seat, "1"));
	assert_int_equal(copy.layout.seats[0].section.length, 0);
	assert_true(slice_equal_string(copy.layout.seats[1].section, "S"));
	assert_true(slice_equal_string(copy.layout.seats[1].row, "R"));
	assert_int_equal(copy.layout.seats[1].price, 6);
}

static void events_that_change_a_sale_come_back(void **state)
{
	static const enum event_type types[] = {EVENT_SALE_PAUSED, EVENT_SALE_RESUMED, EVENT_SALE_CANCELLED};
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		struct event event = {.type = types[i], .stream_id = test_event_id(), .event_id = test_event_id()};
		struct event copy = read_back(*state, &event);
		assert_true(uuid_equal(&copy.event_id, &event.event_id));
	}
}

/* A test compares ids and times as the data has them. */
static void assert_text(struct slice text, const char *format, const struct uuid *first, const struct uuid *second,
                        const struct uuid *third)
{
	char ids[3][UUID_TEXT_LENGTH + 1];
	uuid_format(first, ids[0]);
	uuid_format(second, ids[1]);
	uuid_format(third, ids[2]);
	char expected[1024];
	snprintf(expected, sizeof expected, format, ids[0], ids[1], ids[2]);
	char actual[1024];
	snprintf(actual, sizeof actual, "%.*s", SLICE_PRINT(text));
	assert_string_equal(actual, expected);
}

static void the_data_is_the_resource_as_clients_see_it(void **state)
{
	struct event hold = hold_event(EVENT_HOLD_RELEASED);
	hold.user = SLICE("ann");
	assert_text(written(*state, &hold),
	            "{\"hold_id\":\"%s\",\"event_id\":\"%s\",\"user_id\":\"ann\",\"seats\":[\"A-1\",\"L\u00f4ge \\\"2\\\"\"],"
	            "\"status\":\"RELEASED\",\"expires_at\":\"2027-01-15T08:00:00.001Z\",\"created_at\":\"2027-01-15T08:00:00.000Z\"}",
	            &hold.stream_id, &hold.event_id, &hold.event_id);
	struct event order = order_event(EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED);
	order.transaction_id = SLICE("t-1");
	order.payment_status = PAYMENT_SUCCEEDED;
	assert_text(written(*state, &order),
	            "{\"order_id\":\"%s\",\"event_id\":\"%s\",\"hold_id\":\"%s\",\"user_id\":\"ann\",\"status\":\"CONFIRMED\","
	            "\"total\":1000000000000,\"currency\":\"EUR\",\"payment_method\":\"transfer\",\"pay_by\":\"2027-01-15T08:00:00.001Z\","
	            "\"refund_required\":false,\"refunds_due\":0,\"items\":[{\"seat\":\"A-1\",\"price\":0},{\"seat\":\"A-2\",\"price\":"
	            "1000000000000}],"
	            "\"created_at\":\"2027-01-15T08:00:00.000Z\",\"transaction_id\":\"t-1\",\"payment_status\":\"SUCCEEDED\"}",
	            &order.stream_id, &order.event_id, &order.hold_id);
}

/* With all that has to do with money. */
static struct event refunded_event(void)
{
	struct event event = order_event(EVENT_ORDER_REFUNDED, ORDER_REFUNDED);
	event.transaction_id = SLICE("t-1");
	event.payment_status = PAYMENT_REFUNDED;
	event.has_paid = true;
	event.paid_amount = 7;
	event.paid_currency = (struct currency){"USD"};
	event.refunds_due = 12;
	event.refund_required = true;
	for (uint32_t i = 0; i < REFUNDS_PER_PAYMENT_MAX; i++)
		event.refunds[event.refund_count++] = (struct event_refund){
			.refund_id = test_hold_id(i),
			.transaction_id = SLICE("t-1"),
			.amount = 5 + i,
			.currency = {"USD"},
			.reason = i == 0 ? REFUND_OVERPAYMENT : REFUND_EVENT_CANCELLED,
			.status = i == 0 ? REFUND_DUE : REFUND_DONE,
			.created_at_ms = UINT64_C(1800000000000),
			.done_at_ms = i == 0 ? 0 : UINT64_C(1800000000001),
		};
	return event;
}

static void refunds_come_back(void **state)
{
	struct event event = refunded_event();
	struct event copy = read_back(*state, &event);
	assert_int_equal(copy.order_status, ORDER_REFUNDED);
	assert_int_equal(copy.payment_status, PAYMENT_REFUNDED);
	assert_true(copy.has_paid);
	assert_int_equal(copy.paid_amount, 7);
	assert_string_equal(copy.paid_currency.code, "USD");
	assert_int_equal(copy.refunds_due, 12);
	assert_int_equal(copy.refund_count, 2);
	for (uint32_t i = 0; i < copy.refund_count; i++) {
		assert_true(uuid_equal(&copy.refunds[i].refund_id, &event.refunds[i].refund_id));
		assert_true(slice_equal(copy.refunds[i].transaction_id, event.refunds[i].transaction_id));
		assert_int_equal(copy.refunds[i].amount, event.refunds[i].amount);
		assert_string_equal(copy.refunds[i].currency.code, event.refunds[i].currency.code);
		assert_int_equal(copy.refunds[i].reason, event.refunds[i].reason);
		assert_int_equal(copy.refunds[i].status, event.refunds[i].status);
		assert_int_equal(copy.refunds[i].created_at_ms, event.refunds[i].created_at_ms);
		assert_int_equal(copy.refunds[i].done_at_ms, event.refunds[i].done_at_ms);
	}
	assert_true(event_answer_differs(&event));
}

static void an_event_of_before_there_were_refunds_asks_for_the_total(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		enum order_status status;
		enum refund_reason reason;
	} cases[] = {{ORDER_CONFIRMED, REFUND_DUPLICATE_PAYMENT}, {ORDER_EXPIRED, REFUND_LATE_PAYMENT}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct event event = order_event(EVENT_ORDER_REFUND_REQUIRED, cases[i].status);
		event.transaction_id = SLICE("t-1");
		event.payment_status = PAYMENT_SUCCEEDED;
		event.refund_required = true;
		event.refunds_due = REFUNDS_DUE_UNKNOWN; /* it is not written then */
		struct slice data = arena_copy(&fixture->arena, written(fixture, &event));
		assert_null(memmem(data.data, data.length, "refunds", 7));
		struct event copy = {.id = test_hold_id(9), .type = event.type, .stream_id = event.stream_id, .occurred_at_ms = 77};
		assert_int_equal(event_data_read(data, &fixture->arena, &copy), OK);
		assert_int_equal(copy.refunds_due, REFUNDS_DUE_UNKNOWN);
		assert_int_equal(copy.refund_count, 1);
		assert_true(uuid_equal(&copy.refunds[0].refund_id, &copy.id));
		assert_int_equal(copy.refunds[0].amount, event.total);
		assert_int_equal(copy.refunds[0].reason, cases[i].reason);
		assert_int_equal(copy.refunds[0].created_at_ms, 77);
		/* Written again, for a repeat of the payment, it has the same text. */
		assert_true(slice_equal(written(fixture, &copy), data));
	}
}

static void a_refund_is_written_for_clients(void **state)
{
	struct fixture *fixture = *state;
	const struct refund refund = {.refund_id = test_hold_id(1),
	                              .order_id = test_order_id(1),
	                              .event_id = test_event_id(),
	                              .transaction_id = {3, "t-1"},
	                              .amount = 5,
	                              .currency = {"EUR"},
	                              .reason = REFUND_MISMATCH,
	                              .status = REFUND_DUE,
	                              .created_at_ms = UINT64_C(1800000000000)};
	struct json_writer writer = json_writer_on(&fixture->buffer);
	buffer_clear(&fixture->buffer);
	refund_write(&writer, &refund);
	buffer_append_byte(&fixture->buffer, '\0');
	assert_non_null(strstr(fixture->buffer.data, "\"transaction_id\":\"t-1\",\"amount\":5,\"currency\":\"EUR\",\"reason\":\"mismatch\","
	                                             "\"status\":\"due\",\"created_at\":\"2027-01-15T08:00:00.000Z\"}"));
}

static struct slice answer_to(struct fixture *fixture, const struct event *event)
{
	buffer_clear(&fixture->buffer);
	event_answer_write(&fixture->buffer, event);
	return buffer_slice(&fixture->buffer);
}

static void clients_are_told_the_data_without_what_is_for_others(void **state)
{
	struct fixture *fixture = *state;
	struct event hold = hold_event(EVENT_HOLD_CREATED);
	assert_false(event_answer_differs(&hold));
	struct event confirmed = order_event(EVENT_ORDER_CONFIRMED, ORDER_CONFIRMED);
	struct slice order = arena_copy(&fixture->arena, written(fixture, &confirmed));
	assert_false(event_answer_differs(&confirmed));
	confirmed.transaction_id = SLICE("t-1");
	confirmed.payment_status = PAYMENT_SUCCEEDED;
	assert_true(event_answer_differs(&confirmed));
	assert_true(slice_equal(answer_to(fixture, &confirmed), order));
	static const struct layout_section sections[] = {{.name = {"A", 1}, .price = 1, .rows = 1, .seats_per_row = 1}};
	struct event created = sale_created();
	created.layout = (struct layout){.sections = sections, .section_count = 1};
	assert_true(event_answer_differs(&created));
	struct slice answer = answer_to(fixture, &created);
	assert_null(memmem(answer.data, answer.length, "sections", 8));
	assert_non_null(memmem(answer.data, answer.length, "\"status\":\"on_sale\"", 18));
}

static void nothing_but_what_was_written_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct event event = order_event(EVENT_ORDER_CREATED, ORDER_PENDING);
	struct slice data = arena_copy(&fixture->arena, written(fixture, &event));
	for (size_t length = 0; length < data.length; length++) {
		struct event copy = {.type = EVENT_ORDER_CREATED};
		assert_int_equal(event_data_read((struct slice){.data = data.data, .length = length}, &fixture->arena, &copy), ERR_CORRUPT);
	}
	static const char *const spoiled[] = {
		"", "null", "[]", "{}", "{\"order_id\":1}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(spoiled); i++) {
		for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
			struct event copy = {.type = type};
			assert_int_equal(event_data_read(slice_of(spoiled[i]), &fixture->arena, &copy), ERR_CORRUPT);
		}
	}
}

static void an_unknown_currency_is_corrupt(void **state)
{
	struct fixture *fixture = *state;
	struct event event = order_event(EVENT_ORDER_CREATED, ORDER_PENDING);
	event.currency = (struct currency){"EUX"};
	struct event copy = {.type = EVENT_ORDER_CREATED};
	assert_int_equal(event_data_read(written(fixture, &event), &fixture->arena, &copy), ERR_CORRUPT);
}

static void an_event_of_another_number_of_seats_than_its_layout_is_corrupt(void **state)
{
	struct fixture *fixture = *state;
	static const struct layout_section sections[] = {{.name = {"A", 1}, .price = 1, .rows = 1000000, .seats_per_row = 1000000}};
	static const struct {
		struct layout layout;
		uint32_t seat_count;
	} cases[] = {
		{{.sections = sections, .section_count = 1}, 0},
		{{.sections = sections, .section_count = 1}, 1},
		{{.sections = sections, .section_count = 1}, 1000000},
		{{0}, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct event event = sale_created();
		struct event copy = {.type = EVENT_SALE_CREATED};
		event.layout = cases[i].layout;
		event.seat_count = cases[i].seat_count;
		assert_int_equal(event_data_read(written(fixture, &event), &fixture->arena, &copy), ERR_CORRUPT);
	}
	static const char text[] =
		"{\"event_id\":\"019a9f3c-7b2e-7c41-8a55-2f6d1f0a0001\",\"name\":\"A\",\"venue\":\"B\",\"status\":\"on_sale\","
		"\"starts_at\":\"2027-01-15T08:00:00.000Z\",\"currency\":\"EUR\",%s}";
	struct event copy = {.type = EVENT_SALE_CREATED};
	char data[512];
	snprintf(data, sizeof data, text, "\"seats\":[{\"seat\":\"1\",\"price\":1}]");
	assert_int_equal(event_data_read(slice_of(data), &fixture->arena, &copy), ERR_CORRUPT);
	snprintf(data, sizeof data, text, "\"seat_count\":1,\"seats\":[{\"seat\":\"1\",\"price\":1}]");
	assert_int_equal(event_data_read(slice_of(data), &fixture->arena, &copy), OK);
}

static void without_memory_it_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct event event = hold_event(EVENT_HOLD_CREATED);
	struct slice data = written(fixture, &event);
	struct arena small;
	arena_init(&small, 64, 64);
	struct event copy = {.type = EVENT_HOLD_CREATED};
	assert_int_equal(event_data_read(data, &small, &copy), ERR_NO_MEMORY);
	arena_release(&small);
}

static void a_row_past_its_deadline_reads_expired(void **state)
{
	struct fixture *fixture = *state;
	struct seat_label label = test_label(1);
	const struct hold hold = {.hold_id = test_hold_id(1),
	                          .status = HOLD_ACTIVE,
	                          .expires_at_ms = 1000,
	                          .user = {3, "ann"},
	                          .seat_count = 1,
	                          .seats = &label};
	struct order_item item = {.seat = label, .price = 1};
	const struct order order = {.order_id = test_order_id(1),
	                            .status = ORDER_PENDING,
	                            .pay_by_ms = 1000,
	                            .payment_method = PAYMENT_METHOD_CARD,
	                            .currency = {"EUR"},
	                            .total = 1,
	                            .item_count = 1,
	                            .items = &item};
	static const struct {
		uint64_t now_ms;
		const char *hold, *order;
	} cases[] = {{999, "\"status\":\"ACTIVE\"", "\"status\":\"PENDING\""}, {1000, "\"status\":\"EXPIRED\"", "\"status\":\"EXPIRED\""}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		buffer_clear(&fixture->buffer);
		hold_write(&fixture->buffer, &hold, cases[i].now_ms);
		buffer_append_byte(&fixture->buffer, '\0');
		assert_non_null(strstr(fixture->buffer.data, cases[i].hold));
		buffer_clear(&fixture->buffer);
		order_write(&fixture->buffer, &order, cases[i].now_ms);
		buffer_append_byte(&fixture->buffer, '\0');
		assert_non_null(strstr(fixture->buffer.data, cases[i].order));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(hold_events_come_back),
		TEST(order_events_come_back),
		TEST(refunds_come_back),
		TEST(an_event_of_before_there_were_refunds_asks_for_the_total),
		TEST(a_refund_is_written_for_clients),
		TEST(an_event_with_sections_comes_back),
		TEST(an_event_with_listed_seats_comes_back),
		TEST(events_that_change_a_sale_come_back),
		TEST(the_data_is_the_resource_as_clients_see_it),
		TEST(clients_are_told_the_data_without_what_is_for_others),
		TEST(nothing_but_what_was_written_is_read),
		TEST(an_unknown_currency_is_corrupt),
		TEST(an_event_of_another_number_of_seats_than_its_layout_is_corrupt),
		TEST(without_memory_it_says_so),
		TEST(a_row_past_its_deadline_reads_expired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
