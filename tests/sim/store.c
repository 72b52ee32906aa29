/* store.c: a decorator of the memory store. Its additions are faults of a real database and its network. */
#include "tests/sim/store.h"

#include <assert.h>

#include "tests/sim/judge.h"
#include "tests/sim/world.h"

static struct process_store *self_of(struct store *store)
{
	return container_of(store, struct process_store, port);
}

static struct process *process_of(struct store *store)
{
	return self_of(store)->process;
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
	if (process->batches_max > 1 && !process->is_loading_alone && strikes(process, world->hardships.nested))
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
static enum store_result load_one(struct process_store *self, const struct needs *needs, struct view *view)
{
	enum store_result result = store_load(self->inner, needs, view);
	if (result == STORE_DOWN) { /* a replay has the store */
		world_cover(self->process->world, SITUATION_REPLAY_MET);
		self->process->current->disturbances++;
	}
	pass(self->process);
	return result;
}

static enum store_result load_torn(struct process_store *self, const struct needs *needs, struct view *view)
{
	enum store_result result = STORE_OK;
	world_cover(self->process->world, SITUATION_LOAD_TORN);
	for (uint32_t i = 0; result == STORE_OK && i < needs->key_count; i++)
		result = load_one(self, &(struct needs){.keys = &needs->keys[i], .key_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->payment_count; i++)
		result = load_one(self, &(struct needs){.payments = &needs->payments[i], .payment_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->sale_count; i++)
		result = load_one(self, &(struct needs){.sales = &needs->sales[i], .sale_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->seat_count; i++)
		result = load_one(self, &(struct needs){.seats = &needs->seats[i], .seat_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->hold_count; i++)
		result = load_one(self, &(struct needs){.holds = &needs->holds[i], .hold_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->order_count; i++)
		result = load_one(self, &(struct needs){.orders = &needs->orders[i], .order_count = 1}, view);
	for (uint32_t i = 0; result == STORE_OK && i < needs->refund_count; i++)
		result = load_one(self, &(struct needs){.refunds = &needs->refunds[i], .refund_count = 1}, view);
	return result;
}

/* Waits for the process that has the turn, while others work. If it still has the turn then, the wait ends. */
static void take_turns(struct process_store *self)
{
	struct world *world = self->process->world;
	self->wants_turn = false;
	self->port.missed_turn = false;
	for (uint32_t tries = 0; tries < 3; tries++) {
		bool is_free = true;
		for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
			is_free = is_free && (!shard_set_has(&self->shards, (uint8_t)shard) || world->turns[shard] == NULL);
		if (is_free)
			break;
		self->port.missed_turn = tries == 2;
		if (world->hardships.nested > 0 && world->depth < 3)
			world_interfere(world);
	}
	world_cover(world, self->port.missed_turn ? SITUATION_TURN_MISSED : SITUATION_TURN_TAKEN);
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		if (shard_set_has(&self->shards, (uint8_t)shard) && world->turns[shard] == NULL)
			world->turns[shard] = self;
}

static bool has_turn(const struct process_store *self)
{
	bool has_it = false;
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		has_it = has_it || self->process->world->turns[shard] == self;
	return has_it;
}

static enum store_result load_some(struct process_store *self, const struct needs *needs, struct view *view)
{
	struct process *process = self->process;
	struct world *world = process->world;
	if (self->wants_turn)
		take_turns(self);
	pass(process);
	enum store_result result = refuse(process);
	if (result != STORE_OK)
		return result;
	if (process->clears_view && !self->has_transaction && process->seen_commits != world->commit_count) {
		world_cover(world, SITUATION_VIEW_CLEARED);
		view_clear(view);
	}
	process->seen_commits = world->commit_count;
	if (!self->has_transaction && prng_chance(&world->prng, world->hardships.torn))
		return load_torn(self, needs, view);
	return load_one(self, needs, view);
}

static enum store_result sim_load(struct store *store, const struct needs *needs, struct view *view)
{
	struct process *process = process_of(store);
	process->is_loading_alone = process->current->commit->is_alone;
	enum store_result result = load_some(self_of(store), needs, view);
	process->is_loading_alone = false;
	return result;
}

static enum store_result commit_inner(struct process_store *self, const struct changes *changes)
{
	struct process *process = self->process;
	struct world *world = process->world;
	enum store_result result = store_commit(self->inner, changes);
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

static void sim_end_turn(struct store *store)
{
	struct process_store *self = self_of(store);
	self->wants_turn = false;
	for (uint32_t shard = 0; shard < SHARD_COUNT; shard++)
		if (self->process->world->turns[shard] == self)
			self->process->world->turns[shard] = NULL;
}

static enum store_result sim_commit_some(struct store *store, const struct changes *changes)
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
		self_of(store)->has_late = prng_chance(&world->prng, 500);
		return STORE_UNKNOWN;
	}
	result = commit_inner(self_of(store), changes);
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

static enum store_result sim_commit(struct store *store, const struct changes *changes)
{
	struct process_store *self = self_of(store);
	self->has_late = false;
	if (!changes->ends_turn && has_turn(self))
		world_cover(self->process->world, SITUATION_TURN_KEPT);
	enum store_result result = sim_commit_some(store, changes);
	if (changes->ends_turn)
		sim_end_turn(store);
	return result;
}

/* A lost commit arrives after all, once a process has asked for its result. */
static void let_late_arrive(struct process_store *self, const struct changes *changes)
{
	if (!self->has_late)
		return;
	self->has_late = false;
	world_cover(self->process->world, SITUATION_COMMIT_LATE);
	(void)commit_inner(self, changes);
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
	enum store_result result = store_resolve(self_of(store)->inner, changes, ret_committed);
	let_late_arrive(self_of(store), changes);
	pass(process);
	return result;
}

static void sim_take_turn(struct store *store, const struct shard_set *shards)
{
	sim_end_turn(store);
	self_of(store)->wants_turn = true;
	self_of(store)->shards = *shards;
}

static void sim_begin(struct store *store)
{
	struct process_store *self = self_of(store);
	world_cover(self->process->world, SITUATION_TRANSACTION);
	self->has_transaction = true;
	store_begin(self->inner);
}

static void sim_end(struct store *store)
{
	struct process_store *self = self_of(store);
	self->has_transaction = false;
	store_end(self->inner);
}

const struct store_operations sim_store_operations = {
	.take_turn = sim_take_turn,
	.end_turn = sim_end_turn,
	.begin = sim_begin,
	.end = sim_end,
	.load = sim_load,
	.commit = sim_commit,
	.resolve = sim_resolve,
};
