/* outbox.h: committed events that wait to be published, in partitions that publishers share by leasing them.
 *
 * All times are by the store's own clock, so that publishers need not agree on one. Leases keep publishers from repeating each other; order
 * does not depend on them: a publisher begins each partition with its first entry that is not acknowledged, and nothing is published
 * before what it is based on. Used by one thread at a time; make one for each publisher. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "ports/reader.h"
#include "ports/store.h"
#include "state/changes.h"

#define OUTBOX_ENTRIES_MAX 512          /* of one batch */
#define OUTBOX_PARTITION_ENTRIES_MAX 64 /* of a partition in it; an adapter may read more */

/* Which row. */
struct outbox_key {
	uint8_t partition;
	struct uuid id;
};

/* One outbox row: the events of one commit and partition, in order. The data of event.created is without the layout: a consumer that wants
 * to know the seats asks for the map. */
struct outbox_entry {
	struct outbox_key key;
	struct event_record *records;
	uint32_t count;
};

struct outbox_batch {
	struct outbox_entry *entries; /* in an order in which they can be published: within a partition that of their ids */
	uint32_t count;
	/* Entries that name an event which is not there or cannot be read, one of a partition at most. What comes after it in its partition is
	 * left out, for it may be based on that event. */
	struct outbox_key unreadable[OUTBOX_PARTITIONS];
	uint32_t unreadable_count;
};

struct outbox;

struct outbox_operations {
	/* Counts the owner among the publishers and leases it its share of the partitions, both for lease_ms: outbox_share. Of several that ask
	 * at once only one gets a partition. Partitions beyond the share are given back, unless the owner keeps it because its messages
	 * are under way. All publishers say the same lease_ms. Bit p of *ret_partitions: partition p is the owner's. */
	enum store_result (*lease)(struct outbox *outbox, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
	                           uint32_t *ret_partitions);
	/* Gives all the owner's leases back and counts it no more. */
	enum store_result (*release)(struct outbox *outbox, const struct uuid *owner);
	/* The oldest entries of all partitions that the owner has a live lease of, each partition from its first on, with their events: not more
	 * than OUTBOX_ENTRIES_MAX entries and events_max events, but one entry at least if there is any, readable or not. Without the partitions that
	 * the caller leaves out. Cheap when there is none. */
	enum store_result (*next)(struct outbox *outbox, const struct uuid *owner, uint32_t events_max, struct arena *arena,
	                          struct outbox_batch *ret_batch);
	/* Deletes entries whose events are all confirmed, of any partitions, in one transaction. Unknown ones are no error. */
	enum store_result (*acknowledge)(struct outbox *outbox, const struct outbox_key *keys, uint32_t count);
	void (*free)(struct outbox *outbox);
};

struct outbox {
	const struct outbox_operations *operations;
	uint32_t left_out; /* bit p: next passes over partition p; the caller's to set */
};

/* Takes NULL. */
static inline void outbox_free(struct outbox *outbox)
{
	if (outbox != NULL)
		outbox->operations->free(outbox);
}

/* The rest is for adapters. */

/* Puts the entry into the batch or, when `is_readable` is false, its key among the unreadable; neither when one before it in its partition was
 * unreadable. The batch has room. */
static inline void outbox_batch_add(struct outbox_batch *batch, const struct outbox_entry *entry, bool is_readable)
{
	for (uint32_t i = 0; i < batch->unreadable_count; i++)
		if (batch->unreadable[i].partition == entry->key.partition)
			return;
	if (is_readable)
		batch->entries[batch->count++] = *entry;
	else
		batch->unreadable[batch->unreadable_count++] = entry->key;
}

/* The lease of a partition. */
struct outbox_lease {
	struct uuid owner;
	uint64_t until_ms; /* 0: free */
};

/* A time that is further away than any lease lasts was written by a clock that has been set back since. */
static inline bool outbox_is_live(uint64_t until_ms, uint64_t now_ms, uint64_t lease_ms)
{
	return until_ms > now_ms && until_ms - now_ms <= lease_ms;
}

/* The partitions that are to be the owner's, when so many publishers live (itself among them): as many as there are for each, rounded up. Its
 * own first, so that renewing swaps none, and all of them if keeps_all; then free and lapsed ones, as far as there are any. */
static inline uint32_t outbox_share(const struct outbox_lease leases[static OUTBOX_PARTITIONS], const struct uuid *owner,
                                    uint64_t publishers, uint64_t now_ms, uint64_t lease_ms, bool keeps_all)
{
	uint64_t left = publishers == 0 ? OUTBOX_PARTITIONS : (OUTBOX_PARTITIONS + publishers - 1) / publishers;
	uint32_t share = 0;
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS && (left > 0 || keeps_all); i++) {
		if (leases[i].until_ms == 0 || !uuid_equal(&leases[i].owner, owner))
			continue;
		share |= 1U << i;
		left -= left > 0;
	}
	for (uint32_t i = 0; i < OUTBOX_PARTITIONS && left > 0; i++) {
		if ((share >> i & 1) != 0 || outbox_is_live(leases[i].until_ms, now_ms, lease_ms))
			continue;
		share |= 1U << i;
		left--;
	}
	return share;
}
