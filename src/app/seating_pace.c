/* seating_pace.c: a chunk in proportion to the time that the last one took. */
#include "app/seating_pace.h"

#include <assert.h>
#include <stddef.h>

#define PAUSE_MIN_MS 3 /* a writer of another process that waits for SQLite's lock looks every 2 ms */
#define PAUSE_MAX_MS 10
#define NS_PER_MS UINT64_C(1000000)

void seating_pace_begin(struct seating_pace *pace, uint32_t min, uint32_t max, uint64_t wanted_ns)
{
	assert(pace != NULL && min > 0 && min <= max && wanted_ns > 0);
	*pace = (struct seating_pace){.chunk = min, .min = min, .max = max, .wanted_ns = wanted_ns};
}

/* When so small a chunk is too slow for all that is left: one that is as much larger. The commits alone take most of the time of small
 * chunks. */
static uint64_t needed(const struct seating_took *took)
{
	assert(took->seats > 0);
	uint64_t chunks = took->left_ns / (took->whole_ns + 1) + 1;
	uint64_t per_chunk = took->rest / chunks + 1;
	return per_chunk > took->seats ? per_chunk : 0;
}

void seating_pace_note(struct seating_pace *pace, const struct seating_took *took)
{
	assert(pace != NULL && pace->min > 0 && took->seats > 0);
	assert(took->whole_ns >= took->held_ns);
	uint64_t seats = took->held_ns == 0 ? UINT64_MAX : took->seats * pace->wanted_ns / took->held_ns;
	uint64_t at_least = needed(took);
	seats = seats < at_least ? at_least : seats;
	seats = seats > 2 * (uint64_t)took->seats ? 2 * (uint64_t)took->seats : seats;
	seats = seats < pace->min ? pace->min : seats > pace->max ? pace->max : seats;
	pace->chunk = (uint32_t)seats;
}

uint64_t seating_pace_pause_ms(uint64_t held_ns)
{
	uint64_t pause_ms = held_ns / 4 / NS_PER_MS;
	static_assert(PAUSE_MIN_MS < PAUSE_MAX_MS, "a pause has a range");
	return pause_ms < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms;
}
