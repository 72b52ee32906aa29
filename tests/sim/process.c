/* process.c: takes what waits, lets the real commit stage serve it, hands the answers to the judge. */
#include "tests/sim/process.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/judge.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define BATCH_MAX 6
#define GOES_ON 700 /* per thousand: the next part of a batch's way follows at once */

static uint64_t now_ms(const struct process *process)
{
	return (uint64_t)((int64_t)process->world->now_ms + process->skew_ms);
}

static uint64_t sim_now_ms(struct clock *clock)
{
	struct process *process = container_of(clock, struct process, clock);
	process->current->decided_ms = now_ms(process);
	return process->current->decided_ms;
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
		process->current->disturbances++;
		world_interfere(world);
	}
}

static bool sim_has_more(void *context)
{
	return ((struct process *)context)->queued > 0;
}

/* Clients came while the batch waited for its turn. */
static uint32_t sim_take_more(void *context, uint32_t count, struct list *jobs)
{
	struct process *process = context;
	struct world *world = process->world;
	assert(count > 0);
	uint32_t more = prng_below(&world->prng, BATCH_MAX);
	if (more > process->queued)
		more = process->queued;
	if (more > 0)
		world_cover(world, SITUATION_BATCH_JOINED);
	for (uint32_t i = 0; i < more; i++) {
		struct list_node *node = list_pop(&process->queue);
		attempt_of(container_of(node, struct job, node))->batch = process->current->number;
		list_push(jobs, node);
	}
	process->queued -= more;
	return more;
}

static void start_committer(struct process *process)
{
	struct prng *prng = &process->world->prng;
	static const uint32_t batches_max[] = {1, 2, PROCESS_BATCHES_MAX};
	struct store *stores[PROCESS_BATCHES_MAX];
	process->batches_max = batches_max[prng_below(prng, ARRAY_LENGTH(batches_max))];
	for (uint32_t i = 0; i < process->batches_max; i++)
		stores[i] = &process->stores[i].port;
	const struct committer_options options = {
		.stores = stores,
		.store_count = process->batches_max,
		.clock = &process->clock,
		.random = &process->random,
		.view_rows_max = 1 + prng_below(prng, 40),
		.tries_max = PROCESS_TRIES_MAX,
		.pause = sim_pause,
		.has_more = sim_has_more,
		.take_more = sim_take_more,
		.context = process,
	};
	bool has_local_reads = prng_chance(prng, 500);
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++)
		process->stores[i].port.has_local_reads = has_local_reads;
	process->is_loading_alone = false;
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
		.clock.operations = &clock_operations,
		.random.operations = &random_operations,
	};
	list_init(&process->queue);
	list_init(&process->waiting);
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++)
		list_init(&process->batches[i].jobs);
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++) {
		process->stores[i] = (struct process_store){.port.operations = &sim_store_operations, .process = process};
		if (memory_store_new(world->database, &process->stores[i].inner) != OK)
			abort();
	}
	start_committer(process);
}

void process_stop(struct process *process)
{
	committer_free(process->committer);
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++)
		store_free(process->stores[i].inner);
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
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++) {
		store_end(&process->stores[i].port);
		process->stores[i].port.operations->end_turn(&process->stores[i].port); /* it goes with the session */
		lose(process, &process->batches[i].jobs);
		process->batches[i].commit = NULL;
		process->batches[i].is_at_work = false;
	}
	lose(process, &process->waiting);
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

static uint32_t count_in_flight(const struct process *process)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++)
		count += process->batches[i].commit != NULL;
	return count;
}

bool process_is_busy(const struct process *process)
{
	return process->queued > 0 || count_in_flight(process) > 0;
}

/* Makes a batch of the first of the queue. */
static void take_batch(struct process *process, struct batch *batch)
{
	struct world *world = process->world;
	uint32_t count = 1 + prng_below(&world->prng, BATCH_MAX);
	if (count > process->queued)
		count = process->queued;
	world_trace(world, "process %u takes %u commands", process->number, count);
	if (count_in_flight(process) > 0)
		world_cover(world, SITUATION_BATCH_BESIDE_ANOTHER);
	batch->number = ++world->batch_count;
	batch->next = PART_DECIDE;
	batch->disturbances = 0;
	batch->began_ms = world->now_ms;
	batch->seen_commits = world->commit_count;
	for (uint32_t i = 0; i < count; i++) {
		struct list_node *node = list_pop(&process->queue);
		attempt_of(container_of(node, struct job, node))->batch = batch->number;
		list_push(&batch->jobs, node);
	}
	process->queued -= count;
	batch->commit = commit_batch_begin(process->committer, &batch->jobs, count, commit_batch_deadline_ns(process->committer));
}

