/* breaker: a circuit breaker in front of something that may be down. CLOSED → OPEN after consecutive failures → HALF_OPEN after a pause,
 * when one try decides. While it is open callers fail at once instead of waiting.
 *
 * A monitor that knows by other means that the dependency does not serve may hold it open: then no caller tries, until it is released.
 * Safe from any thread. */
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
	uint32_t failures_max;     /* consecutive failures that open it */
	_Atomic uint64_t pause_ms; /* from its opening to the next try; may be changed before each failure */
	_Atomic uint32_t failures;
	_Atomic uint64_t opened_at_ms; /* 0: closed */
	_Atomic bool is_trying;        /* half open: the one try is under way */
	_Atomic bool is_held;          /* open, whatever the others say */
	_Atomic bool has_succeeded;    /* since breaker_watch */
};

void breaker_init(struct breaker *breaker, uint32_t failures_max, uint64_t pause_ms);
/* True: try now, and report the result. now_ms: of a monotonic clock. */
bool breaker_allows(struct breaker *breaker, uint64_t now_ms);
void breaker_succeeded(struct breaker *breaker);
void breaker_failed(struct breaker *breaker, uint64_t now_ms);
/* The try has found nothing out: another may be made. */
void breaker_undecided(struct breaker *breaker);
/* The least time until the breaker lets a try in; 0: it lets one in now, or all. 1, as the time is not known, while the breaker is held
 * or a try is under way. */
uint64_t breaker_pause_ms(const struct breaker *breaker, uint64_t now_ms);

/* The monitor calls it before it checks: a success reported after that outweighs the check. */
void breaker_watch(struct breaker *breaker);
/* Opens the breaker and keeps it open, unless a success was reported since breaker_watch. True: it is held now. */
bool breaker_hold(struct breaker *breaker);
bool breaker_is_held(const struct breaker *breaker);
/* Closes it, if it was held. */
void breaker_release(struct breaker *breaker);

enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_ms);
