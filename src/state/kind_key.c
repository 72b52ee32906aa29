/* kind_key.c: the idempotency keys that were used. No table has them, so they have no fields: an event carries its key. */
#include <assert.h>

#include "domain/key.h"
#include "state/cache.h"

static const struct key *used_key_of(const struct row *row)
{
	assert(row != NULL && row->kind == ROW_KEY);
	return ROW_AS(key, row);
}

static struct row_key key_of(const struct row *row)
{
	return row_key_of_hash(used_key_of(row)->idempotency.key);
}

static size_t answer_size(const struct row *row)
{
	return ROW_AS(key, row)->answer.length;
}

static const struct row_tail answer = {.pointer_offset = offsetof(struct key, answer.data), .size = answer_size};

const struct row_descriptor row_of_key = {
	.name = "key",
	.size = sizeof(struct key),
	.key = key_of,
	.stream_offset = offsetof(struct key, stream_id),
	.tail = &answer,
};

const struct key *view_key(const struct view *view, const uint8_t bytes[static KEY_HASH_LENGTH])
{
	struct row_key key = row_key_of_hash(bytes);
	return view_find(view, &key);
}

struct key *view_put_key(struct view *view, const struct key *key)
{
	return view_put(view, ROW_KEY, &key->row);
}
