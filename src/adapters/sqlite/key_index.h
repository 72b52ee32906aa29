/* key_index.h: finds the event that has an idempotency key: an index that is written a range at a time. Private to the SQLite adapter.
 *
 * Keys are random, so an index on them would write a page of its own for nearly every one. Here the newest keys wait in memory, in
 * ranges by their first bits, and a commit moves a whole range of them to the table `keys`, where they are neighbours on a few pages.
 * Nothing depends on the memory: its keys are read from the events, those of other processes and of earlier ones as well. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "domain/key.h"

#define KEY_RANGES 512
#define KEYS_WAITING_MAX 32768 /* 1 MiB; some 128 are in a range when its turn comes */

struct database;

struct waiting_key {
	uint8_t key[KEY_HASH_LENGTH];
	int64_t position; /* of its event */
};

struct key_range {
	struct waiting_key *keys;
	uint32_t count;
	uint32_t capacity;
	int64_t position; /* the table has the range's keys of all events up to it */
};

struct key_index {
	struct key_range ranges[KEY_RANGES];
	uint32_t count;
	uint32_t next;         /* the range that is written next, because it was written longest ago */
	uint32_t written;      /* ranges, from `next` on, that the transaction under way has written */
	int64_t seen_position; /* every key up to this event is known, here or in the table; -1: nothing was read yet */
};

void key_index_init(struct key_index *index);
void key_index_release(struct key_index *index);

/* All within a transaction, before it writes events. SQLITE_OK, or the error. */

/* Reads the keys of the events that it has not seen. */
must_check int key_index_follow(struct key_index *index, struct database *database);
/* After key_index_follow: the position of the event that has the key; 0 when none has. */
must_check int key_index_find(const struct key_index *index, struct database *database, const uint8_t key[static KEY_HASH_LENGTH],
                              int64_t *ret_position);
/* Moves ranges to the table until no more than KEYS_WAITING_MAX wait; they are forgotten when the transaction ends well. */
must_check int key_index_write(struct key_index *index, struct database *database);

/* The transaction has ended. */
void key_index_end(struct key_index *index, bool is_committed);
