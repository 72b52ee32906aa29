/* rows.c: fields of an answer, and elements of parameters, in PostgreSQL's binary format. */
#include "adapters/postgres/rows.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

bool field_is_null(struct tuple tuple, int column)
{
	assert(column >= 0 && column < PQnfields(tuple.answer));
	return PQgetisnull(tuple.answer, tuple.row, column) != 0;
}

struct slice field_text(struct tuple tuple, int column)
{
	assert(column >= 0);
	assert(column < PQnfields(tuple.answer));
	return (struct slice){
		.data = PQgetvalue(tuple.answer, tuple.row, column),
		.length = (size_t)PQgetlength(tuple.answer, tuple.row, column),
	};
}

int64_t field_int(struct tuple tuple, int column)
{
	uint64_t bytes = 0;
	struct slice value = field_text(tuple, column);
	if (value.length == sizeof bytes)
		memcpy(&bytes, value.data, sizeof bytes);
	return (int64_t)be64toh(bytes);
}

uint64_t field_uint(struct tuple tuple, int column)
{
	int64_t value = field_int(tuple, column);
	return value < 0 ? 0 : (uint64_t)value;
}

struct uuid field_uuid(struct tuple tuple, int column)
{
	struct uuid uuid = {0};
	struct slice value = field_text(tuple, column);
	if (value.length == sizeof uuid.bytes)
		memcpy(uuid.bytes, value.data, sizeof uuid.bytes);
	return uuid;
}

struct slice field_copy(struct tuple tuple, int column, struct arena *arena)
{
	assert(arena != NULL);
	return arena_copy(arena, field_text(tuple, column));
}

static int64_t get_int(void *source, int column)
{
	assert(source != NULL);
	return field_int(*(const struct tuple *)source, column);
}

static struct slice get_text(void *source, int column)
{
	assert(source != NULL);
	const struct tuple *tuple = source;
	return field_is_null(*tuple, column) ? (struct slice){0} : field_text(*tuple, column);
}

struct columns tuple_columns(struct tuple *tuple)
{
	assert(tuple != NULL && tuple->answer != NULL);
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	return (struct columns){.operations = &operations, .source = tuple};
}

static void put_int(void *target, uint32_t index, int64_t value)
{
	assert(target != NULL);
	array_int(target, index, value);
}

static void put_text(void *target, uint32_t index, struct slice text)
{
	assert(target != NULL);
	array_text(target, index, text);
}

static void put_bytes(void *target, uint32_t index, struct slice bytes)
{
	assert(target != NULL);
	array_bytes(target, index, bytes);
}

static void put_uuid(void *target, uint32_t index, const struct uuid *id)
{
	assert(target != NULL);
	if (id == NULL)
		array_null_uuid(target, index);
	else
		array_uuid(target, index, id);
}

struct places parameter_places(struct parameters *parameters)
{
	assert(parameters != NULL);
	static const struct place_operations operations = {
		.put_int = put_int, .put_text = put_text, .put_name = put_bytes, .put_bytes = put_bytes, .put_uuid = put_uuid};
	return (struct places){.operations = &operations, .target = parameters};
}
