/* hash_table.h: an intrusive hash table: entries embed a node, so that putting one in allocates nothing.
 *
 * Chains hang from a power of two of buckets. The table compares no keys: a caller walks the entries of one hash and compares its own.
 * Hashes are of base/hash.h with a random seed, so that nobody outside can make chains long. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash_table {
	struct hash_node **buckets;
	uint32_t bucket_count; /* a power of two */
	uint32_t count;        /* of entries */
};

/* As many buckets as entries are expected, or a few more. ERR_NO_MEMORY: *ret_table is untouched. */
must_check enum error hash_table_init(uint32_t expected, struct hash_table *ret_table);
/* Frees the buckets; the entries are the caller's. Takes one that is all zero. */
void hash_table_release(struct hash_table *table);

/* Forgets all entries. */
void hash_table_clear(struct hash_table *table);

/* The first entry with this hash, and the next one after a node; NULL: none. */
static inline struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash)
{
	assert(table->buckets != NULL);
	struct hash_node *node = table->buckets[hash & (table->bucket_count - 1)];
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

static inline struct hash_node *hash_table_next(const struct hash_node *node)
{
	struct hash_node *next = node->next;
	while (next != NULL && next->hash != node->hash)
		next = next->next;
	return next;
}

/* The node is in no table. */
void hash_table_put(struct hash_table *table, struct hash_node *node, uint64_t hash);
/* The node is in the table. */
void hash_table_remove(struct hash_table *table, struct hash_node *node);
/* Doubles the buckets when there are more entries than those; without memory the table stays as it is and gets slower. */
void hash_table_grow(struct hash_table *table);
