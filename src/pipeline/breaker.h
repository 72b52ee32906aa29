/* breaker: a circuit breaker in front of something that may be down. CLOSED → OPEN after consecutive failures → HALF_OPEN after a pause,
 * when one try decides. While it is open callers fail at once instead of waiting. Safe from any thread. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN,
};

struct breaker {
	uint32_t failures_max; /* consecutive failures that open it */
	uint64_t pause_ms;     /* how long it stays open before a try */
	_Atomic uint32_t failures;
	_Atomic uint64_t opened_at_ms; /* 0: closed */
	_Atomic bool is_trying;        /* half open: the one try is under way */
};

void breaker_init(struct breaker *breaker, uint32_t failures_max, uint64_t pause_ms);
/* Whether to try now. True obliges the caller to report how it went. now_ms: of a monotonic clock. */
bool breaker_allows(struct breaker *breaker, uint64_t now_ms);
void breaker_succeeded(struct breaker *breaker);
void breaker_failed(struct breaker *breaker, uint64_t now_ms);
enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_ms);
