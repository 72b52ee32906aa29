/* parameters.c: PostgreSQL's binary formats: integers big-endian; an array is a header, then a length and the bytes of each element. */
#include "adapters/postgres/parameters.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define VALUE_MAX (512 * 1024 * 1024) /* of one parameter; the server takes 1 GiB a message */

#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25
#define OID_UUID 2950

/* As sent. Elements are numbered from lower_bound. */
struct array_header {
	uint32_t dimensions;
	uint32_t has_null;
	uint32_t element_type;
	uint32_t length;
	uint32_t lower_bound;
};

void parameters_init(struct parameters *parameters)
{
	assert(parameters != NULL);
	*parameters = (struct parameters){0};
	for (uint32_t i = 0; i < PARAMETERS_MAX; i++)
		buffer_init(&parameters->values[i], NULL, VALUE_MAX);
}

void parameters_release(struct parameters *parameters)
{
	assert(parameters != NULL);
	for (uint32_t i = 0; i < PARAMETERS_MAX; i++)
		buffer_release(&parameters->values[i]);
}

void parameters_clear(struct parameters *parameters)
{
	assert(parameters->count <= PARAMETERS_MAX);
	for (uint32_t i = 0; i < parameters->count; i++) {
		buffer_clear(&parameters->values[i]);
		parameters->elements[i] = 0;
	}
	parameters->count = 0;
}

static struct buffer *value_of(struct parameters *parameters, uint32_t index)
{
	assert(index < PARAMETERS_MAX);
	if (index >= parameters->count)
		parameters->count = index + 1;
	return &parameters->values[index];
}

void parameters_fail(struct parameters *parameters)
{
	assert(parameters != NULL);
	value_of(parameters, 0)->failed = true;
}

void scalar_bytes(struct parameters *parameters, uint32_t index, struct slice value)
{
	assert(value.data != NULL || value.length == 0);
	struct buffer *buffer = value_of(parameters, index);
	assert(buffer->length == 0 && parameters->elements[index] == 0);
	buffer_append_slice(buffer, value);
}

void scalar_int(struct parameters *parameters, uint32_t index, int64_t value)
{
	uint64_t bytes = htobe64((uint64_t)value);
	scalar_bytes(parameters, index, (struct slice){.data = (const char *)&bytes, .length = sizeof bytes});
}

static int64_t clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

void scalar_uint(struct parameters *parameters, uint32_t index, uint64_t value)
{
	scalar_int(parameters, index, clamp(value));
}

void scalar_uuid(struct parameters *parameters, uint32_t index, const struct uuid *value)
{
	assert(value != NULL);
	scalar_bytes(parameters, index, (struct slice){.data = (const char *)value->bytes, .length = sizeof value->bytes});
}

/* Room for one more element of an array, whose length has been written; NULL when it does not fit. */
static char *begin_element(struct parameters *parameters, uint32_t index, uint32_t element_type, uint32_t length)
{
	assert(element_type != 0);
	struct buffer *buffer = value_of(parameters, index);
	if (parameters->elements[index]++ == 0) {
		assert(buffer->length == 0);
		const struct array_header header = {
			.dimensions = htobe32(1), .element_type = htobe32(element_type), .lower_bound = htobe32(1)};
		buffer_append(buffer, &header, sizeof header);
	}
	char *room = buffer_reserve(buffer, sizeof length + length);
	if (room == NULL)
		return NULL;
	uint32_t length_sent = htobe32(length);
	memcpy(room, &length_sent, sizeof length_sent);
	buffer->length += sizeof length_sent + length;
	return room + sizeof length_sent;
}

static void append_element(struct parameters *parameters, uint32_t index, uint32_t element_type, const void *bytes, size_t length)
{
	assert(bytes != NULL || length == 0);
	if (length > VALUE_MAX) {
		parameters_fail(parameters);
		return;
	}
	char *room = begin_element(parameters, index, element_type, (uint32_t)length);
	if (room != NULL && length > 0)
		memcpy(room, bytes, length);
}

void array_int(struct parameters *parameters, uint32_t index, int64_t value)
{
	uint64_t bytes = htobe64((uint64_t)value);
	append_element(parameters, index, OID_INT8, &bytes, sizeof bytes);
}

void array_uint(struct parameters *parameters, uint32_t index, uint64_t value)
{
	array_int(parameters, index, clamp(value));
}

void array_uuid(struct parameters *parameters, uint32_t index, const struct uuid *value)
{
	assert(value != NULL);
	append_element(parameters, index, OID_UUID, value->bytes, sizeof value->bytes);
}

uint32_t array_uuids(struct parameters *parameters, uint32_t index, struct slice ids)
{
	assert(ids.data != NULL || ids.length == 0);
	uint32_t count = (uint32_t)(ids.length / sizeof(struct uuid));
	for (uint32_t i = 0; i < count; i++)
		append_element(parameters, index, OID_UUID, ids.data + i * sizeof(struct uuid), sizeof(struct uuid));
	return count;
}

void array_null_uuid(struct parameters *parameters, uint32_t index)
{
	assert(index < PARAMETERS_MAX);
	static const uint32_t null_length = UINT32_MAX;
	const uint32_t has_null = htobe32(1);
	(void)begin_element(parameters, index, OID_UUID, 0);
	struct buffer *buffer = &parameters->values[index];
	if (buffer->failed)
		return;
	memcpy(buffer->data + buffer->length - sizeof null_length, &null_length, sizeof null_length);
	memcpy(buffer->data + offsetof(struct array_header, has_null), &has_null, sizeof has_null);
}

void array_text(struct parameters *parameters, uint32_t index, struct slice value)
{
	append_element(parameters, index, OID_TEXT, value.data, value.length);
}

void array_bytes(struct parameters *parameters, uint32_t index, struct slice value)
{
	append_element(parameters, index, OID_BYTEA, value.data, value.length);
}

bool parameters_finish(struct parameters *parameters, const char *values[static PARAMETERS_MAX], int lengths[static PARAMETERS_MAX])
{
	assert(parameters->count <= PARAMETERS_MAX);
	for (uint32_t i = 0; i < parameters->count; i++) {
		struct buffer *buffer = &parameters->values[i];
		if (buffer->failed)
			return false;
		if (parameters->elements[i] > 0) {
			uint32_t length = htobe32(parameters->elements[i]);
			memcpy(buffer->data + offsetof(struct array_header, length), &length, sizeof length);
		}
		values[i] = buffer->length == 0 ? "" : buffer->data; /* NULL would be SQL's */
		lengths[i] = (int)buffer->length;
	}
	return true;
}
