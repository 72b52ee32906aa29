/* commit_turn.h: how a batch takes turns with other processes that change rows of the same shards (ports/store.h). Private to
 * commit_batch.c, which calls it; the committer's lock is held unless a line says otherwise. Nothing that is answered rests on a turn: it
 * only makes it likely that what was loaded is still so when it is committed. */
#pragma once

#include <stdbool.h>

#include "app/commit_inside.h"

/* How the batch's next try goes: whether it needs a turn, and whether it keeps the view to itself. Rows in the view of the shards of a new
 * turn count as unknown. The store takes the turn with the next load. */
void commit_turn_choose(struct commit_batch *batch);
/* After a load: a turn that was wanted begins now. Answers whether one has begun. */
bool commit_turn_note(struct commit_batch *batch);
/* After a load: where that has begun a turn, the commands that came while it was waited for join the batch. */
void commit_turn_gather(struct commit_batch *batch);
/* Whether the turn goes on after this batch. The lock need not be held. */
bool commit_turn_goes_on(const struct commit_batch *batch);
/* Gives the turn back, if there is one. The lock need not be held. */
void commit_turn_end(struct commit_batch *batch);
/* The shards whose rows others have changed, as the last load has shown. */
void commit_turn_note_moved(struct committer *committer);
/* The commit has found something changed, and not said what. Where a crowd wants one event, it was that. */
void commit_turn_note_stale(struct commit_batch *batch);
