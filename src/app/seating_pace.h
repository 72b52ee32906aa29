/* seating_pace.h: how many seats of a large event are written at once, going by how long the last of them kept other writers waiting. */
#pragma once

#include <stdint.h>

struct seating_pace {
	uint32_t chunk; /* seats of the next chunk */
	uint32_t min, max;
	uint64_t wanted_ns; /* that a chunk holds others up */
};

/* A chunk that was written. */
struct seating_took {
	uint32_t seats;
	uint64_t held_ns;  /* for so long others could not write */
	uint64_t whole_ns; /* until the next chunk began: with waiting for others, and the pause for them */
	uint32_t rest;     /* seats that are to be written yet, … */
	uint64_t left_ns;  /* … within this time */
};

/* Begins with `min` seats. */
void seating_pace_begin(struct seating_pace *pace, uint32_t min, uint32_t max, uint64_t wanted_ns);
/* The next chunk holds others up as long as is wanted, if it takes as long for a seat as this one did; but it has so many seats that the
 * rest is written in time. It has twice as many as this one at most. */
void seating_pace_note(struct seating_pace *pace, const struct seating_took *took);
/* How long to wait after a chunk, so that those who waited for it get their turn. */
uint64_t seating_pace_pause_ms(uint64_t held_ns);
