/* process.c: takes what waits, lets the real commit stage serve it, hands the answers to the judge. */
#include "tests/sim/process.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/judge.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define BATCH_MAX 6

static uint64_t sim_now_ms(struct clock *clock)
{
	struct process *process = container_of(clock, struct process, clock);
	process->decided_ms = process_now_ms(process);
	return process->decided_ms;
}

static uint64_t sim_monotonic_ns(struct clock *clock)
{
	return container_of(clock, struct process, clock)->world->now_ms * 1000000;
}

static const struct clock_operations clock_operations = {.now_ms = sim_now_ms, .monotonic_ns = sim_monotonic_ns};

static void sim_fill(struct random *random, void *memory, size_t length)
{
	struct process *process = container_of(random, struct process, random);
	uint8_t *bytes = memory;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)prng_next(&process->world->prng);
}

static const struct random_operations random_operations = {.fill = sim_fill};

/* Between two tries: time goes on, and so do the others. */
static void sim_pause(void *context, uint64_t ms)
{
	struct process *process = context;
	struct world *world = process->world;
	world->now_ms += ms;
	if (prng_chance(&world->prng, world->hardships.crash))
		process_crash(process);
	if (prng_chance(&world->prng, world->hardships.nested)) {
		process->disturbances++;
		world_interfere(world);
	}
}

uint64_t process_now_ms(const struct process *process)
{
	return (uint64_t)((int64_t)process->world->now_ms + process->skew_ms);
}

static void start_committer(struct process *process)
{
	struct prng *prng = &process->world->prng;
	const struct committer_options options = {
		.store = &process->store,
		.clock = &process->clock,
		.random = &process->random,
		.view_rows_max = 1 + prng_below(prng, 40),
		.tries_max = PROCESS_TRIES_MAX,
		.pause = sim_pause,
		.context = process,
	};
	process->store.has_local_reads = prng_chance(prng, 500);
	process->clears_view = prng_chance(prng, 300);
	process->seen_commits = 0;
	if (committer_new(&options, &process->committer) != OK)
		abort();
}

void process_start(struct process *process, struct world *world, uint32_t number)
{
	*process = (struct process){
		.world = world,
		.number = number,
		.store.operations = &sim_store_operations,
		.clock.operations = &clock_operations,
		.random.operations = &random_operations,
	};
	list_init(&process->queue);
	list_init(&process->batch);
	if (memory_store_new(world->database, &process->inner) != OK)
		abort();
	start_committer(process);
}

void process_stop(struct process *process)
{
	committer_free(process->committer);
	store_free(process->inner);
}

static void lose(struct process *process, struct list *jobs)
{
	for (struct list_node *node; (node = list_pop(jobs)) != NULL;)
		judge_loss(process->world, attempt_of(container_of(node, struct job, node)));
}

static void restart(struct process *process)
{
	world_trace(process->world, "process %u crashes", process->number);
	committer_free(process->committer);
	lose(process, &process->batch);
	lose(process, &process->queue);
	process->queued = 0;
	start_committer(process);
}

void process_crash(struct process *process)
{
	if (process->is_running)
		longjmp(process->crash, 1);
	restart(process);
}

/* Moves the first of the queue to the batch; answers how many. */
static uint32_t take_batch(struct process *process)
{
	uint32_t count = 1 + prng_below(&process->world->prng, BATCH_MAX);
	if (count > process->queued)
		count = process->queued;
	process->world->batch_count++;
	for (uint32_t i = 0; i < count; i++) {
		struct list_node *node = list_pop(&process->queue);
		attempt_of(container_of(node, struct job, node))->batch = process->world->batch_count;
		list_push(&process->batch, node);
	}
	process->queued -= count;
	return count;
}

void process_step(struct process *process)
{
	struct world *world = process->world;
	assert(!process->is_running);
	if (process->queued == 0)
		return;
	uint32_t count = take_batch(process);
	uint32_t depth = world->depth;
	world_trace(world, "process %u takes %u commands", process->number, count);
	process->is_running = true;
	process->disturbances = 0;
	world->depth++;
	if (setjmp(process->crash) == 0) {
		committer_step(process->committer, &process->batch, count);
		process->is_running = false;
		for (struct list_node *node; (node = list_pop(&process->batch)) != NULL;)
			judge_answer(world, process, attempt_of(container_of(node, struct job, node)));
	} else {
		process->is_running = false;
		restart(process);
	}
	world->depth = depth;
}
