/* outbox.h: committed events that wait to be published, in partitions that publishers share by leasing them.
 *
 * All times are by the store's own clock, so that publishers need not agree on one. Leases keep publishers from repeating each other;
 * order does not depend on them: a publisher begins each partition with its first entry that is not acknowledged, and publishes no event
 * before those that it is based on. Used by one thread at a time; make one for each publisher. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "ports/reader.h"
#include "ports/store.h"
#include "state/changes.h"

#define OUTBOX_ENTRIES_MAX 512          /* of one batch */
#define OUTBOX_PARTITION_ENTRIES_MAX 64 /* of a partition in it; an adapter may read more */

/* The key of a row. */
struct outbox_key {
	uint8_t partition;
	struct uuid id;
};

/* One outbox row: the events of one commit and partition, in order. The data of event.created has no layout: a consumer that needs the
 * seats asks for the map. */
struct outbox_entry {
	struct outbox_key key;
	struct event_record *records;
	uint32_t count;
};

struct outbox_batch {
	struct outbox_entry *entries; /* in an order in which they can be published: within a partition that of their ids */
	uint32_t count;
	/* Entries whose event is missing or cannot be read, at most one of a partition. Later entries of its partition are left out, as
	 * they may be based on that event. */
	struct outbox_key unreadable[OUTBOX_PARTITIONS];
	uint32_t unreadable_count;
};

/* Entries that the publisher has read and not yet acknowledged: `next` passes over them. */
#define OUTBOX_KNOWN_MAX 8192
#define OUTBOX_KNOWN_SLOTS (2 * OUTBOX_KNOWN_MAX)

/* All zero: none. */
struct outbox_known {
	uint32_t count;
	uint32_t events; /* of all of them */
	uint32_t of_partition[OUTBOX_PARTITIONS];
	struct uuid slots[OUTBOX_KNOWN_SLOTS]; /* the ids, by their hash; nil: empty */
};

struct outbox;

struct outbox_operations {
	/* Counts the owner among the publishers and leases it its share of the partitions (outbox_share), both for lease_ms. If several
	 * ask at once only one gets a partition. The owner gives partitions beyond its share back, unless it keeps all because messages
	 * are under way. All publishers use the same lease_ms. Bit p of *ret_partitions: partition p is the owner's. */
	enum store_result (*lease)(struct outbox *outbox, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
	                           uint32_t *ret_partitions);
	/* Gives all the owner's leases back and stops counting it. */
	enum store_result (*release)(struct outbox *outbox, const struct uuid *owner);
	/* The oldest entries of all partitions of which the owner has a live lease, each partition from its first on, with their events:
	 * at most OUTBOX_ENTRIES_MAX entries and about events_max events, but at least one entry if there is any and none is known,
	 * readable or not. Skips entries that the caller knows, and partitions that it leaves out. Finds an entry that was committed
	 * late although later ones are known. Cheap when there is none. */
	enum store_result (*next)(struct outbox *outbox, const struct uuid *owner, uint32_t events_max, struct arena *arena,
	                          struct outbox_batch *ret_batch);
	/* Deletes entries whose events are all confirmed, of any partitions, in one transaction. Unknown ones are no error. */
	enum store_result (*acknowledge)(struct outbox *outbox, const struct outbox_key *keys, uint32_t count);
	void (*free)(struct outbox *outbox);
};

struct outbox {
	const struct outbox_operations *operations;
	uint32_t left_out; /* bit p: next passes over partition p; the caller's to set */
	/* Borrowed from the caller, who changes it between two calls; NULL: nothing is known. */
	const struct outbox_known *known;
};

/* Takes NULL. */
static inline void outbox_free(struct outbox *outbox)
{
	if (outbox != NULL)
		outbox->operations->free(outbox);
}

/* The slot of the id, or the free slot for it. The ids are this program's own: nobody chooses them to collide. */
static inline uint32_t outbox_known_slot(const struct outbox_known *known, const struct uuid *id)
{
	uint64_t halves[2];
	memcpy(halves, id->bytes, sizeof halves);
	uint32_t at = (uint32_t)((halves[0] ^ halves[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % OUTBOX_KNOWN_SLOTS;
	while (!uuid_is_nil(&known->slots[at]) && !uuid_equal(&known->slots[at], id))
		at = (at + 1) % OUTBOX_KNOWN_SLOTS;
	return at;
}

/* The table has room, and does not know the entry yet. */
static inline void outbox_known_add(struct outbox_known *known, const struct outbox_entry *entry)
{
	known->slots[outbox_known_slot(known, &entry->key.id)] = entry->key.id;
	known->count++;
	known->events += entry->count;
	known->of_partition[entry->key.partition]++;
}

/* The rest is for adapters. */

static inline bool outbox_knows(const struct outbox *outbox, const struct uuid *id)
{
	return outbox->known != NULL && outbox->known->count > 0 &&
	       !uuid_is_nil(&outbox->known->slots[outbox_known_slot(outbox->known, id)]);
}

/* The known entries of the partition that has most of them. */
static inline uint32_t outbox_known_most(const struct outbox *outbox)
{
	uint32_t most = 0;
	for (uint32_t i = 0; outbox->known != NULL && i < OUTBOX_PARTITIONS; i++)
		if (outbox->known->of_partition[i] > most)
			most = outbox->known->of_partition[i];
	return most;
}

/* Puts the entry into the batch or, when `is_readable` is false, its key among the unreadable; does neither after an unreadable entry of
 * its partition. The batch has room. */
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

/* A time further away than any lease lasts was written by a clock that has been set back since. */
static inline bool outbox_is_live(uint64_t until_ms, uint64_t now_ms, uint64_t lease_ms)
{
	return until_ms > now_ms && until_ms - now_ms <= lease_ms;
}

/* The partitions for the owner, one of so many live publishers: an equal share, rounded up. Its own come first, so that renewing swaps
 * none, all of them if keeps_all; then free and lapsed ones, as far as there are any. */
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
