/* store.h: what the files of the store share. Private to the SQLite adapter. */
#pragma once

#include "adapters/sqlite/checkpointer.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/key_index.h"
#include "adapters/sqlite/store_statements.h"
#include "base/buffer.h"
#include "base/list.h"
#include "domain/hold.h"
#include "domain/order.h"
#include "ports/store.h"

struct sqlite_store {
	struct store port;
	struct database database;
	struct checkpointer *checkpointer;
	struct key_index index;
	/* events.position of the last event when the view was like the store; -1: it never was. As long as the store has no later one,
	 * nobody else has changed what the view knows. */
	int64_t seen_position;
	struct buffer scratch;                         /* a column while it is written */
	struct seat_label seats[SEATS_PER_HOLD_LIMIT]; /* a hold's while it is read */
	struct order_item items[SEATS_PER_HOLD_LIMIT]; /* an order's */
};

static inline struct sqlite_store *store_of(struct store *port)
{
	return container_of(port, struct sqlite_store, port);
}

/* The position of the last event, 0 without any. SQLITE_OK, or the error. */
must_check int store_last_position(struct sqlite_store *store, int64_t *ret_position);

enum store_result sqlite_load(struct store *port, const struct needs *needs, struct view *view);
enum store_result sqlite_commit(struct store *port, const struct changes *changes);
