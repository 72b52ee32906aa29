/* address_counts.c: see address_counts.h. */
#include "http/address_counts.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/hash_table.h"
#include "base/list.h"

#define BUCKETS_MAX 65536

struct address_count {
	struct hash_node node;
	struct ip_address network;
	uint32_t count;
};

struct address_counts {
	uint32_t maximum;
	uint32_t ipv6_prefix;
	struct hash_seed seed;
	pthread_mutex_t lock;
	struct hash_table table; /* of struct address_count, each with a connection at least */
};

enum error address_counts_new(uint32_t maximum, uint32_t expected, uint32_t ipv6_prefix, struct address_counts **ret_counts)
{
	assert(maximum > 0 && expected > 0);
	assert(ipv6_prefix >= 1 && ipv6_prefix <= 128);

	struct address_counts *counts = calloc(1, sizeof *counts);
	if (counts == NULL)
		return ERR_NO_MEMORY;
	enum error error = getrandom(&counts->seed, sizeof counts->seed, 0) == sizeof counts->seed ? OK : ERR_SYSTEM;
	if (error == OK)
		error = hash_table_init(expected < BUCKETS_MAX ? expected : BUCKETS_MAX, &counts->table);
	if (error != OK) {
		free(counts);
		return error;
	}
	counts->maximum = maximum;
	counts->ipv6_prefix = ipv6_prefix;
	pthread_mutex_init(&counts->lock, NULL);
	*ret_counts = counts;
	return OK;
}

void address_counts_free(struct address_counts *counts)
{
	if (counts == NULL)
		return;
	assert(counts->table.count == 0);
	hash_table_release(&counts->table);
	pthread_mutex_destroy(&counts->lock);
	free(counts);
}

static struct address_count *find(const struct address_counts *counts, const struct ip_address *network, uint64_t hash)
{
	struct hash_node *node = hash_table_first(&counts->table, hash);
	while (node != NULL && memcmp(&container_of(node, struct address_count, node)->network, network, sizeof *network) != 0)
		node = hash_table_next(node);
	return node == NULL ? NULL : container_of(node, struct address_count, node);
}

/* Under the lock. */
static enum error add(struct address_counts *counts, const struct ip_address *network, uint64_t hash)
{
	struct address_count *found = find(counts, network, hash);
	if (found != NULL && found->count == counts->maximum)
		return ERR_OVERLOADED;
	if (found == NULL) {
		found = calloc(1, sizeof *found);
		if (found == NULL)
			return ERR_NO_MEMORY;
		found->network = *network;
		hash_table_put(&counts->table, &found->node, hash);
	}
	found->count++;
	return OK;
}

enum error address_counts_add(struct address_counts *counts, const struct ip_address *address)
{
	assert(counts != NULL && address != NULL);

	struct ip_address network = ip_address_client_network(address, counts->ipv6_prefix);
	uint64_t hash = hash_bytes(&counts->seed, &network, sizeof network);
	pthread_mutex_lock(&counts->lock);
	enum error error = add(counts, &network, hash);
	pthread_mutex_unlock(&counts->lock);
	return error;
}

void address_counts_remove(struct address_counts *counts, const struct ip_address *address)
{
	assert(counts != NULL && address != NULL);

	struct ip_address network = ip_address_client_network(address, counts->ipv6_prefix);
	uint64_t hash = hash_bytes(&counts->seed, &network, sizeof network);
	pthread_mutex_lock(&counts->lock);
	struct address_count *found = find(counts, &network, hash);
	assert(found != NULL && found->count > 0);
	found->count--;
	if (found->count == 0)
		hash_table_remove(&counts->table, &found->node);
	else
		found = NULL;
	pthread_mutex_unlock(&counts->lock);
	free(found);
}
