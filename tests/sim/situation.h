/* situation.h: recognises what is interesting in what was done and answered, for the coverage. */
#pragma once

#include "domain/event.h"
#include "tests/sim/model.h"

struct world;
struct attempt;

/* Before the model's newest moment takes the attempt in. `first` is the first of its events. */
void world_cover_success(struct world *world, const struct attempt *attempt, const struct answer *answer, const struct event *first,
                         uint64_t decided_ms);
void world_cover_replay(struct world *world, const struct attempt *attempt, const struct attempt *first);
void world_cover_outcome(struct world *world, const struct attempt *attempt);
