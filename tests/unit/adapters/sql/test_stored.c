/* test_stored.c: rows in SQL databases are read as they were written, and impossible ones are refused. */
#include "adapters/sql/stored_audit.h"
#include "adapters/sql/stored_write.h"
#include "base/time.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#define ID "0123456789abcdef"
#define TRACE "0123456789abcdef01234567\1"
#define LONG_60 "012345678901234567890123456789012345678901234567890123456789"

struct field {
	int64_t integer;
	const char *text; /* NULL: NULL, or an integer */
};

#define TEXT(value) \
	{ \
		.text = (value) \
	}
#define INT(value) \
	{ \
		.integer = (value) \
	}

#define COLUMNS_MAX 20
struct fields {
	struct field of[COLUMNS_MAX];
};

static int64_t get_int(void *source, int column)
{
	return ((const struct fields *)source)->of[column].integer;
}

static struct slice get_text(void *source, int column)
{
	const char *text = ((const struct fields *)source)->of[column].text;
	return text == NULL ? (struct slice){0} : slice_of(text);
}

static struct columns columns_of(struct fields *fields)
{
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	return (struct columns){.operations = &operations, .source = fields};
}

static const struct fields right_sale = {{TEXT(ID), INT(2), INT(SALE_PAUSED), TEXT("EUR"), INT(5), INT(6), INT(7), INT(1), INT(8)}};
static const struct fields right_seat = {{TEXT(ID), TEXT("A-1-2"), INT(SEAT_SOLD), TEXT(ID), INT(1000), INT(8)}};
static const struct fields right_hold = {
	{TEXT(ID), TEXT(ID), TEXT("ann"), INT(2), INT(HOLD_RELEASED), INT(5), INT(6), TEXT("A-1-2\nB 7\n"), INT(8)}};
static const struct fields right_order = {{TEXT(ID),
                                           TEXT(ID),
                                           TEXT(ID),
                                           TEXT("ann"),
                                           INT(2),
                                           INT(ORDER_CONFIRMED),
                                           INT(PAYMENT_METHOD_CASH),
                                           TEXT("EUR"),
                                           INT(3500),
                                           INT(3900),
                                           INT(3500),
                                           INT(300),
                                           INT(100),
                                           INT(2),
                                           INT(1),
                                           TEXT("t-1"),
                                           INT(5),
                                           INT(6),
                                           TEXT("1000 A-1-2\n2500 B 7\n"),
                                           INT(8)}};
static const struct fields right_payment = {
	{TEXT("t-1"), TEXT(ID), INT(PAYMENT_FAILED), INT(3500), TEXT("EUR"), TEXT(ID), TEXT(NULL), TEXT(ID), INT(8)}};
static const struct fields right_refund = {{TEXT(ID), TEXT(ID), TEXT(ID), TEXT("t-1"), INT(300), TEXT("EUR"), INT(REFUND_OVERPAYMENT),
                                            INT(REFUND_DUE), INT(5), INT(0), TEXT(NULL), INT(8)}};
static const struct fields right_event = {
	{TEXT(ID), TEXT(ID), INT(2), INT(EVENT_HOLD_CREATED), INT(5), TEXT("ann"), TEXT(TRACE), TEXT(ID), TEXT(ID), TEXT("{}")}};

static const struct fields right_entry = {
	{TEXT(ID), TEXT("Opera"), TEXT("House"), TEXT(""), INT(5), INT(SALE_PAUSED), TEXT("EUR"), INT(5), INT(6), INT(7), INT(4), INT(8)}};
static const struct fields right_record = {
	{TEXT(ID), INT(5), INT(AUDIT_REFUSED), TEXT("ann"), TEXT("replay"), TEXT(NULL), TEXT("10.0.0.1"), TEXT("done"), INT(UINT32_MAX)}};

static int begin(void **state)
{
	static struct arena arena;
	arena_init(&arena, 4096, 1024 * 1024);
	*state = &arena;
	return 0;
}

