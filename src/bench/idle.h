/* idle.h: connections that were used once and then only stay open, as those of browsers do: what do they cost the server, does it keep
 * them? */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "bench/endpoint.h"

struct idle {
	int *descriptors;
	uint32_t opened;
};

/* Opens up to `count` connections and gets an answer on each, so that the server has certainly taken it. idle->opened says how many it
 * were. */
void idle_open(struct idle *idle, const struct endpoint_list *endpoints, uint32_t count);
/* The number of connections that the server has kept. */
uint32_t idle_count_open(const struct idle *idle);
/* Closes them. Takes one that is all zero. */
void idle_release(struct idle *idle);
