/* fuzz_stored_rows.c: any bytes as the columns of a stored row, event, catalog entry or record of the audit, and as the data of a stored
 * event. A record that is taken is of its kind and within its limits, and can be shown; data that is taken can be written and read again.
 *
 * The first byte chooses the kind; then come the columns: a byte of length, 255 for NULL, and so many bytes, which are a number when
 * they are up to eight. For an event's data the rest is the text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/sql/stored.h"
#include "adapters/sql/stored_audit.h"
#include "app/event_pages.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "codec/event_json.h"
#include "domain/event.h"

#define COLUMNS_MAX 32
#define ARENA_MAX ((size_t)1 << 20)
#define TEXT_MAX ((size_t)1 << 20)
#define SEATS_VISITED_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	struct slice columns[COLUMNS_MAX];
};

static int64_t get_int(void *context, int column)
{
	const struct source *source = context;
	assert(column >= 0 && column < COLUMNS_MAX);
	struct slice bytes = source->columns[column];
	uint64_t number = 0;
	if (bytes.data == NULL || bytes.length > sizeof number)
		return 0;
	for (size_t i = bytes.length; i > 0; i--)
		number = number << 8 | (uint8_t)bytes.data[i - 1];
	return (int64_t)number;
}

static struct slice get_text(void *context, int column)
{
	const struct source *source = context;
	assert(column >= 0 && column < COLUMNS_MAX);
	return source->columns[column];
}

static void cut(const uint8_t *data, size_t size, struct source *source)
{
	size_t at = 0;
	for (uint32_t i = 0; i < COLUMNS_MAX && at < size; i++) {
		size_t length = data[at++];
		if (length == 255)
			continue;
		if (length > size - at)
			length = size - at;
		source->columns[i] = (struct slice){.data = (const char *)data + at, .length = length};
		at += length;
	}
}

/* As clients are told of it. */
static void show_row(const struct row *row, struct arena *arena)
{
	struct buffer text;
	buffer_init(&text, arena, TEXT_MAX);
	struct json_writer writer = json_writer_on(&text);
	if (row->kind == ROW_SALE)
		buffer_append_string(&text, sale_status_name(((const struct sale *)(const void *)row)->status));
	else if (row->kind == ROW_SEAT)
		buffer_append_string(&text, seat_status_name(((const struct seat *)(const void *)row)->status));
	else if (row->kind == ROW_HOLD)
		hold_write(&text, (const struct hold *)(const void *)row, 0);
	else if (row->kind == ROW_ORDER)
		order_write(&text, (const struct order *)(const void *)row, 0);
	else if (row->kind == ROW_PAYMENT)
		buffer_append_string(&text, payment_status_name(((const struct payment *)(const void *)row)->status));
	else
		refund_write(&writer, (const struct refund *)(const void *)row);
	assert(!text.failed && text.length > 0);
}

static void check_row(struct columns columns, enum row_kind kind, struct arena *arena)
{
	const struct row *row = stored_row_read(columns, kind, arena);
	assert(row == NULL || row->kind == kind);
	const struct row *found = stored_row_scan(columns, kind, arena);
	assert(row == NULL || found != NULL);
	assert(found == NULL || found->kind == kind);
	if (row != NULL && kind == ROW_HOLD)
		assert(((const struct hold *)(const void *)row)->seat_count <= SEATS_PER_HOLD_LIMIT);
	if (row != NULL && kind == ROW_ORDER)
		assert(((const struct order *)(const void *)row)->item_count <= SEATS_PER_HOLD_LIMIT);
	if (row != NULL)
		show_row(row, arena);
}

static void check_entry(struct columns columns, struct arena *arena)
{
	struct catalog_entry entry;
	struct buffer text;
	if (!stored_catalog_entry_read(columns, arena, &entry))
		return;
	buffer_init(&text, arena, TEXT_MAX);
	struct json_writer writer = json_writer_on(&text);
	event_page_write_entry(&writer, &entry);
	assert(!text.failed);
}

static void check_event(struct columns columns, struct arena *arena)
{
	struct event_record record;
	if (stored_event_read(columns, arena, &record))
		assert(record.type > EVENT_NONE && record.type < EVENT_TYPE_COUNT);
}

static void check_record(struct columns columns, struct arena *arena)
{
	struct audit_record record;
	if (!stored_audit_read(columns, arena, &record))
		return;
	assert(record.kind == AUDIT_ACTION || record.kind == AUDIT_REFUSED);
	assert(record.repeats > 0 && record.at_ms <= TIME_MS_MAX);
}

static enum error visit_seat(void *context, const struct layout_seat *seat)
{
	uint32_t *count = context;
	assert(seat->seat.length > 0 && seat->seat.length <= SEAT_LABEL_LENGTH_MAX);
	return ++*count < SEATS_VISITED_MAX ? OK : ERR_LIMIT;
}

static struct slice written(const struct event *event, struct arena *arena)
{
	struct buffer text;
	buffer_init(&text, arena, TEXT_MAX);
	event_data_write(&text, event);
	assert(!text.failed);
	return buffer_slice(&text);
}

static void check_data(enum event_type type, struct slice data, struct arena *arena)
{
	struct event event = {.type = type}, again = {.type = type};
	uint32_t seats = 0;
	if (event_data_read(data, arena, &event) != OK)
		return;
	(void)layout_each_seat(&event.layout, visit_seat, &seats);
	struct slice text = written(&event, arena);
	assert(layout_count(&event.layout) == event.seat_count);
	assert(seats == event.seat_count || seats == SEATS_VISITED_MAX);
	enum error error = event_data_read(text, arena, &again);
	assert(error == OK && slice_equal(written(&again, arena), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	if (size == 0)
		return 0;
	struct source source = {0};
	struct arena arena;
	struct columns columns = {.operations = &operations, .source = &source};
	struct sale_account account;
	uint32_t wanted = data[0];
	arena_init(&arena, 4096, ARENA_MAX);
	cut(data + 1, size - 1, &source);
	if (wanted >= 128)
		check_data((enum event_type)(1 + wanted % (EVENT_TYPE_COUNT - 1)),
		           (struct slice){.data = (const char *)data + 1, .length = size - 1}, &arena);
	else if (wanted < ROW_KEY)
		check_row(columns, (enum row_kind)wanted, &arena);
	else if (wanted == ROW_KEY)
		check_event(columns, &arena);
	else if (wanted == ROW_KEY + 1)
		check_entry(columns, &arena);
	else if (wanted == ROW_KEY + 2)
		(void)!stored_account_read(columns, &account);
	else
		check_record(columns, &arena);
	arena_release(&arena);
	return 0;
}
