/* usage.h: counts the clients' use of a server, over all its loops. Internal to http/. Safe from any thread. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "http/body_budget.h"

struct address_counts;

struct usage {
	struct body_budget bodies;
	struct address_counts *addresses; /* NULL: an address may have any number of connections */
	_Atomic uint64_t refused;         /* connections beyond those that an address may have */
	_Atomic uint64_t evicted;         /* connections that were closed to make room for others */
};
