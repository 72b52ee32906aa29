/* kind_key.c: the idempotency keys that were used. No table has them, so they have no fields: an event carries its key. */
#include "domain/key.h"
#include "state/cache.h"

static struct row_key key_of_hash(const uint8_t bytes[static KEY_HASH_LENGTH])
{
	return (struct row_key){.kind = ROW_KEY, .first = {.data = (const char *)bytes, .length = KEY_HASH_LENGTH}};
}

static struct row_key key_of(const struct row *row)
{
	return key_of_hash(ROW_AS(key, row)->idempotency.key);
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
	return view_find(view, key_of_hash(bytes));
}

struct key *view_put_key(struct view *view, const struct key *key)
{
	return view_put(view, ROW_KEY, &key->row);
}
