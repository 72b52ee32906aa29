/* keys.c: shards of hash tables over a fixed pool of entries, so that nothing is allocated after the start. */
#include "adapters/local/keys.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/list.h"

#define SHARD_COUNT 16

struct key_entry {
	uint8_t key[KEY_HASH_LENGTH];
	uint8_t fingerprint[KEY_HASH_LENGTH];
	uint64_t until_ms; /* end of the lease, or of the memory */
	struct hash_node node;
	struct list_node order; /* in `used` or `finished` of the shard */
	bool is_finished;
};

struct key_shard {
	pthread_mutex_t lock; /* guards all below */
	struct key_entry *entries;
	uint32_t entry_count; /* of the pool, taken so far */
	struct hash_table table;
	struct list used;     /* in use, the first to lapse first */
	struct list finished; /* the longest ago first */
	struct list spare;    /* taken from the pool and not needed now */
};

struct keys {
	struct hash_seed seed;
	uint32_t entries_per_shard;
	struct key_shard shards[SHARD_COUNT];
};

enum error keys_new(uint32_t keys_max, struct hash_seed seed, struct keys **ret_keys)
{
	assert(ret_keys != NULL);
	assert(keys_max > 0);

	struct keys *keys = calloc(1, sizeof *keys);
	if (keys == NULL)
		return ERR_NO_MEMORY;
	keys->seed = seed;
	keys->entries_per_shard = (keys_max + SHARD_COUNT - 1) / SHARD_COUNT;
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		struct key_shard *shard = &keys->shards[i];
		pthread_mutex_init(&shard->lock, NULL);
		list_init(&shard->used);
		list_init(&shard->finished);
		list_init(&shard->spare);
		shard->entries = calloc(keys->entries_per_shard, sizeof *shard->entries);
		if (shard->entries == NULL || hash_table_init(keys->entries_per_shard, &shard->table) != OK) {
			keys_free(keys);
			return ERR_NO_MEMORY;
		}
	}
	*ret_keys = keys;
	return OK;
}

void keys_free(struct keys *keys)
{
	if (keys == NULL)
		return;
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		free(keys->shards[i].entries);
		hash_table_release(&keys->shards[i].table);
		pthread_mutex_destroy(&keys->shards[i].lock);
	}
	free(keys);
}

static struct key_slot slot_of(struct keys *keys, const uint8_t key[static KEY_HASH_LENGTH])
{
	assert(keys != NULL);
	uint64_t hash = hash_bytes(&keys->seed, key, KEY_HASH_LENGTH);
	struct key_shard *shard = &keys->shards[hash % SHARD_COUNT];
	return (struct key_slot){.keys = keys, .shard = shard, .hash = hash / SHARD_COUNT};
}

static void slot_find(struct key_slot *slot, const uint8_t key[static KEY_HASH_LENGTH])
{
	assert(slot->shard != NULL);
	slot->entry = NULL;
	for (struct hash_node *node = hash_table_first(&slot->shard->table, slot->hash); node != NULL; node = hash_table_next(node)) {
		struct key_entry *entry = container_of(node, struct key_entry, node);
		if (memcmp(entry->key, key, KEY_HASH_LENGTH) == 0)
			slot->entry = entry;
	}
}

static void slot_forget(struct key_slot *slot)
{
	assert(slot->entry != NULL);
	hash_table_remove(&slot->shard->table, &slot->entry->node);
	list_remove(&slot->entry->order);
	list_push(&slot->shard->spare, &slot->entry->order);
	slot->entry = NULL;
}

/* Makes an entry spare when there is one that may go: finished, or in use past its lease. */
static void make_room(const struct key_slot *slot, uint64_t now_ms)
{
	assert(list_is_empty(&slot->shard->spare));
	const struct key_shard *shard = slot->shard;
	const struct list *from = list_is_empty(&shard->finished) ? &shard->used : &shard->finished;
	if (list_is_empty(from))
		return;
	struct key_entry *oldest = container_of(from->head.next, struct key_entry, order);
	if (!oldest->is_finished && now_ms < oldest->until_ms)
		return;
	struct key_slot place = slot_of(slot->keys, oldest->key);
	place.entry = oldest;
	slot_forget(&place);
}

