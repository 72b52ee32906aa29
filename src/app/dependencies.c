/* dependencies.c: the table. */
#include "app/dependencies.h"

#include <assert.h>

#define WAITED_FOR_MS 1000 /* calls that fail at once need no breaker: the store may be back for the next caller */

static const struct dependency_options table[DEPENDENCY_COUNT] = {
	/* A batch keeps its own deadline (commit_batch.c): it repeats what is safe to repeat until then. As many calls as batches in
	 * flight. */
	[DEPENDENCY_STORE] = {.deadline_ms = 4800, .calls_max = 8, .failures_max = 3, .pause_base_ms = 250, .pause_max_ms = 500},
	[DEPENDENCY_READS] = {.deadline_ms = 4500,
                              .calls_max = 8,
                              .failures_max = 3,
                              .pause_base_ms = 250,
                              .pause_max_ms = 500,
                              .slow_ms = WAITED_FOR_MS},
	[DEPENDENCY_OUTBOX] = {.deadline_ms = 4000, .calls_max = 1, .failures_max = 1, .pause_base_ms = 100, .pause_max_ms = 5000},
	[DEPENDENCY_CATALOG] = {.deadline_ms = 2000,
                                .calls_max = 1,
                                .failures_max = 3,
                                .pause_base_ms = 250,
                                .pause_max_ms = 500,
                                .slow_ms = WAITED_FOR_MS},
	[DEPENDENCY_ADMISSION] = {.deadline_ms = 20, .calls_max = 1, .failures_max = 1, .pause_base_ms = 100, .pause_max_ms = 500},
	[DEPENDENCY_BUS] = {.deadline_ms = 2000, .calls_max = 1, .failures_max = 1, .pause_base_ms = 100, .pause_max_ms = 5000},
	[DEPENDENCY_TOKEN_KEYS] = {.deadline_ms = 5000, .calls_max = 1, .failures_max = 1, .pause_base_ms = 5000, .pause_max_ms = 10000},
};

const char *const dependency_names[DEPENDENCY_COUNT] = {"store", "reads", "outbox", "catalog", "admission", "bus", "token keys"};

void dependencies_init(struct dependencies *dependencies, uint64_t random)
{
	assert(dependencies != NULL);
	for (uint32_t i = 0; i < DEPENDENCY_COUNT; i++)
		dependency_init(&dependencies->of[i], dependency_names[i], &table[i], random + i);
}

void dependencies_release(struct dependencies *dependencies)
{
	assert(dependencies != NULL);
	for (uint32_t i = 0; i < DEPENDENCY_COUNT; i++)
		dependency_release(&dependencies->of[i]);
}
