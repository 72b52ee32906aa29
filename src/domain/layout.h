/* layout.h: which seats an event has: blocks of rows ("A-1-12"), or a list. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "domain/limits.h"

struct layout_section {
	struct slice name;
	int64_t price; /* minor units */
	uint32_t rows;
	uint32_t seats_per_row;
};

struct layout_seat {
	struct slice seat;    /* the label, unique in its event */
	struct slice section; /* may be empty */
	struct slice row;     /* may be empty */
	int64_t price;
};

/* Either sections or seats, never both. Borrowed: the slices belong to its maker. */
struct layout {
	const struct layout_section *sections;
	uint32_t section_count;
	const struct layout_seat *seats;
	uint32_t seat_count;
};

/* Calls `visit` for every seat in the order of the layout, until it answers an error, which is returned.
 * A seat's slices live until the next call. */
enum error layout_each_seat(const struct layout *layout, enum error (*visit)(void *context, const struct layout_seat *seat), void *context);
/* Seats in all; saturates above SEATS_PER_EVENT_MAX. */
uint64_t layout_count(const struct layout *layout);
