/* now.h: the clocks of the machine and a pause, for code that is not handed the time: adapters, loops and commands. The stages of a
 * request have the clock of ports/clock.h instead, which tests set. */
#pragma once

#include <stdint.h>

/* Milliseconds since 1970. It may be set back. */
uint64_t wall_now_ms(void);
/* Since some moment in the past; never goes back. */
uint64_t monotonic_now_ns(void);
static inline uint64_t monotonic_now_ms(void)
{
	return monotonic_now_ns() / 1000000;
}

/* Sleeps so long, whatever signals come. */
void pause_ns(uint64_t ns);
static inline void pause_ms(uint64_t ms)
{
	pause_ns(ms * 1000000);
}
