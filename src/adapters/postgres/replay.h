/* replay.h: the fence between a replay and all writers. Private to the PostgreSQL adapter.
 *
 * Two rows of meta: 'replaying' is 1 from the begin of a replay to its end, and 'epoch' grows with each. A writer first reads both in
 * its transaction, and takes a shared lock on the epoch. A replay sets the mark, which keeps new writers out; then it raises the epoch,
 * which waits for the writers that have it locked. A writer that read before the mark and locks after the raise fails, because the row
 * has changed since. */
#pragma once

#include "adapters/postgres/store.h"
#include "base/attributes.h"

/* Fails the exchange, as a guard does, when a replay runs or has run since the changes' rows were loaded. Send it behind BEGIN_WRITE,
 * before anything is locked; is_locking: the following statements write. */
void replay_fence(struct postgres_store *store, const struct changes *changes, bool is_locking);
/* Brings the view to the epoch in the answer to LOAD_EPOCH. STORE_OK; STORE_BUSY: rows of another were there and are forgotten; STORE_DOWN:
 * a replay runs, and the connection's problem says so. */
must_check enum store_result replay_enter_epoch(struct postgres_store *store, const PGresult *answer, struct view *view);

/* Within the transaction of replay_clear; without it STORE_DOWN. */
must_check enum store_result replay_write(struct postgres_store *store, const struct changes *changes, const struct row **rows);
