/* world.c: begins a run, lets things happen, and brings it to its end. */
#include "tests/sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/audit.h"
#include "tests/sim/client.h"
#include "tests/sim/replayer.h"

#define DEPTH_MAX 3
#define SKEW_MAX_MS 2000
#define JUMP_MAX_MS (3600 * 1000)
#define LEAP_MAX_MS 20000 /* of the world's time, to a deadline */

void world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(world->failure, sizeof world->failure, format, arguments);
	va_end(arguments);
	longjmp(world->failed, 1);
}

void world_trace(struct world *world, const char *format, ...)
{
	if (world->trace == NULL)
		return;
	char *line = world->trace->lines[world->trace->count++ % TRACE_LINES];
	int length = snprintf(line, TRACE_LINE_LENGTH, "%6" PRIu32 " %+8" PRId64 " ms %*s", world->step,
	                      (int64_t)(world->now_ms - START_MS), (int)world->depth * 2, "");
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line + length, (size_t)(TRACE_LINE_LENGTH - length), format, arguments);
	va_end(arguments);
}

/* FNV-1a (Fowler, Noll and Vo). */
void world_digest(struct world *world, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < length; i++)
		world->digest = (world->digest ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static uint64_t expirer_now_ms(struct clock *clock)
{
	return container_of(clock, struct world, expirer_clock)->now_ms;
}

static uint64_t expirer_monotonic_ns(struct clock *clock)
{
	return container_of(clock, struct world, expirer_clock)->now_ms * 1000000;
}

static void expirer_fill(struct random *random, void *memory, size_t length)
{
	struct world *world = container_of(random, struct world, expirer_random);
	uint8_t *bytes = memory;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)prng_next(&world->prng);
}

static void expirer_submit(void *context, struct job *job)
{
	struct world *world = context;
	enum command_kind kind = job->command.kind;
	bool is_hold = kind == COMMAND_HOLD_EXPIRE || kind == COMMAND_HOLD_CALL_OFF;
	bool is_sale = kind == COMMAND_SALE_SETTLE;
	const struct uuid *id = is_sale ? &job->command.event_id : is_hold ? &job->command.hold_id : &job->command.order_id;
	const struct request request = {
		.kind = kind,
		.event = event_of(id),
		.hold = is_hold ? number_of(id) : NOBODY,
		.order = is_hold || is_sale ? NOBODY : number_of(id),
		.transaction = NOBODY,
		.key = NOBODY,
		.refund = ANY_REFUND,
	};
	struct attempt *attempt = world_submit(world, &request, &world->processes[prng_below(&world->prng, PROCESS_COUNT)], job);
	if (attempt == NULL) {
		job->outcome = (struct outcome){.error = ERR_OVERLOADED};
		job->done(job);
	}
}

static void expirer_wake(void *context)
{
	(void)context; /* it is stepped at random */
}

static const struct clock_operations clock_operations = {.now_ms = expirer_now_ms, .monotonic_ns = expirer_monotonic_ns};
static const struct random_operations random_operations = {.fill = expirer_fill};

static void start_expirer(struct world *world)
{
	world->expirer_clock.operations = &clock_operations;
	world->expirer_random.operations = &random_operations;
	const struct expirer_options options = {
		.reader = world->expirer_reader,
		.clock = &world->expirer_clock,
		.random = &world->expirer_random,
		.submit = expirer_submit,
		.wake = expirer_wake,
		.context = world,
	};
	if (expirer_new(&options, &world->expirer) != OK)
		abort();
}

/* One of: never, seldom, often. */
static uint32_t draw_rate(struct world *world, uint32_t seldom, uint32_t often)
{
	const uint32_t rates[] = {0, seldom, often};
	return rates[prng_below(&world->prng, 3)];
}

static struct hardships draw_hardships(struct world *world)
{
	return (struct hardships){
		.nested = draw_rate(world, 50, 250),
		.torn = draw_rate(world, 200, 800),
		.busy = draw_rate(world, 10, 80),
		.down = draw_rate(world, 5, 40),
		.unknown = draw_rate(world, 20, 150),
		.crash = draw_rate(world, 3, 15),
		.resolve = draw_rate(world, 100, 500),
		.hang = draw_rate(world, 2, 10),
		.replay = draw_rate(world, 200, 1000),
	};
}

static int64_t draw_skew(struct world *world, uint32_t maximum_ms)
{
	return (int64_t)prng_below(&world->prng, 2 * maximum_ms + 1) - maximum_ms;
}

