/* replay.h: the fence between a replay and everybody who writes. Private to the PostgreSQL adapter.
 *
 * Two rows of meta: 'replaying' is 1 from the begin of a replay to its end, and 'epoch' grows with each. Who writes looks at both in his
 * transaction, first of all, and locks the epoch with others. A replay marks, so that nobody new comes; then it raises the epoch, which waits
 * for those who have it locked. Who looked before the mark and has not locked by then fails to, because the row has changed since. */
#pragma once

#include "adapters/postgres/store.h"
#include "base/attributes.h"

/* Fails the exchange, as a guard does, when a replay runs or has run since the changes' rows were loaded. To be sent behind BEGIN_WRITE,
 * before anything is locked; is_locking: what follows writes. */
void replay_fence(struct postgres_store *store, const struct changes *changes, bool is_locking);
/* Brings the view to the epoch in the answer to LOAD_EPOCH. STORE_OK; STORE_BUSY: rows of another were there and are forgotten; STORE_DOWN:
 * a replay runs, and the connection's problem says so. */
must_check enum store_result replay_enter_epoch(struct postgres_store *store, const PGresult *answer, struct view *view);

/* Within the transaction of replay_clear; without it STORE_DOWN. */
must_check enum store_result replay_write(struct postgres_store *store, const struct changes *changes, const struct row **rows);
