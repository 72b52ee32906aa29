/* store.h: shared by the files of the store. Private to the SQLite adapter. */
#pragma once

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/key_index.h"
#include "adapters/sqlite/store_statements.h"
#include "adapters/sqlite/writers.h"
#include "base/buffer.h"
#include "base/list.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "ports/store.h"

struct sqlite_store {
	struct store port;
	struct database database;
	struct writers *writers; /* of the file; NULL: nobody else has it */
	bool has_turn;
	bool syncs_later; /* store_sync_later */
	struct key_index index;
	/* events.position of the last event when the view was like the store; -1: it never was. As long as the store has no later one,
	 * nobody else has changed what the view knows. */
	int64_t seen_position;
	uint64_t epoch;                                /* of the projections when keys and view were read; 0: they never were */
	uint64_t found_epoch;                          /* in the transaction under way */
	struct buffer scratch;                         /* a column while it is written */
	struct buffer trace_states;                    /* the column of that name, at the same time */
	struct seat_label seats[SEATS_PER_HOLD_LIMIT]; /* a hold's while it is read */
	struct order_item items[SEATS_PER_HOLD_LIMIT]; /* an order's */
};

static inline struct sqlite_store *store_of(struct store *port)
{
	return container_of(port, struct sqlite_store, port);
}

/* The position of the last event, 0 without any; and the epoch, to found_epoch. SQLITE_OK, or the error. */
must_check int store_last_position(struct sqlite_store *store, int64_t *ret_position);

/* Around a transaction that writes, with its COMMIT or ROLLBACK. SQLITE_OK or SQLITE_BUSY: when others have written for two seconds. */
must_check int store_take_turn(struct sqlite_store *store);
void store_end_turn(struct sqlite_store *store);
/* After the turn. is_patient: nobody waits for this store (checkpointer_settle). */
void store_settle(struct sqlite_store *store, bool is_patient);
/* Outside a transaction. Commits are not synced until store_sync_at_once: each is durable when a later one is that is synced, of
 * whomever. */
must_check int store_sync_later(struct sqlite_store *store);
/* As from the beginning: every commit is synced. Costs nothing when it is so. SQLITE_OK, or the error: then nothing may be committed. */
must_check int store_sync_at_once(struct sqlite_store *store);

enum store_result sqlite_load(struct store *port, const struct needs *needs, struct view *view);
enum store_result sqlite_commit(struct store *port, const struct changes *changes);
extern const struct seating_operations sqlite_seating_operations;