/* An entry of no list; NULL when every one is needed. */
static struct key_entry *take_entry(const struct key_slot *slot, uint64_t now_ms)
{
	assert(slot->shard->entry_count <= slot->keys->entries_per_shard);
	struct key_shard *shard = slot->shard;
	if (list_is_empty(&shard->spare) && shard->entry_count < slot->keys->entries_per_shard)
		return &shard->entries[shard->entry_count++];
	if (list_is_empty(&shard->spare))
		make_room(slot, now_ms);
	struct list_node *node = list_pop(&shard->spare);
	return node == NULL ? NULL : container_of(node, struct key_entry, order);
}

static bool is_same_request(const struct key_slot *slot)
{
	assert(slot->entry != NULL && slot->idempotency != NULL);
	return memcmp(slot->entry->fingerprint, slot->idempotency->fingerprint, KEY_HASH_LENGTH) == 0;
}

struct key_slot key_open(struct keys *keys, const struct idempotency *idempotency, uint64_t now_ms)
{
	assert(keys != NULL);
	assert(idempotency != NULL && idempotency->is_present);

	struct key_slot slot = slot_of(keys, idempotency->key);
	slot.idempotency = idempotency;
	pthread_mutex_lock(&slot.shard->lock);
	slot_find(&slot, idempotency->key);
	if (slot.entry != NULL && now_ms >= slot.entry->until_ms)
		slot_forget(&slot);
	if (slot.entry == NULL)
		slot.state = KEY_UNKNOWN;
	else if (!is_same_request(&slot))
		slot.state = KEY_MISMATCH;
	else
		slot.state = slot.entry->is_finished ? KEY_FINISHED : KEY_IN_USE;
	return slot;
}

void key_use(struct key_slot *slot, uint64_t now_ms)
{
	assert(slot->shard != NULL && slot->idempotency != NULL);
	assert(slot->state == KEY_UNKNOWN && slot->entry == NULL);

	struct key_entry *entry = take_entry(slot, now_ms);
	if (entry == NULL)
		return;
	memcpy(entry->key, slot->idempotency->key, KEY_HASH_LENGTH);
	memcpy(entry->fingerprint, slot->idempotency->fingerprint, KEY_HASH_LENGTH);
	entry->until_ms = now_ms + ADMISSION_LEASE_MS;
	entry->is_finished = false;
	hash_table_put(&slot->shard->table, &entry->node, slot->hash);
	list_push(&slot->shard->used, &entry->order);
	slot->entry = entry;
	slot->state = KEY_IN_USE;
}

void key_finish(struct key_slot *slot, enum admission_end end, uint64_t now_ms)
{
	assert(slot->shard != NULL);
	assert((slot->entry == NULL) == (slot->state == KEY_UNKNOWN));
	/* Past its lease the key may be unknown, or in use for another request, which is not ours to end. */
	if (slot->state == KEY_UNKNOWN || slot->state == KEY_MISMATCH)
		return;
	if (end == ADMISSION_FORGET) {
		slot_forget(slot);
		slot->state = KEY_UNKNOWN;
		return;
	}
	slot->entry->is_finished = true;
	slot->entry->until_ms = now_ms + ADMISSION_REMEMBER_MS;
	list_remove(&slot->entry->order);
	list_push(&slot->shard->finished, &slot->entry->order);
	slot->state = KEY_FINISHED;
}

void key_close(struct key_slot *slot)
{
	assert(slot->shard != NULL);
	pthread_mutex_unlock(&slot->shard->lock);
	*slot = (struct key_slot){0};
}
