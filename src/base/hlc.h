/* hlc.h: a hybrid logical clock (Kulkarni et al. 2014): wall time that never runs backwards past a stamp that it has seen.
 *
 * A stamp is 60 bits: milliseconds since 1970 shifted left by 12, plus a counter. Stamps of one clock strictly increase, and are
 * greater than every stamp it has observed, so that whatever was decided on a row comes after the row, even between servers whose clocks
 * differ. */
#pragma once

#include <stdint.h>

#define HLC_COUNTER_BITS 12

struct hlc {
	uint64_t latest; /* the greatest stamp given out or observed */
};

static inline uint64_t hlc_milliseconds(uint64_t stamp)
{
	return stamp >> HLC_COUNTER_BITS;
}

static inline uint64_t hlc_from_milliseconds(uint64_t ms)
{
	return ms << HLC_COUNTER_BITS;
}

static inline void hlc_observe(struct hlc *clock, uint64_t stamp)
{
	if (stamp > clock->latest)
		clock->latest = stamp;
}

/* A fresh stamp: now, or just past the latest one when the wall clock is behind it. */
static inline uint64_t hlc_next(struct hlc *clock, uint64_t now_ms)
{
	uint64_t wall = hlc_from_milliseconds(now_ms);
	clock->latest = wall > clock->latest ? wall : clock->latest + 1;
	return clock->latest;
}