/* Those that have to wait come first the next time. */
static void put_back_waiting(struct process *process)
{
	list_for_each(node, &process->waiting) {
		world_cover(process->world, SITUATION_COMMAND_WAITED);
		process->queued++;
	}
	list_splice(&process->waiting, &process->queue);
	list_splice(&process->queue, &process->waiting);
}

static void commit_batch(struct process *process, struct batch *batch)
{
	struct world *world = process->world;
	for (uint32_t i = 0; i < PROCESS_BATCHES_MAX; i++)
		if (process->batches[i].commit != NULL && process->batches[i].next == PART_COMMIT &&
		    process->batches[i].number < batch->number)
			world_cover(world, SITUATION_BATCH_OVERTAKES);
	commit_batch_commit(batch->commit);
}

static void answer_batch(struct process *process, struct batch *batch)
{
	batch->commit = NULL;
	for (struct list_node *node; (node = list_pop(&batch->jobs)) != NULL;)
		judge_answer(process->world, process, attempt_of(container_of(node, struct job, node)));
}

/* The next part of its way. */
static void advance(struct process *process, struct batch *batch)
{
	struct world *world = process->world;
	if (world->commit_count != batch->seen_commits || world->now_ms - batch->began_ms >= PATIENCE_MS)
		batch->disturbances++;
	batch->seen_commits = world->commit_count;
	switch (batch->next) {
	case PART_DECIDE:
		commit_batch_decide(batch->commit, &process->waiting);
		put_back_waiting(process);
		batch->next = PART_COMMIT;
		break;
	case PART_COMMIT:
		commit_batch(process, batch);
		batch->next = PART_SETTLE;
		break;
	case PART_SETTLE:
		commit_batch_settle(batch->commit);
		batch->next = PART_DECIDE;
		if (!commit_batch_is_answered(batch->commit)) {
			commit_batch_pause(batch->commit);
			break;
		}
		commit_batch_end(batch->commit);
		answer_batch(process, batch);
		break;
	}
}

/* One of those in flight that is not at work, or a new one; NULL: there is none. */
static struct batch *choose_batch(struct process *process)
{
	struct batch *choices[PROCESS_BATCHES_MAX];
	struct batch *fresh = NULL;
	uint32_t count = 0;
	for (uint32_t i = 0; i < process->batches_max; i++) {
		struct batch *batch = &process->batches[i];
		if (batch->commit != NULL && !batch->is_at_work)
			choices[count++] = batch;
		else if (batch->commit == NULL && fresh == NULL && process->queued > 0)
			choices[count++] = fresh = batch;
	}
	if (count == 0)
		return NULL;
	struct batch *batch = choices[prng_below(&process->world->prng, count)];
	if (batch == fresh)
		take_batch(process, batch);
	return batch;
}

static void go_on(struct process *process, struct batch *batch)
{
	struct world *world = process->world;
	struct batch *outer = process->current;
	process->current = batch;
	batch->is_at_work = true;
	world->depth++;
	do {
		advance(process, batch);
	} while (batch->commit != NULL && prng_chance(&world->prng, GOES_ON));
	world->depth--;
	batch->is_at_work = false;
	process->current = outer;
}

void process_step(struct process *process)
{
	assert(!process->is_running);
	struct batch *batch = choose_batch(process);
	if (batch == NULL)
		return;
	uint32_t depth = process->world->depth;
	process->is_running = true;
	if (setjmp(process->crash) == 0) {
		go_on(process, batch);
		process->is_running = false;
	} else {
		process->is_running = false;
		process->world->depth = depth;
		restart(process);
	}
}

void process_step_beside(struct process *process)
{
	assert(process->is_running);
	struct batch *batch = choose_batch(process);
	if (batch == NULL)
		return;
	world_cover(process->world, SITUATION_BATCH_WITHIN_ANOTHER);
	go_on(process, batch);
}
