/* seat_plan.h: which seats the events of the load generator have: sections of 100 rows of 100 seats, numbered from 0 in that order.
 * Seat 0 is A-1-1, seat 99 is A-1-100, seat 100 is A-2-1, seat 10,000 is B-1-1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"

#define SEAT_PLAN_SEATS_MAX 1000000 /* 100 sections */
#define SEAT_PLAN_LABEL_MAX 15

struct seat_label_text {
	char text[SEAT_PLAN_LABEL_MAX + 1];
	uint32_t length;
};

/* The number of seats an event gets when it shall have at least `seats`: beyond one row, whole rows. */
uint32_t seat_plan_round(uint32_t seats);
/* Writes the `sections` of the body of POST /v1/events: "[{…},…]". `seats` was rounded. */
void seat_plan_write(struct buffer *body, uint32_t seats);

struct seat_label_text seat_plan_label(uint32_t seat);
/* False: no label of this plan. */
must_check bool seat_plan_parse(struct slice label, uint32_t *ret_seat);
/* Minor units. */
uint64_t seat_plan_price(uint32_t seat);
