/* jwt_cache.c: a table of sets whose slots hold the hash, so that a miss touches one cache line. */
#include "auth/jwt_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct jwt_cache_entry {
	struct jwt_claims claims;
	uint8_t mark[JWT_KEY_MARK_LENGTH];
	size_t length;
	char token[];
};

enum error jwt_cache_init(struct jwt_cache *cache, uint32_t capacity, const struct hash_seed *seed)
{
	assert(cache != NULL && seed != NULL);
	assert(capacity >= JWT_CACHE_WAYS && (capacity & (capacity - 1)) == 0);

	struct jwt_cache_slot *slots = calloc(capacity, sizeof *slots);
	if (slots == NULL)
		return ERR_NO_MEMORY;
	*cache = (struct jwt_cache){.seed = *seed, .capacity = capacity, .slots = slots};
	return OK;
}

void jwt_cache_release(struct jwt_cache *cache)
{
	for (uint32_t i = 0; i < cache->capacity; i++)
		free(cache->slots[i].entry);
	free(cache->slots);
	*cache = (struct jwt_cache){0};
}

static struct jwt_cache_slot *set_of(const struct jwt_cache *cache, uint64_t hash)
{
	return &cache->slots[hash & (cache->capacity - 1) & ~(uint64_t)(JWT_CACHE_WAYS - 1)];
}

const struct jwt_claims *jwt_cache_find(const struct jwt_cache *cache, struct slice token)
{
	assert(cache->slots != NULL);
	assert(token.data != NULL);

	uint64_t hash = hash_bytes(&cache->seed, token.data, token.length);
	const struct jwt_cache_slot *set = set_of(cache, hash);
	for (uint32_t i = 0; i < JWT_CACHE_WAYS; i++) {
		const struct jwt_cache_entry *entry = set[i].entry;
		if (entry != NULL && set[i].hash == hash &&
		    slice_equal((struct slice){.data = entry->token, .length = entry->length}, token))
			return &entry->claims;
	}
	return NULL;
}

void jwt_cache_keep(struct jwt_cache *cache, bool (*is_held)(const void *context, const uint8_t mark[static JWT_KEY_MARK_LENGTH]),
                    const void *context)
{
	assert(cache->slots != NULL && is_held != NULL);

	for (uint32_t i = 0; i < cache->capacity; i++) {
		struct jwt_cache_slot *slot = &cache->slots[i];
		if (slot->entry == NULL || is_held(context, slot->entry->mark))
			continue;
		free(slot->entry);
		*slot = (struct jwt_cache_slot){0};
	}
}

void jwt_cache_put(struct jwt_cache *cache, struct slice token, const struct jwt_claims *claims,
                   const uint8_t mark[static JWT_KEY_MARK_LENGTH])
{
	assert(cache->slots != NULL);
	assert(claims != NULL);

	if (token.length > JWT_CACHE_TOKEN_LENGTH_MAX)
		return;
	struct jwt_cache_entry *entry = malloc(sizeof *entry + token.length);
	if (entry == NULL)
		return;
	entry->claims = *claims;
	memcpy(entry->mark, mark, sizeof entry->mark);
	entry->length = token.length;
	memcpy(entry->token, token.data, token.length);

	uint64_t hash = hash_bytes(&cache->seed, token.data, token.length);
	struct jwt_cache_slot *set = set_of(cache, hash);
	struct jwt_cache_slot *slot = &set[hash >> 62];
	for (uint32_t i = 0; i < JWT_CACHE_WAYS; i++) {
		if (set[i].entry == NULL)
			slot = &set[i];
	}
	free(slot->entry);
	*slot = (struct jwt_cache_slot){.hash = hash, .entry = entry};
}
