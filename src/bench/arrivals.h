/* arrivals.h: when the journeys of a run begin.
 *
 * At a fixed rate they begin at their moments whether or not earlier ones were answered, and latencies count from that moment: a slow
 * server cannot make the load it is measured with lighter (no "coordinated omission"). At rate 0 a journey begins as soon as a connection
 * is free. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

#define ARRIVALS_OVER UINT64_MAX

struct arrivals {
	uint64_t start_ns;
	uint64_t end_ns;  /* none begins at or after it; UINT64_MAX: no end */
	uint64_t rate;    /* a second; 0: closed loop */
	uint64_t maximum; /* that may begin; 0: any number */
	uint64_t begun;
};

/* When the next one may begin: in the past when one is due, ARRIVALS_OVER when there will be none. */
uint64_t arrivals_due_ns(const struct arrivals *arrivals, uint64_t now_ns);
/* Takes the arrival that is due. False: none is, *ret_intended_ns untouched. */
must_check bool arrivals_take(struct arrivals *arrivals, uint64_t now_ns, uint64_t *ret_intended_ns);
/* Arrivals whose moment came, in a run that lasted to its end, without a connection to take them. */
uint64_t arrivals_missed(const struct arrivals *arrivals);
