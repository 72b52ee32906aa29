/* body_budget.h: limits the memory of the requests' bodies, over all loops of a server. Internal to http/.
 *
 * A body is charged as its storage grows, not by the length in its head; the charge is returned when its request ends. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct body_budget {
	uint64_t maximum; /* bytes */
	_Atomic uint64_t used;
};

/* False: they are not left, and nothing is charged. Safe from any thread. */
must_check bool body_budget_take(struct body_budget *budget, uint64_t bytes);
/* Gives the charged bytes back. Safe from any thread. */
void body_budget_give(struct body_budget *budget, uint64_t bytes);
