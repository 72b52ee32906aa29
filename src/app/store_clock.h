/* store_clock.h: the clock of a process that shares a store with others: this machine's, less what that is ahead of the store's.
 *
 * So all processes tell one time: a deadline that one has set means the same to every other, however wrong the clocks of their machines
 * are. Until the store has answered first it is this machine's; so it stays with a store that has no clock of its own. Safe from any
 * thread. */
#pragma once

#include <stdint.h>

#include "ports/clock.h"

struct store_clock {
	struct clock base;
	struct clock *machine; /* borrowed */
	_Atomic int64_t ahead_ms;
};

void store_clock_init(struct store_clock *clock, struct clock *machine);
/* Sets how far the machine's clock is ahead of the store's, give or take error_ms. A difference within the error changes nothing. */
void store_clock_correct(struct store_clock *clock, int64_t ahead_ms, uint64_t error_ms);