static void begin(struct world *world, uint64_t seed, struct coverage *coverage, struct trace *trace)
{
	world->seed = seed;
	world->prng = (struct prng){.state = seed * UINT64_C(0x9e3779b97f4a7c15)};
	world->hardships = (struct hardships){0};
	world->hold_ttl_ms = 100 + prng_below(&world->prng, 2000);
	world->order_ttl_ms = 100 + prng_below(&world->prng, 3000);
	world->now_ms = START_MS;
	world->step = world->depth = world->commit_count = world->batch_count = 0;
	world->created_events = 0;
	world->is_marked = false;
	world->attempt_count = 0;
	memset(world->refund_ids, 0, sizeof world->refund_ids);
	world->digest = UINT64_C(0xcbf29ce484222325);
	world->coverage = coverage;
	world->trace = trace;
	world->failure[0] = '\0';
	model_init(&world->moments[0]);
	world->moment_count = 1;
	world->database = memory_database_new();
	if (world->database == NULL || memory_reader_new(world->database, &world->reader) != OK ||
	    memory_reader_new(world->database, &world->expirer_reader) != OK)
		abort();
	start_expirer(world);
	for (uint32_t i = 0; i < PROCESS_COUNT; i++)
		process_start(&world->processes[i], world, i);
	memset(&world->audience, 0, sizeof world->audience);
	world->late_wire_count = 0;
	for (uint32_t i = 0; i < PUBLISHER_PROCESS_COUNT; i++)
		publisher_process_start(&world->publisher_processes[i], world, i);
}

struct attempt *world_submit(struct world *world, const struct request *request, struct process *process, struct job *origin)
{
	if (world->attempt_count == ATTEMPTS_MAX)
		return NULL;
	struct attempt *attempt = &world->attempts[world->attempt_count];
	*attempt = (struct attempt){
		.request = *request,
		.number = (uint16_t)world->attempt_count++,
		.first_moment = world->moment_count - 1,
		.origin = origin,
	};
	arena_init(&attempt->arena, 2048, 1024 * 1024);
	attempt->job = (struct job){.kind = JOB_COMMAND, .arena = &attempt->arena};
	attempt->job.command = command_of(request, attempt->number, world->hold_ttl_ms, world->order_ttl_ms, &attempt->arena);
	if (origin != NULL) {
		attempt->job.command = origin->command;
		attempt->job.command.arena = &attempt->arena;
	}
	list_push(&process->queue, &attempt->job.node);
	process->queued++;
	world_cover(world, SITUATION_OPERATION);
	if (world->trace != NULL) {
		char text[TRACE_LINE_LENGTH];
		request_describe(request, text, sizeof text);
		world_trace(world, "attempt %u goes to process %u: %s", attempt->number, process->number, text);
	}
	return attempt;
}

static void step_some_process(struct world *world)
{
	struct process *process = &world->processes[prng_below(&world->prng, PROCESS_COUNT)];
	if (!process->is_running)
		process_step(process);
}

void world_interfere(struct world *world)
{
	if (world->depth >= DEPTH_MAX)
		return;
	if (prng_chance(&world->prng, 400))
		client_act(world);
	if (prng_chance(&world->prng, 300))
		publisher_process_step(&world->publisher_processes[prng_below(&world->prng, PUBLISHER_PROCESS_COUNT)]);
	if (prng_chance(&world->prng, 100))
		publisher_processes_let_late_arrive(world);
	world->now_ms += prng_below(&world->prng, 3);
	world_cover(world, world->depth == 1 ? SITUATION_STEP_NESTED : SITUATION_STEP_NESTED_TWICE);
	step_some_process(world);
}

/* The next of these attempts that made a hold or an order which is live; NOBODY. */
static uint16_t find_live(const struct world *world, uint32_t first)
{
	const struct model *model = world_model(world);
	for (uint32_t i = first; i < world->attempt_count; i++)
		if (model->holds[i].status == HOLD_ACTIVE || model->orders[i].status == ORDER_PENDING)
			return (uint16_t)i;
	return NOBODY;
}

/* To the very millisecond, on the clock of some process, at which something ends; or to the one before or after. There it is asked for. */
static void leap_to_deadline(struct world *world)
{
	struct process *process = &world->processes[prng_below(&world->prng, PROCESS_COUNT)];
	uint16_t number = find_live(world, prng_below(&world->prng, world->attempt_count));
	if (number == NOBODY || process->is_running)
		return;
	const struct model_hold *hold = &world_model(world)->holds[number];
	bool is_hold = hold->status == HOLD_ACTIVE;
	uint64_t deadline_ms = is_hold ? hold->expires_at_ms : world_model(world)->orders[number].pay_by_ms;
	uint64_t target_ms = (uint64_t)((int64_t)deadline_ms - process->skew_ms) - 1 + prng_below(&world->prng, 3);
	if (target_ms < world->now_ms || target_ms > world->now_ms + LEAP_MAX_MS)
		return;
	world->now_ms = target_ms;
	if (is_hold)
		client_act_on_hold(world, number, process);
	else
		client_act_on_order(world, number, process);
	process_step(process);
}