static int end(void **state)
{
	arena_release(*state);
	return 0;
}

/* The row, or NULL. */
static const void *read_row(struct arena *arena, const struct fields *fields, enum row_kind kind)
{
	struct fields copy = *fields;
	return stored_row_read(columns_of(&copy), kind, arena);
}

static void rows_read_as_they_are_stored(void **state)
{
	const struct sale *sale = read_row(*state, &right_sale, ROW_SALE);
	assert_non_null(sale);
	assert_int_equal(sale->status, SALE_PAUSED);
	assert_string_equal(sale->currency.code, "EUR");
	assert_int_equal(sale->seat_count, 7);
	assert_true(sale->is_settled);
	assert_int_equal(sale->row.kind, ROW_SALE);
	assert_int_equal(sale->row.version, 8);
	assert_int_equal(sale->row.stored_version, 8);

	const struct seat *seat = read_row(*state, &right_seat, ROW_SEAT);
	assert_non_null(seat);
	assert_int_equal(seat->status, SEAT_SOLD);
	assert_true(slice_equal_string(seat_label_slice(&seat->label), "A-1-2"));
	assert_memory_equal(seat->holder_id.bytes, ID, 16);

	const struct hold *hold = read_row(*state, &right_hold, ROW_HOLD);
	assert_non_null(hold);
	assert_int_equal(hold->seat_count, 2);
	assert_true(slice_equal_string(seat_label_slice(&hold->seats[1]), "B 7"));
	assert_true(slice_equal_string(short_text_slice(&hold->user), "ann"));

	const struct order *order = read_row(*state, &right_order, ROW_ORDER);
	assert_non_null(order);
	assert_int_equal(order->item_count, 2);
	assert_int_equal(order->items[1].price, 2500);
	assert_true(slice_equal_string(seat_label_slice(&order->items[1].seat), "B 7"));
	assert_int_equal(order->paid, 3900);
	assert_int_equal(order->refunds_due, 300);
	assert_int_equal(order->refunds_open, 1);
	assert_true(slice_equal_string(short_text_slice(&order->paid_with), "t-1"));
	assert_true(order_is_balanced(order));

	const struct payment *payment = read_row(*state, &right_payment, ROW_PAYMENT);
	assert_non_null(payment);
	assert_int_equal(payment->status, PAYMENT_FAILED);
	assert_int_equal(payment->amount, 3500);
	assert_memory_equal(payment->refund_ids[0].bytes, ID, 16);
	assert_true(uuid_is_nil(&payment->refund_ids[1]));

	const struct refund *refund = read_row(*state, &right_refund, ROW_REFUND);
	assert_non_null(refund);
	assert_int_equal(refund->amount, 300);
	assert_int_equal(refund->reason, REFUND_OVERPAYMENT);
	assert_int_equal(refund->status, REFUND_DUE);
	assert_true(uuid_is_nil(&refund->closed_by));
}

/* The values that were put, as fields; texts are copied. */
struct written {
	struct fields fields;
	struct arena *arena;
};

static void put_int(void *target, uint32_t index, int64_t value)
{
	assert_true(index < COLUMNS_MAX);
	((struct written *)target)->fields.of[index] = (struct field){.integer = value};
}

static void put_text(void *target, uint32_t index, struct slice text)
{
	assert_true(index < COLUMNS_MAX);
	struct written *written = target;
	written->fields.of[index] = (struct field){.text = arena_copy(written->arena, text).data};
}

/* The nil id stands for NULL. */
static void put_uuid(void *target, uint32_t index, const struct uuid *id)
{
	struct slice bytes = {.data = (const char *)id, .length = sizeof *id};
	if (id == NULL || uuid_is_nil(id))
		((struct written *)target)->fields.of[index] = (struct field){0};
	else
		put_text(target, index, bytes);
}

