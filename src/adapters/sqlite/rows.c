/* rows.c: columns and values of a statement. */
#include "adapters/sqlite/rows.h"

#include <assert.h>

#include "adapters/sqlite/database.h"

static int64_t get_int(void *source, int column)
{
	assert(column >= 0 && column < sqlite3_data_count(source));
	return sqlite3_column_int64(source, column);
}

static struct slice get_text(void *source, int column)
{
	assert(source != NULL);
	return column_text(source, column);
}

struct columns statement_columns(sqlite3_stmt *statement)
{
	assert(statement != NULL);
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	return (struct columns){.operations = &operations, .source = statement};
}

static void put_int(void *target, uint32_t index, int64_t value)
{
	assert(target != NULL);
	bind_int(target, (int)index + 1, value);
}

static void put_text(void *target, uint32_t index, struct slice text)
{
	assert(target != NULL);
	bind_text(target, (int)index + 1, text);
}

static void put_bytes(void *target, uint32_t index, struct slice bytes)
{
	assert(target != NULL);
	bind_bytes(target, (int)index + 1, bytes.data, bytes.length);
}

static void put_uuid(void *target, uint32_t index, const struct uuid *id)
{
	assert(target != NULL);
	if (id == NULL)
		(void)sqlite3_bind_null(target, (int)index + 1);
	else
		bind_uuid(target, (int)index + 1, id);
}

struct places statement_places(sqlite3_stmt *statement)
{
	assert(statement != NULL);
	static const struct place_operations operations = {
		.put_int = put_int, .put_text = put_text, .put_name = put_text, .put_bytes = put_bytes, .put_uuid = put_uuid};
	return (struct places){.operations = &operations, .target = statement};
}
