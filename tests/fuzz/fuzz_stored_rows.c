/* fuzz_stored_rows.c: any bytes as the columns of a stored row, event or catalog entry, and as the data of a stored event. A record that
 * is taken is of its kind and within its limits.
 *
 * The first byte chooses the kind; then come the columns: a byte of length, 255 for NULL, and so many bytes, which are a number when
 * they are up to eight. For an event's data the rest is the text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/sql/stored.h"
#include "codec/event_json.h"
#include "domain/event.h"

#define COLUMNS_MAX 32
#define ARENA_MAX ((size_t)1 << 20)

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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	if (size == 0)
		return 0;
	struct source source = {0};
	struct arena arena;
	struct columns columns = {.operations = &operations, .source = &source};
	struct event_record record;
	struct catalog_entry entry;
	struct sale_account account;
	uint32_t wanted = data[0];
	arena_init(&arena, 4096, ARENA_MAX);
	if (wanted >= 128) {
		struct event event = {.type = (enum event_type)(1 + wanted % (EVENT_TYPE_COUNT - 1))};
		(void)!event_data_read((struct slice){.data = (const char *)data + 1, .length = size - 1}, &arena, &event);
		arena_release(&arena);
		return 0;
	}
	cut(data + 1, size - 1, &source);
	if (wanted < ROW_KEY)
		check_row(columns, (enum row_kind)wanted, &arena);
	else if (wanted == ROW_KEY && stored_event_read(columns, &arena, &record))
		assert(record.type > EVENT_NONE && record.type < EVENT_TYPE_COUNT);
	else if (wanted == ROW_KEY + 1)
		(void)!stored_catalog_entry_read(columns, &arena, &entry);
	else
		(void)!stored_account_read(columns, &account);
	arena_release(&arena);
	return 0;
}