static struct places places_of(struct written *written)
{
	static const struct place_operations operations = {
		.put_int = put_int, .put_text = put_text, .put_name = put_text, .put_bytes = put_text, .put_uuid = put_uuid};
	return (struct places){.operations = &operations, .target = written};
}

static void assert_same_field(const struct field *field, const struct field *right)
{
	assert_int_equal(field->integer, right->integer);
	if (right->text == NULL)
		assert_null(field->text);
	else
		assert_string_equal(field->text, right->text);
}

static const struct {
	enum row_kind kind;
	const struct fields *right;
	int columns;
	int keys;
	int changing[12]; /* the columns that an update writes, in its order; -1: the end */
} written_kinds[] = {
	{ROW_SALE, &right_sale, 9, 1, {1, 2, 8, 7, -1}},
	{ROW_SEAT, &right_seat, 0, 2, {2, 3, 5, -1}},
	{ROW_HOLD, &right_hold, 9, 1, {3, 4, 8, -1}},
	{ROW_ORDER, &right_order, 20, 1, {4, 5, 19, 9, 10, 11, 12, 13, 14, 15, -1}},
	{ROW_PAYMENT, &right_payment, 9, 1, {2, 3, 4, 5, 6, 7, 8, -1}},
	{ROW_REFUND, &right_refund, 12, 1, {7, 9, 10, 11, -1}},
};

static void new_rows_are_written_as_they_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(written_kinds); i++) {
		struct written written = {.arena = *state};
		struct buffer scratch;
		if (written_kinds[i].columns == 0)
			continue; /* seats come with their sale */
		buffer_init(&scratch, *state, 64);
		struct row *row = (struct row *)(uintptr_t)read_row(*state, written_kinds[i].right, written_kinds[i].kind);
		row->stored_version = 0;
		assert_true(stored_row_put(places_of(&written), row, &scratch));
		for (int column = 0; column < written_kinds[i].columns; column++)
			assert_same_field(&written.fields.of[column], &written_kinds[i].right->of[column]);
	}
}

static void changing_columns_are_written_behind_the_key(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(written_kinds); i++) {
		struct written written = {.arena = *state};
		const struct row *row = read_row(*state, written_kinds[i].right, written_kinds[i].kind);
		uint32_t index = stored_key_put(places_of(&written), 1, row);
		assert_int_equal(index, 1 + written_kinds[i].keys);
		for (int key = 0; key < written_kinds[i].keys; key++)
			assert_same_field(&written.fields.of[1 + key], &written_kinds[i].right->of[key]);
		stored_change_put(places_of(&written), index, row);
		for (const int *column = written_kinds[i].changing; *column >= 0; column++)
			assert_same_field(&written.fields.of[index++], &written_kinds[i].right->of[*column]);
	}
}

static void a_row_that_does_not_fit_is_not_written(void **state)
{
	struct written written = {.arena = *state};
	struct buffer scratch;
	buffer_init(&scratch, *state, 4);
	struct row *row = (struct row *)(uintptr_t)read_row(*state, &right_hold, ROW_HOLD);
	row->stored_version = 0;
	assert_false(stored_row_put(places_of(&written), row, &scratch));
}

