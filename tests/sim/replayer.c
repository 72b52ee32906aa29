/* replayer.c: the real rebuilder over the memory store, with a scratch store for each replay. */
#include "tests/sim/replayer.h"

#include <stdlib.h>

#include "app/rebuilder.h"
#include "tests/sim/world.h"

#define INTERRUPTED 250     /* of 1,000 replays */
#define OVERTAKEN 100       /* of 1,000 pages */
#define STEPS_WITHIN_MAX 12 /* of others, while a page was replayed */

static void let_others_work(void *context, uint64_t events, uint64_t rows)
{
	struct world *world = context;
	world->depth++;
	for (uint32_t i = prng_below(&world->prng, STEPS_WITHIN_MAX); i > 0; i--)
		world_interfere(world);
	world->depth--;
	(void)events;
	if (rows > 0 || !prng_chance(&world->prng, OVERTAKEN)) /* one that writes already cannot be overtaken */
		return;
	struct store *other;
	if (memory_store_new(world->database, &other) != OK || other->operations->replay_begin(other) != STORE_OK)
		abort();
	world_trace(world, "another replay begins");
	store_free(other);
}

/* Whether it ended well. */
static bool replay(struct world *world, void (*progress)(void *context, uint64_t events, uint64_t rows))
{
	struct memory_database *scratch = memory_database_new();
	struct rebuild rebuild = {.reader = world->reader, .progress = progress, .context = world};
	if (scratch == NULL || memory_store_new(world->database, &rebuild.store) != OK ||
	    memory_store_new(scratch, &rebuild.scratch) != OK || memory_reader_new(scratch, &rebuild.scratch_reader) != OK)
		abort();
	enum error error = rebuild_projections(&rebuild);
	bool is_overtaken = rebuild.ret_is_overtaken;
	store_free(rebuild.store);
	store_free(rebuild.scratch);
	reader_free(rebuild.scratch_reader);
	memory_database_free(scratch);
	if (error != OK && !is_overtaken)
		world_fail(world, "a replay fails: %s", rebuild.ret_problem == NULL ? error_title(error) : rebuild.ret_problem);
	world->is_marked = error != OK;
	world_trace(world, error == OK ? "a replay has ended" : "a replay was overtaken");
	return error == OK;
}

static void interrupt(struct world *world)
{
	struct store *store;
	if (memory_store_new(world->database, &store) != OK || store->operations->replay_begin(store) != STORE_OK)
		abort();
	if (prng_chance(&world->prng, 500) && store->operations->replay_clear(store) != STORE_OK)
		abort();
	store_free(store);
	world->is_marked = true;
	world_trace(world, "a replay is interrupted");
	world_cover(world, SITUATION_REPLAY_INTERRUPTED);
}

void replayer_step(struct world *world)
{
	if (!prng_chance(&world->prng, world->hardships.replay))
		return;
	if (prng_chance(&world->prng, INTERRUPTED)) {
		interrupt(world);
		return;
	}
	world_trace(world, "a replay begins");
	world_cover(world, replay(world, let_others_work) ? SITUATION_REPLAY_UNDER_LOAD : SITUATION_REPLAY_OVERTAKEN);
}

void replayer_finish(struct world *world)
{
	if (world->is_marked && !replay(world, NULL))
		world_fail(world, "a replay that nobody overtakes is overtaken");
}
