/* backoff.c: decorrelated jitter: between the base and three times the last pause. */
#include "base/backoff.h"

#include <assert.h>
#include <stddef.h>

uint64_t backoff_next(struct backoff *backoff, uint64_t random)
{
	assert(backoff != NULL);
	assert(backoff->base_ms > 0 && backoff->base_ms <= backoff->maximum_ms && backoff->maximum_ms <= UINT64_MAX / 3);

	uint64_t last = backoff->last_ms == 0 ? backoff->base_ms : backoff->last_ms;
	uint64_t ceiling = last * 3 < backoff->maximum_ms ? last * 3 : backoff->maximum_ms;
	backoff->last_ms = backoff->base_ms + random % (ceiling - backoff->base_ms + 1);
	return backoff->last_ms;
}

void backoff_reset(struct backoff *backoff)
{
	assert(backoff != NULL);
	backoff->last_ms = 0;
}