static void rows_that_cannot_be_right_are_refused(void **state)
{
	static const struct {
		enum row_kind kind;
		const struct fields *right;
		int column;
		struct field wrong;
	} cases[] = {
		{ROW_SALE, &right_sale, 2, INT(0)},
		{ROW_SALE, &right_sale, 2, INT(SALE_CANCELLED + 1)},
		{ROW_SALE, &right_sale, 2, INT(((int64_t)1 << 32) + SALE_PAUSED)},
		{ROW_SALE, &right_sale, 3, TEXT("EURO")},
		{ROW_SALE, &right_sale, 3, TEXT(NULL)},
		{ROW_SEAT, &right_seat, 1, TEXT("")},
		{ROW_SEAT, &right_seat, 1, TEXT(LONG_60 "1234")},
		{ROW_SEAT, &right_seat, 2, INT(0)},
		{ROW_SEAT, &right_seat, 2, INT(-1)},
		{ROW_SEAT, &right_seat, 2, INT(SEAT_SOLD + 1)},
		{ROW_HOLD, &right_hold, 2, TEXT(LONG_60 LONG_60 "123456789")},
		{ROW_HOLD, &right_hold, 4, INT(HOLD_EXPIRED + 1)},
		{ROW_HOLD, &right_hold, 7, TEXT("")},
		{ROW_HOLD, &right_hold, 7, TEXT("A\n\nB\n")},
		{ROW_ORDER, &right_order, 5, INT(0)},
		{ROW_ORDER, &right_order, 6, INT(0)},
		{ROW_ORDER, &right_order, 6, INT(PAYMENT_METHOD_TRANSFER + 1)},
		{ROW_ORDER, &right_order, 7, TEXT("EU")},
		{ROW_ORDER, &right_order, 18, TEXT("")},
		{ROW_ORDER, &right_order, 18, TEXT("1000\n")},
		{ROW_ORDER, &right_order, 18, TEXT(" A\n")},
		{ROW_ORDER, &right_order, 18, TEXT("-1 A\n")},
		{ROW_ORDER, &right_order, 18, TEXT("99999999999999999999 A\n")},
		{ROW_ORDER, &right_order, 18, TEXT("1000 \n")},
		{ROW_PAYMENT, &right_payment, 0, TEXT(LONG_60 LONG_60 "123456789")},
		{ROW_PAYMENT, &right_payment, 2, INT(0)},
		{ROW_PAYMENT, &right_payment, 2, INT(PAYMENT_FAILED + 1)},
		{ROW_PAYMENT, &right_payment, 4, TEXT("EURO")},
		{ROW_REFUND, &right_refund, 4, INT(0)},
		{ROW_REFUND, &right_refund, 6, INT(REFUND_EVENT_CANCELLED + 1)},
		{ROW_REFUND, &right_refund, 7, INT(0)},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fields wrong = *cases[i].right;
		wrong.of[cases[i].column] = cases[i].wrong;
		if (read_row(*state, &wrong, cases[i].kind) != NULL)
			fail_msg("case %zu was taken", i);
	}
}

static void more_seats_than_a_hold_may_have_are_refused(void **state)
{
	char seats[2 * SEATS_PER_HOLD_LIMIT + 3] = "";
	for (size_t i = 0; i < 2 * SEATS_PER_HOLD_LIMIT; i += 2)
		memcpy(seats + i, "A\n", 3);
	struct fields hold = right_hold;
	hold.of[7].text = seats;
	assert_non_null(read_row(*state, &hold, ROW_HOLD));
	memcpy(seats + (size_t)2 * SEATS_PER_HOLD_LIMIT, "A\n", 3);
	assert_null(read_row(*state, &hold, ROW_HOLD));
}

static void events_read_as_they_are_stored(void **state)
{
	struct fields fields = right_event;
	struct event_record record;
	assert_true(stored_event_read(columns_of(&fields), *state, &record));
	assert_true(slice_equal_string(record.actor, "ann"));
	assert_true(record.idempotency.is_present);

	fields.of[7].text = NULL; /* without a key */
	assert_true(stored_event_read(columns_of(&fields), *state, &record));
	assert_false(record.idempotency.is_present);
}

static void assert_written_as_stored(struct arena *arena, const struct fields *right)
{
	struct fields fields = *right;
	struct written written = {.arena = arena};
	struct event_record record;
	uint8_t trace[TRACE_BYTES];
	assert_true(stored_event_read(columns_of(&fields), arena, &record));
	const struct event event = {
		.id = record.id,
		.stream_id = record.stream_id,
		.sequence = record.sequence,
		.type = record.type,
		.occurred_at_ms = record.occurred_at_ms,
		.actor = record.actor,
		.trace = record.trace,
		.idempotency = record.idempotency,
		.data = record.data,
	};
	stored_event_put(places_of(&written), &event, trace);
	for (int column = 0; column < 10; column++)
		assert_same_field(&written.fields.of[column], &right->of[column]);
}

