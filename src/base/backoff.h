/* backoff: pauses between tries, by decorrelated jitter: each is random between the base and three times the last, up to a maximum,
 * so that those who failed together do not come back together. */
#pragma once

#include <stdint.h>

struct backoff {
	uint64_t base_ms;
	uint64_t maximum_ms;
	uint64_t last_ms; /* 0: no failure yet */
};

/* The next pause, in milliseconds. random: any 64 bits. */
uint64_t backoff_next(struct backoff *backoff, uint64_t random);
/* A success: the next failure starts from the base again. */
void backoff_reset(struct backoff *backoff);
