/* replay_work.h: what `tro verify` and `tro replay` have in common: a scratch store, progress, and the complaint about an event that is not
 * right. */
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
/* Does the work with a scratch store in a directory of its own, which is gone afterwards. Answers an exit code, with the complaint made. */
int replay_with_scratch(const struct invocation *invocation, struct adapters *adapters,
                        int (*work)(struct adapters *adapters, struct scratch *scratch));