static void events_are_written_as_they_are_read(void **state)
{
	struct fields without_key = right_event;
	without_key.of[7].text = NULL;
	without_key.of[8].text = NULL;
	assert_written_as_stored(*state, &right_event);
	assert_written_as_stored(*state, &without_key);
}

static void events_that_cannot_be_right_are_refused(void **state)
{
	static const struct {
		int column;
		struct field wrong;
	} cases[] = {
		{3, INT(EVENT_NONE)}, {3, INT(EVENT_TYPE_COUNT)}, {6, TEXT("short")}, {7, TEXT("short")},
		{8, TEXT(NULL)},      {8, TEXT("short")},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fields fields = right_event;
		struct event_record record;
		fields.of[cases[i].column] = cases[i].wrong;
		assert_false(stored_event_read(columns_of(&fields), *state, &record));
	}
}

static void catalog_entries_that_cannot_be_right_are_refused(void **state)
{
	static const struct {
		int column;
		struct field wrong;
	} cases[] = {
		{5, INT(0)},
		{5, INT(SALE_CANCELLED + 1)},
		{5, INT(((int64_t)1 << 32) + SALE_PAUSED)},
		{6, TEXT("EU")},
	};
	struct fields fields = right_entry;
	struct catalog_entry entry;
	assert_true(stored_catalog_entry_read(columns_of(&fields), *state, &entry));
	assert_int_equal(entry.status, SALE_PAUSED);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		fields = right_entry;
		fields.of[cases[i].column] = cases[i].wrong;
		assert_false(stored_catalog_entry_read(columns_of(&fields), *state, &entry));
	}
}

static void records_of_the_audit_that_cannot_be_right_are_refused(void **state)
{
	static const struct {
		int column;
		struct field wrong;
	} cases[] = {
		{0, TEXT("short")},
		{1, INT(-1)},
		{1, INT((int64_t)TIME_MS_MAX + 1)},
		{2, INT(0)},
		{2, INT(AUDIT_REFUSED + 1)},
		{2, INT(((int64_t)1 << 32) + AUDIT_ACTION)},
		{8, INT(0)},
		{8, INT(-1)},
		{8, INT((int64_t)UINT32_MAX + 1)},
	};
	struct fields fields = right_record;
	struct audit_record record;
	assert_true(stored_audit_read(columns_of(&fields), *state, &record));
	assert_int_equal(record.repeats, UINT32_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		fields = right_record;
		fields.of[cases[i].column] = cases[i].wrong;
		if (stored_audit_read(columns_of(&fields), *state, &record))
			fail_msg("case %zu was taken", i);
	}
}

static void without_memory_nothing_is_read(void **state)
{
	(void)state;
	struct arena full;
	struct fields event = right_event;
	struct event_record record;
	arena_init(&full, 16, 16);
	assert_null(read_row(&full, &right_hold, ROW_HOLD));
	assert_false(stored_event_read(columns_of(&event), &full, &record));
	arena_release(&full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_read_as_they_are_stored, begin, end),
		cmocka_unit_test_setup_teardown(new_rows_are_written_as_they_are_read, begin, end),
		cmocka_unit_test_setup_teardown(changing_columns_are_written_behind_the_key, begin, end),
		cmocka_unit_test_setup_teardown(a_row_that_does_not_fit_is_not_written, begin, end),
		cmocka_unit_test_setup_teardown(events_are_written_as_they_are_read, begin, end),
		cmocka_unit_test_setup_teardown(rows_that_cannot_be_right_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(more_seats_than_a_hold_may_have_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(events_read_as_they_are_stored, begin, end),
		cmocka_unit_test_setup_teardown(events_that_cannot_be_right_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(catalog_entries_that_cannot_be_right_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(records_of_the_audit_that_cannot_be_right_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(without_memory_nothing_is_read, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
