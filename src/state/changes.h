/* changes.h: the changes of a batch, as plain data: the events to append, the rows to write and the versions that the store must still
 * have. A store writes all or nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "domain/key.h"
#include "domain/row.h"
#include "state/view.h"

/* Outbox partitions: the order of delivery is kept within one. A hold's and its order's stream are in the partition of their event. */
#define OUTBOX_PARTITIONS 16

static inline uint8_t outbox_partition(const struct uuid *stream_id)
{
	return uuid_shard(stream_id) % OUTBOX_PARTITIONS;
}

/* Whether the event is published, and waits for that in this partition. */
static inline bool outbox_takes(uint8_t partition, const struct event *event)
{
	return event_type_is_published(event->type) && outbox_partition(&event->stream_id) == partition;
}

struct changes {
	struct event *events; /* in order of their ids; within a stream in order of sequence */
	uint32_t event_count;
	uint32_t event_capacity;

	/* Set by changes_collect. Rows are borrowed from the view, those relied on are copies, good for their keys and versions. A row with
	 * stored_version 0 is inserted, any other updated where the store has exactly stored_version. A changed sale with stored_version 0
	 * brings its seats in the layout of its event. */
	const struct row **rows;
	uint32_t row_count;
	const struct row **relied; /* unchanged rows that must still have stored_version */
	uint32_t relied_count;
	struct idempotency *unused_keys; /* keys of refused commands: must not be in the store */
	uint32_t unused_key_count;
	uint32_t unused_key_capacity;

	struct arena *arena; /* borrowed: the batch's */
	struct hlc *clock;   /* borrowed: the view's */
	uint64_t random;     /* state of the generator of the ids' random bits */
	uint64_t now_ms;
	bool ends_turn; /* the store's turn (ports/store.h) ends with this commit */
	bool is_replay; /* the events are in the store already: write the rows only */
	uint64_t epoch; /* of the view on which it was decided; 0: none */
};

/* random_seed: from the random port, fresh for every batch. */
void changes_init(struct changes *changes, struct arena *arena, struct hlc *clock, uint64_t random_seed, uint64_t now_ms);
/* The rules append the events: changes_append and what belongs to it are in domain/state.h. */

must_check enum error changes_add_unused_key(struct changes *changes, const struct idempotency *idempotency);
/* Gathers the view's changed rows and those relied on. */
must_check enum error changes_collect(struct changes *changes, const struct view *view);
/* The rules that any batch obeys: ids ascend, sequences are consecutive, totals are the sums of their items, each row once, versions grow.
 * NULL when it does, else the rule that is broken. */
const char *changes_check(const struct changes *changes);
