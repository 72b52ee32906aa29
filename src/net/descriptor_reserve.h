/* descriptor_reserve.h: keeps file descriptors back, so that a server whose process has none left can still accept clients.
 *
 * A thread that finds none spends one of the reserve and tries again; a thread that closes a descriptor fills the reserve up first. One
 * thread at a time uses a reserve. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

#define DESCRIPTOR_RESERVE_MAX 16

/* All zero it is an empty one of no capacity. */
struct descriptor_reserve {
	int descriptors[DESCRIPTOR_RESERVE_MAX];
	uint32_t count;
	uint32_t capacity;
};

/* Takes `capacity` descriptors, at most DESCRIPTOR_RESERVE_MAX. ERR_SYSTEM: they are not to be had, and the reserve is empty. */
must_check enum error descriptor_reserve_init(struct descriptor_reserve *reserve, uint32_t capacity);
/* Gives them all back. */
void descriptor_reserve_release(struct descriptor_reserve *reserve);
/* Gives one descriptor back to the process. False: none is left. */
must_check bool descriptor_reserve_spend(struct descriptor_reserve *reserve);
/* Fills the reserve up again, as far as descriptors are to be had. Costs nothing while none was spent. */
void descriptor_reserve_refill(struct descriptor_reserve *reserve);
