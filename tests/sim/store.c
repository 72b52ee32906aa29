/* store.c: a decorator of the memory store. Whatever it does besides is what a real database and its network may do. */
#include "tests/sim/store.h"

#include <assert.h>

#include "tests/sim/judge.h"
#include "tests/sim/world.h"

static struct process *process_of(struct store *store)
{
	return container_of(store, struct process, store);
}

static bool strikes(struct process *process, uint32_t permille)
{
	bool does = prng_chance(&process->world->prng, permille);
	if (does)
		process->current->disturbances++;
	return does;
}

/* Time passes around an operation: the process may die, and others work, other batches of the process too. */
static void pass(struct process *process)
{
	struct world *world = process->world;
	if (strikes(process, world->hardships.crash)) {
		world_cover(world, SITUATION_CRASH);
		process_crash(process);
	}
	if (strikes(process, world->hardships.nested))
		world_interfere(world);
	if (process->batches_max > 1 && strikes(process, world->hardships.nested))
		process_step_beside(process);
}

/* STORE_OK: nothing is wrong. */
static enum store_result refuse(struct process *process)
{
	struct world *world = process->world;
	if (strikes(process, world->hardships.busy)) {
		world_cover(world, SITUATION_STORE_BUSY_MET);
		return STORE_BUSY;
	}
	if (strikes(process, world->hardships.down)) {
		world_cover(world, SITUATION_STORE_DOWN_MET);
		return STORE_DOWN;
	}
	return STORE_OK;
}

/* One row, and then somebody else's turn. */
static enum store_result load_one(struct process *process, const struct needs *needs, struct view *view)
{
	enum store_result result = store_load(process->inner, needs, view);
	if (result == STORE_DOWN) { /* a replay has the store */
		world_cover(process->world, SITUATION_REPLAY_MET);
		process->current->disturbances++;
	}
	pass(process);
	return result;
}

static enum store_result load_torn(struct process *process, const struct needs *needs, struct view *view)
{
	enum store_result result = STORE_OK;
	world_cover(process->world, SITUATION_LOAD_TORN);
	for (uint32_t i = 0; result == STORE_OK && i < needs->key_count; i++)
		result = load_one(process, &(struct needs){.keys = &needs->keys[i], .key_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->payment_count; i++)
		result = load_one(process, &(struct needs){.payments = &needs->payments[i], .payment_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->sale_count; i++)
		result = load_one(process, &(struct needs){.sales = &needs->sales[i], .sale_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->seat_count; i++)
		result = load_one(process, &(struct needs){.seats = &needs->seats[i], .seat_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->hold_count; i++)
		result = load_one(process, &(struct needs){.holds = &needs->holds[i], .hold_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->order_count; i++)
		result = load_one(process, &(struct needs){.orders = &needs->orders[i], .order_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->refund_count; i++)
		result = load_one(process, &(struct needs){.refunds = &needs->refunds[i], .refund_count = 1}, view);
	return result;
}

static enum store_result sim_load(struct store *store, const struct needs *needs, struct view *view)
{
	struct process *process = process_of(store);
	struct world *world = process->world;
	pass(process);
	enum store_result result = refuse(process);
	if (result != STORE_OK)
		return result;
	if (process->clears_view && process->seen_commits != world->commit_count) {
		world_cover(world, SITUATION_VIEW_CLEARED);
		view_clear(view);
	}
	process->seen_commits = world->commit_count;
	if (prng_chance(&world->prng, world->hardships.torn))
		return load_torn(process, needs, view);
	return load_one(process, needs, view);
}

static enum store_result commit_inner(struct process *process, const struct changes *changes)
{
	struct world *world = process->world;
	enum store_result result = store_commit(process->inner, changes);
	if (result != STORE_OK) {
		world_cover(world, SITUATION_BATCH_STALE);
		return result;
	}
	if (changes->event_count > 0) {
		world->commit_count++;
		process->seen_commits++;
		world_cover(world, SITUATION_BATCH_COMMITTED);
		judge_commit(world, process, changes);
	}
	return STORE_OK;
}

static enum store_result sim_commit(struct store *store, const struct changes *changes)
{
	struct process *process = process_of(store);
	struct world *world = process->world;
	pass(process);
	enum store_result result = refuse(process);
	if (result != STORE_OK)
		return result;
	bool is_silent = strikes(process, world->hardships.unknown);
	if (is_silent && prng_chance(&world->prng, 500)) {
		world_cover(world, SITUATION_UNKNOWN_NOT_DONE);
		return STORE_UNKNOWN;
	}
	result = commit_inner(process, changes);
	if (strikes(process, world->hardships.crash)) {
		world_cover(world, SITUATION_CRASH_AFTER_COMMIT);
		process_crash(process);
	}
	pass(process);
	if (!is_silent)
		return result;
	world_cover(world, result == STORE_OK ? SITUATION_UNKNOWN_DONE : SITUATION_UNKNOWN_NOT_DONE);
	return STORE_UNKNOWN;
}

static enum store_result sim_resolve(struct store *store, const struct changes *changes, bool *ret_committed)
{
	struct process *process = process_of(store);
	struct world *world = process->world;
	pass(process);
	if (strikes(process, world->hardships.resolve)) {
		world_cover(world, SITUATION_RESOLVE_FAILED);
		return prng_chance(&world->prng, 500) ? STORE_BUSY : STORE_DOWN;
	}
	enum store_result result = store_resolve(process->inner, changes, ret_committed);
	pass(process);
	return result;
}

const struct store_operations sim_store_operations = {.load = sim_load, .commit = sim_commit, .resolve = sim_resolve};
