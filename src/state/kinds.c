/* kinds.c: rows of any kind, by their descriptors. */
#include "state/kinds.h"

#include <assert.h>
#include <string.h>

#include "domain/money.h"
#include "domain/text.h"

const struct row_descriptor *row_descriptor(enum row_kind kind)
{
	static const struct row_descriptor *const descriptors[ROW_KIND_COUNT] = {
#define X(NAME, name) [ROW_##NAME] = &row_of_##name,
		ROW_KINDS(X)
#undef X
	};
	assert(kind < ROW_KIND_COUNT);
	return descriptors[kind];
}

struct row_key row_key_of(const struct row *row)
{
	assert(row != NULL);
	return row_descriptor(row->kind)->key(row);
}

static int part_order(const void *a, size_t a_length, const void *b, size_t b_length)
{
	assert((a != NULL || a_length == 0) && (b != NULL || b_length == 0));
	return slice_compare((struct slice){.data = a, .length = a_length}, (struct slice){.data = b, .length = b_length});
}

int row_key_order(const struct row_key *a, const struct row_key *b)
{
	assert(a->kind == b->kind);
	int order = part_order(a->first, a->first_length, b->first, b->first_length);
	return order != 0 ? order : part_order(a->second, a->second_length, b->second, b->second_length);
}

int row_key_compare(const struct row *a, const struct row *b)
{
	struct row_key left = row_key_of(a), right = row_key_of(b);
	return row_key_order(&left, &right);
}

static const void *at(const struct row *row, size_t offset)
{
	assert(row != NULL);
	return (const char *)row + offset;
}

static bool field_is_equal(enum row_field_type type, const void *a, const void *b)
{
	switch (type) {
	case FIELD_UINT32:
		return memcmp(a, b, sizeof(uint32_t)) == 0;
	case FIELD_UINT64:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case FIELD_BOOL:
		return memcmp(a, b, sizeof(bool)) == 0;
	case FIELD_ENUM:
		return memcmp(a, b, sizeof(enum row_kind)) == 0;
	case FIELD_UUID:
		return uuid_equal(a, b);
	case FIELD_TEXT:
		return short_text_equal(a, b);
	case FIELD_CURRENCY:
		return currency_equal(a, b);
	}
	assert(false && "a field has a type");
	return false;
}

const char *row_difference(const struct row *a, const struct row *b)
{
	assert(row_key_compare(a, b) == 0 && a->kind != ROW_KEY);
	const struct row_descriptor *descriptor = row_descriptor(a->kind);
	for (uint32_t i = 0; i < descriptor->field_count; i++) {
		const struct row_field *field = &descriptor->fields[i];
		if (!field_is_equal(field->type, at(a, field->offset), at(b, field->offset)))
			return field->name;
	}
	const struct row_tail *tail = descriptor->tail;
	if (tail != NULL && tail->name != NULL && (tail->size(a) != tail->size(b) || !tail->is_equal(a, b)))
		return tail->name;
	return a->version != b->version ? "version" : NULL;
}

struct uuid row_stream(const struct row *row)
{
	assert(row != NULL);
	const struct row_descriptor *descriptor = row_descriptor(row->kind);
	return descriptor->stream != NULL ? descriptor->stream(row) : *(const struct uuid *)at(row, descriptor->stream_offset);
}

uint8_t row_shard(const struct row *row)
{
	assert(row != NULL);
	return uuid_shard(at(row, row_descriptor(row->kind)->stream_offset));
}

size_t row_size(enum row_kind kind, const struct row *row)
{
	assert(row != NULL);
	const struct row_descriptor *descriptor = row_descriptor(kind);
	return descriptor->size + (descriptor->tail == NULL ? 0 : descriptor->tail->size(row));
}

struct row *row_copy_to(void *place, enum row_kind kind, const struct row *row)
{
	assert(place != NULL && row != NULL);
	const struct row_descriptor *descriptor = row_descriptor(kind);
	char *copy = memcpy(place, row, descriptor->size);
	if (descriptor->tail != NULL) {
		const void *from;
		char *to = copy + descriptor->size;
		size_t size = descriptor->tail->size(row);
		memcpy(&from, at(row, descriptor->tail->pointer_offset), sizeof from);
		if (size > 0)
			memcpy(to, from, size);
		memcpy(copy + descriptor->tail->pointer_offset, &to, sizeof to);
	}
	struct row *made = (struct row *)(void *)copy;
	made->kind = kind;
	return made;
}