static void let_something_happen(struct world *world)
{
	struct process *process = &world->processes[prng_below(&world->prng, PROCESS_COUNT)];
	uint32_t choice = prng_below(&world->prng, 1205);
	world->step++;
	world->now_ms += prng_below(&world->prng, 20);
	if (world->is_marked && prng_chance(&world->prng, 60)) {
		replayer_step(world);
	} else if (choice < 450) {
		client_act(world);
	} else if (choice < 880) {
		step_some_process(world);
	} else if (choice < 940) {
		leap_to_deadline(world);
	} else if (choice < 970) {
		(void)expirer_step(world->expirer);
	} else if (choice < 985) {
		world_cover(world, SITUATION_CLOCK_JUMPED);
		process->skew_ms = draw_skew(world, prng_chance(&world->prng, 50) ? JUMP_MAX_MS : SKEW_MAX_MS);
	} else if (choice < 990 && world->hardships.crash > 0) {
		world_cover(world, SITUATION_CRASH_IDLE);
		process_crash(process);
	} else if (choice < 1020) {
		publisher_processes_let_late_arrive(world);
	} else if (choice < 1200) {
		publisher_process_step(&world->publisher_processes[prng_below(&world->prng, PUBLISHER_PROCESS_COUNT)]);
	} else {
		replayer_step(world);
	}
}

/* Until nothing waits; nothing goes wrong any more. */
static void drain(struct world *world)
{
	world->hardships = (struct hardships){0};
	replayer_finish(world);
	for (uint32_t i = 0; i < PROCESS_COUNT; i++)
		while (process_is_busy(&world->processes[i]))
			process_step(&world->processes[i]);
	for (uint32_t i = 0; i < world->attempt_count; i++)
		if (world->attempts[i].state == ATTEMPT_WAITING)
			world_fail(world, "attempt %u is never answered", i);
}

/* Everybody's clock past every deadline: the worker ends all that waits. */
static void expire_all(struct world *world)
{
	for (uint32_t i = 0; i < PROCESS_COUNT; i++)
		world->processes[i].skew_ms = 0;
	world->now_ms += 2 * JUMP_MAX_MS + world->hold_ttl_ms + world->order_ttl_ms;
	for (int round = 0; round < 3 + 2 * EVENT_COUNT; round++) {
		(void)expirer_step(world->expirer);
		drain(world);
	}
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++)
		if (world_model(world)->holds[i].status == HOLD_ACTIVE || world_model(world)->orders[i].status == ORDER_PENDING)
			world_fail(world, "what attempt %u made is never ended", i);
	for (uint32_t event = 0; event < EVENT_COUNT; event++) {
		const struct model_sale *sale = &world_model(world)->sales[event];
		if (sale->status == SALE_CANCELLED && !sale->is_settled)
			world_fail(world, "cancelled event %u is never settled", event);
	}
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++) {
		const struct model_order *order = &world_model(world)->orders[i];
		if (order->keeps_money && world_model(world)->sales[order->event].status == SALE_CANCELLED)
			world_fail(world, "order %u of cancelled event %u keeps its money", i, order->event);
	}
}

static void put_first_events_on_sale(struct world *world)
{
	for (uint8_t event = 0; event < 2; event++) {
		struct request request = {.kind = COMMAND_SALE_CREATE,
		                          .event = event,
		                          .hold = NOBODY,
		                          .order = NOBODY,
		                          .transaction = NOBODY,
		                          .key = NOBODY,
		                          .refund = ANY_REFUND};
		world->created_events |= 1U << event;
		world_submit(world, &request, &world->processes[0], NULL);
	}
	drain(world);
}

bool world_run(struct world *world, uint64_t seed, struct coverage *coverage, struct trace *trace)
{
	begin(world, seed, coverage, trace);
	if (setjmp(world->failed) != 0)
		return false;
	put_first_events_on_sale(world);
	world->hardships = draw_hardships(world);
	for (uint32_t i = 0; i < PROCESS_COUNT; i++)
		world->processes[i].skew_ms = prng_chance(&world->prng, 500) ? 0 : draw_skew(world, SKEW_MAX_MS);
	uint32_t enough = 120 + prng_below(&world->prng, 120);
	while (world->attempt_count < enough)
		let_something_happen(world);
	drain(world);
	audit(world);
	publisher_processes_finish(world);
	expire_all(world);
	audit(world);
	publisher_processes_finish(world);
	return true;
}

void world_release(struct world *world)
{
	for (uint32_t i = 0; i < PROCESS_COUNT; i++)
		process_stop(&world->processes[i]);
	for (uint32_t i = 0; i < PUBLISHER_PROCESS_COUNT; i++)
		publisher_process_stop(&world->publisher_processes[i]);
	for (uint32_t i = 0; i < world->attempt_count; i++)
		arena_release(&world->attempts[i].arena);
	expirer_free(world->expirer);
	reader_free(world->reader);
	reader_free(world->expirer_reader);
	memory_database_free(world->database);
}
