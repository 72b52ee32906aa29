/* system.h: the clock and random ports of the operating system. */
#pragma once

#include "ports/clock.h"
#include "ports/random.h"

/* CLOCK_REALTIME and CLOCK_MONOTONIC. Static; never freed. */
struct clock *system_clock(void);
/* getrandom(2), drawn into a small pool of each thread, so that an id costs no system call. Static; never freed. */
struct random *system_random(void);
