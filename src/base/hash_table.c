/* hash_table.c: buckets of singly linked chains. */
#include "base/hash_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct hash_node **bucket_of(const struct hash_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->bucket_count - 1)];
}

enum error hash_table_init(uint32_t expected, struct hash_table *ret_table)
{
	assert(expected > 0 && expected <= UINT32_C(1) << 31);
	assert(ret_table != NULL);

	struct hash_table table = {.bucket_count = 1};
	while (table.bucket_count < expected)
		table.bucket_count *= 2;
	table.buckets = calloc(table.bucket_count, sizeof(struct hash_node *));
	if (table.buckets == NULL)
		return ERR_NO_MEMORY;
	*ret_table = table;
	return OK;
}

void hash_table_release(struct hash_table *table)
{
	assert(table != NULL);
	free(table->buckets);
	*table = (struct hash_table){0};
}

void hash_table_clear(struct hash_table *table)
{
	assert(table->buckets != NULL);
	memset(table->buckets, 0, table->bucket_count * sizeof(struct hash_node *));
	table->count = 0;
}

void hash_table_put(struct hash_table *table, struct hash_node *node, uint64_t hash)
{
	assert(table->buckets != NULL && node != NULL);
	struct hash_node **bucket = bucket_of(table, hash);
	*node = (struct hash_node){.next = *bucket, .hash = hash};
	*bucket = node;
	table->count++;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node)
{
	assert(table->count > 0 && node != NULL);
	struct hash_node **link = bucket_of(table, node->hash);
	while (*link != node) {
		assert(*link != NULL);
		link = &(*link)->next;
	}
	*link = node->next;
	node->next = NULL;
	table->count--;
}

void hash_table_grow(struct hash_table *table)
{
	assert(table->buckets != NULL);
	struct hash_table grown;
	if (table->count <= table->bucket_count || hash_table_init(table->bucket_count * 2, &grown) != OK)
		return;
	for (uint32_t i = 0; i < table->bucket_count; i++) {
		struct hash_node *next;
		for (struct hash_node *node = table->buckets[i]; node != NULL; node = next) {
			next = node->next;
			hash_table_put(&grown, node, node->hash);
		}
	}
	hash_table_release(table);
	*table = grown;
}
