/* replay_work.h: shared by `tro verify` and `tro replay`: a scratch store, progress, and the complaint about a wrong event. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"

/* Says on stderr how many events were replayed, now and then; context: a uint64_t, how many were said. */
void replay_show_progress(void *context, uint64_t events);
/* Answers an exit code, with the complaint made. problem: of the event, when it cannot be replayed; NULL: it is another matter. */
int replay_complain(const struct adapters *adapters, enum error error, const struct uuid *event_id, const struct uuid *stream_id,
                    const char *problem);
/* Answers an exit code, with the complaint made. *ret_is_done: the work came to its end, or to an event that cannot be replayed; left alone
 * when it did not. */
typedef int replay_worker(struct adapters *adapters, struct scratch *scratch, bool *ret_is_done);

/* Does the work with a scratch store in a file of its own, which is gone afterwards. Answers the work's exit code; EXIT_FAILED, with the
 * complaint made, when it has no scratch store. ret_is_done: as above; may be NULL. */
int replay_with_scratch(const struct invocation *invocation, struct adapters *adapters, replay_worker *work, bool *ret_is_done);
