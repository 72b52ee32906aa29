/* import_identity.c: hashes, and a table of them. */
#include "runtime/import_identity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"

#define ENTRIES_BLOCK ((size_t)64 * 1024)
#define ENTRIES_MAX ((size_t)1024 * 1024 * 1024)
#define BUCKETS_FIRST 1024

/* A client's key is hashed behind its user and one zero byte, and has none itself: no client can have an identity's hash. */
#define SCOPE_OF_ID \
	{ \
		.data = "tro event import\0\0id", .length = 20 \
	}
#define SCOPE_OF_DETAILS \
	{ \
		.data = "tro event import\0\0details", .length = 25 \
	}

static struct import_identity identity_of(struct digest *digest, const struct slice *parts, uint32_t count)
{
	uint8_t hash[DIGEST_LENGTH];
	struct import_identity identity;
	digest_compute(digest, parts, count, hash);
	memcpy(identity.bytes, hash, sizeof identity.bytes);
	return identity;
}

struct import_identity import_identity_of_id(struct digest *digest, const struct uuid *event_id)
{
	assert(digest != NULL && !uuid_is_nil(event_id));
	const struct slice parts[] = {SCOPE_OF_ID, {.data = (const char *)event_id->bytes, .length = sizeof event_id->bytes}};
	return identity_of(digest, parts, 2);
}

struct import_identity import_identity_of_details(struct digest *digest, const struct sale_details *details)
{
	assert(digest != NULL && details != NULL);
	static const struct slice separator = {.data = "\0", .length = 1};
	char starts_at[32];
	int length = snprintf(starts_at, sizeof starts_at, "%" PRIu64, details->starts_at_ms);
	assert(length > 0 && (size_t)length < sizeof starts_at);
	/* Names and venues have no zero bytes. */
	const struct slice parts[] = {SCOPE_OF_DETAILS,
	                              separator,
	                              details->name,
	                              separator,
	                              details->venue,
	                              separator,
	                              {.data = starts_at, .length = (size_t)length}};
	return identity_of(digest, parts, 7);
}

enum error import_index_init(struct import_index *index)
{
	assert(index != NULL);
	enum error error = hash_table_init(BUCKETS_FIRST, &index->table);
	if (error == OK)
		arena_init(&index->arena, ENTRIES_BLOCK, ENTRIES_MAX);
	return error;
}

void import_index_release(struct import_index *index)
{
	assert(index != NULL);
	hash_table_release(&index->table);
	arena_release(&index->arena);
	*index = (struct import_index){0};
}

static uint64_t hash_of(const struct import_identity *identity)
{
	uint64_t hash;
	memcpy(&hash, identity->bytes, sizeof hash);
	return hash;
}

struct import_entry *import_index_find(const struct import_index *index, const struct import_identity *identity)
{
	assert(index != NULL && identity != NULL);
	struct hash_node *node = hash_table_first(&index->table, hash_of(identity));
	for (; node != NULL; node = hash_table_next(node)) {
		struct import_entry *entry = container_of(node, struct import_entry, node);
		if (memcmp(entry->identity.bytes, identity->bytes, sizeof identity->bytes) == 0)
			return entry;
	}
	return NULL;
}

struct import_entry *import_index_add(struct import_index *index, const struct import_identity *identity)
{
	assert(import_index_find(index, identity) == NULL);
	struct import_entry *entry = arena_allocate(&index->arena, sizeof *entry);
	if (entry == NULL)
		return NULL;
	*entry = (struct import_entry){.identity = *identity};
	hash_table_put(&index->table, &entry->node, hash_of(identity));
	hash_table_grow(&index->table);
	return entry;
}
