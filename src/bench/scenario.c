/* scenario.c: the table of scenarios, and how fresh seats are handed out. */
#include "bench/scenario.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct scenario scenarios[] = {
	{
		.about = {"holds", "every request holds seats that nobody has had"},
		.headline = STEP_HOLD,
		.measured = &phase_holds,
		.journeys_per_second = 30000,
	},
	{
		.about = {"flow", "hold, order, payment: whole purchases of fresh seats"},
		.headline = STEP_FLOW,
		.measured = &phase_flow,
		.journeys_per_second = 15000,
	},
	{
		.about = {"soldout", "holds on an event whose every seat is sold: all are refused"},
		.headline = STEP_HOLD,
		.prepares = &phase_flow,
		.measured = &phase_soldout,
		.events = 1,
		.seats = 1000,
	},
	{
		.about = {"onsale", "many buyers for few seats, who give up, hang up, repeat themselves, pay or fail to"},
		.headline = STEP_HOLD,
		.measured = &phase_onsale,
		.events = 50,
		.seats = 500,
	},
	{
		.about = {"read", "GET of a hold by its owner"},
		.headline = STEP_READ,
		.prepares = &phase_holds,
		.measured = &phase_read,
		.events = 1,
		.seats = 1000,
	},
	{
		.about = {"seats", "GET of a seat map, page by page"},
		.headline = STEP_SEATS,
		.prepares = &phase_holds,
		.measured = &phase_seats,
		.events = 1,
		.seats = 1000,
	},
	{
		.about = {"map", "a compressed page of a seat map, while seats of the event are held"},
		.headline = STEP_SEATS,
		.measured = &phase_map,
		.events = 1,
		.seats = 100000,
	},
	{
		.about = {"availability", "the seats left in the sections of an event, while seats are held"},
		.headline = STEP_AVAILABILITY,
		.measured = &phase_availability,
		.events = 1,
		.seats = 100000,
	},
	{
		.about = {"page", "the page of an event that everybody looks at"},
		.headline = STEP_PAGE,
		.measured = &phase_page,
		.events = 1,
		.seats = 1000,
	},
};

const struct scenario *scenario_find(const char *name)
{
	assert(name != NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++) {
		if (strcmp(scenarios[i].about.name, name) == 0)
			return &scenarios[i];
	}
	return NULL;
}

const struct bench_scenario *bench_scenario_at(uint32_t index)
{
	return index < ARRAY_LENGTH(scenarios) ? &scenarios[index].about : NULL;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* The number-th of `count` places, all of them once, far from each other: steps of the golden section. */
static uint32_t scatter(uint32_t number, uint32_t count)
{
	uint32_t stride = (uint32_t)((uint64_t)count * 618 / 1000) | 1;
	while (greatest_common_divisor(stride, count) != 1)
		stride += 2;
	return (uint32_t)((uint64_t)number * stride % count);
}

bool scenario_take_seats(struct run *run, struct journey *journey)
{
	return scenario_take_place(run, journey, run->next / run->options.events);
}

bool scenario_take_place(struct run *run, struct journey *journey, uint64_t number)
{
	uint32_t per_hold = run->options.seats_per_hold;
	uint32_t places = run->options.seats / per_hold;
	if (number >= places)
		return false;
	uint32_t place = run->options.is_scattered ? scatter((uint32_t)number, places) : (uint32_t)number;
	journey->user = dice_below(&run->dice, run->options.users);
	journey->event = (uint32_t)(run->next % run->options.events);
	journey->seats = (struct wire_seats){.first = place * per_hold, .count = per_hold};
	return true;
}
