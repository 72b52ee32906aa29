/* outbox.h: committed events that wait to be published, in partitions that publishers lease.
 *
 * Only the owner of a partition publishes it, so that order is kept; a lease that runs out may be taken by another.
 * Used by one thread at a time; make one for each publisher. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "ports/reader.h"
#include "ports/store.h"

/* One outbox row: the events of one batch and partition, in order. */
struct outbox_entry {
	struct uuid id;
	struct event_record *records;
	uint32_t count;
};

/* Which row. */
struct outbox_key {
	uint8_t partition;
	struct uuid id;
};

struct outbox_batch {
	struct outbox_entry *entries; /* in order of their ids */
	uint32_t count;
};

struct outbox_lag {
	uint64_t entries;   /* rows waiting; counting stops at 100,000 */
	uint64_t oldest_ms; /* when the oldest was written; 0: none */
};

struct outbox;

struct outbox_operations {
	/* Renews the owner's leases and takes free or lapsed partitions, up to `partitions_max` in all, until now_ms + lease_ms.
	 * Bit p of *ret_partitions says that partition p is the owner's. */
	enum store_result (*lease)(struct outbox *outbox, const struct uuid *owner, uint64_t now_ms, uint64_t lease_ms,
	                           uint32_t partitions_max, uint32_t *ret_partitions);
	/* Gives all the owner's leases back. */
	enum store_result (*release)(struct outbox *outbox, const struct uuid *owner);
	/* The partition's oldest entries past `after` (NULL: from the first), up to `events_max` events (at least one entry), with their events. */
	enum store_result (*next)(struct outbox *outbox, uint8_t partition, const struct uuid *after, uint32_t events_max,
	                          struct arena *arena, struct outbox_batch *ret_batch);
	/* Deletes entries whose events are all confirmed, of any partitions, in one transaction. Unknown ones are no error. */
	enum store_result (*acknowledge)(struct outbox *outbox, const struct outbox_key *keys, uint32_t count);
	enum store_result (*lag)(struct outbox *outbox, struct outbox_lag *ret_lag);
	void (*free)(struct outbox *outbox);
};

struct outbox {
	const struct outbox_operations *operations;
};

/* Takes NULL. */
static inline void outbox_free(struct outbox *outbox)
{
	if (outbox != NULL)
		outbox->operations->free(outbox);
}
