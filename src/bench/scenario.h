/* scenario.h: the kinds of load. Each is a phase that is measured, on events of a size that suits it, after another phase where it needs
 * one. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "bench/run.h"

struct scenario {
	struct bench_scenario about;
	enum step headline;           /* the step that the report leads with */
	const struct phase *prepares; /* NULL: nothing */
	const struct phase *measured;
	/* The seats that it makes by default: enough for so many journeys a second of a closed loop, or, if that is 0, these. */
	uint32_t journeys_per_second;
	uint32_t events;
	uint32_t seats;
};

/* NULL: there is none of this name. */
const struct scenario *scenario_find(const char *name);

extern const struct phase phase_holds, phase_flow, phase_soldout, phase_onsale, phase_read, phase_seats, phase_map, phase_availability,
	phase_page;

/* Gives the journey a user and seats that no other journey of the phase gets. False: there are none left. */
must_check bool scenario_take_seats(struct run *run, struct journey *journey);
/* The same for a phase of which only some journeys take seats: the number-th of them on its event. */
must_check bool scenario_take_place(struct run *run, struct journey *journey, uint64_t number);
