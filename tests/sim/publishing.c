/* publishing.c: the real publisher between an outbox and a bus that fail. */
#include "tests/sim/publishing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define HANG_MS 7000 /* longer than a lease */
#define HANG_STEPS 12
#define FINISH_MS 500
#define FINISH_STEPS_MAX 2000
#define EVENTS_MAX 4096

static uint64_t sim_now_ms(struct clock *clock)
{
	return container_of(clock, struct publisher_process, clock)->world->now_ms;
}

static uint64_t sim_monotonic_ns(struct clock *clock)
{
	const struct publisher_process *process = container_of(clock, struct publisher_process, clock);
	return (process->world->now_ms + process->clock_offset_ms) * 1000000;
}

static const struct clock_operations clock_operations = {.now_ms = sim_now_ms, .monotonic_ns = sim_monotonic_ns};

/* The message has come out of the broker's queue. */
static const char *const kind_names[] = {[STREAM_SALE] = "event", [STREAM_HOLD] = "hold", [STREAM_ORDER] = "order"};

static struct hearing *hearing_of(struct audience *audience, const struct message *message)
{
	return message->kind == STREAM_ORDER  ? &audience->orders[message->number]
	       : message->kind == STREAM_HOLD ? &audience->holds[message->number]
	                                      : &audience->sales[message->number];
}

static void hear(struct world *world, const struct message *message)
{
	struct audience *audience = &world->audience;
	struct hearing *hearing = hearing_of(audience, message);
	const char *kind = kind_names[message->kind];
	if (message->sequence > hearing->sequence + 1)
		world_fail(world, "message %u of %s %u arrives before message %u", message->sequence, kind, message->number,
		           hearing->sequence + 1);
	assert(message->sequence < SEQUENCES_MAX);
	struct uuid *id = &hearing->ids[message->sequence];
	world_digest(world, message->id.bytes, sizeof message->id.bytes);
	if (message->sequence <= hearing->sequence) {
		world_cover(world, SITUATION_MESSAGE_REPEATED);
		if (!uuid_equal(id, &message->id))
			world_fail(world, "message %u of %s %u is repeated with another id", message->sequence, kind, message->number);
		return;
	}
	world_cover(world, SITUATION_MESSAGE_NEW);
	*id = message->id;
	hearing->sequence++;
	audience->new_count++;
}

static void arrive(struct world *world, struct wire *wire, uint32_t count)
{
	assert(count <= wire->count);
	for (uint32_t i = 0; i < count; i++)
		hear(world, &wire->messages[wire->first + i]);
	wire->first += count;
	wire->count -= count;
}

/* Nobody looks after the wire any more. */
static void abandon_wire(struct publisher_process *process)
{
	struct world *world = process->world;
	if (process->wire.count > 0 && world->late_wire_count < LATE_WIRES_MAX) {
		struct wire *late = &world->late_wires[world->late_wire_count++];
		late->first = 0;
		late->count = process->wire.count;
		memcpy(late->messages, &process->wire.messages[process->wire.first], late->count * sizeof *late->messages);
	}
	process->wire.first = process->wire.count = 0;
}

void publisher_processes_let_late_arrive(struct world *world)
{
	if (world->late_wire_count == 0)
		return;
	uint32_t index = prng_below(&world->prng, world->late_wire_count);
	struct wire *wire = &world->late_wires[index];
	uint32_t count = 1 + prng_below(&world->prng, wire->count);
	world_trace(world, "%u messages arrive late", count);
	world_cover(world, SITUATION_MESSAGE_LATE);
	arrive(world, wire, count);
	if (wire->count == 0 || prng_chance(&world->prng, 200))
		*wire = world->late_wires[--world->late_wire_count];
}

static void crash(struct publisher_process *process)
{
	assert(process->is_running);
	longjmp(process->crash, 1);
}

/* Time passes: it may die, or hang until others have taken over, and others work. */
static void pass(struct publisher_process *process)
{
	struct world *world = process->world;
	if (prng_chance(&world->prng, world->hardships.crash))
		crash(process);
	if (prng_chance(&world->prng, world->hardships.nested))
		world_interfere(world);
	if (!prng_chance(&world->prng, world->hardships.hang))
		return;
	world_trace(world, "publisher %u hangs", process->number);
	world_cover(world, SITUATION_PUBLISHER_PROCESS_HANGS);
	world->now_ms += HANG_MS;
	for (uint32_t i = 0; i < HANG_STEPS; i++)
		world_interfere(world);
}

/* STORE_OK: nothing is wrong. */
static enum store_result refuse(struct publisher_process *process)
{
	struct world *world = process->world;
	pass(process);
	if (prng_chance(&world->prng, world->hardships.busy))
		return STORE_BUSY;
	return prng_chance(&world->prng, world->hardships.down) ? STORE_DOWN : STORE_OK;
}

/* The result of a call, and whether the publisher learns it. */
static enum store_result answer(struct publisher_process *process, enum store_result result)
{
	pass(process);
	return prng_chance(&process->world->prng, process->world->hardships.unknown) ? STORE_DOWN : result;
}

static struct publisher_process *process_of(struct outbox *outbox)
{
	return container_of(outbox, struct publisher_process, outbox);
}

static enum store_result sim_lease(struct outbox *outbox, const struct uuid *owner, uint64_t lease_ms, bool keeps_all,
                                   uint32_t *ret_partitions)
{
	struct publisher_process *process = process_of(outbox);
	uint32_t partitions = 0;
	enum store_result result = refuse(process);
	if (result != STORE_OK)
		return result;
	result = answer(process, process->inner->operations->lease(process->inner, owner, lease_ms, keeps_all, &partitions));
	if (result == STORE_OK)
		*ret_partitions = partitions;
	return result;
}

static enum store_result sim_release(struct outbox *outbox, const struct uuid *owner)
{
	struct publisher_process *process = process_of(outbox);
	enum store_result result = refuse(process);
	return result != STORE_OK ? result : answer(process, process->inner->operations->release(process->inner, owner));
}

static enum store_result sim_next(struct outbox *outbox, const struct uuid *owner, uint32_t events_max, struct arena *arena,
                                  struct outbox_batch *ret_batch)
{
	struct publisher_process *process = process_of(outbox);
	(void)events_max;
	enum store_result result = refuse(process);
	if (result != STORE_OK)
		return result;
	events_max = 1 + prng_below(&process->world->prng, 8); /* so that there are many batches */
	process->inner->known = outbox->known;
	if (outbox->known->count > 0)
		world_cover(process->world, SITUATION_READ_AHEAD);
	return answer(process, process->inner->operations->next(process->inner, owner, events_max, arena, ret_batch));
}

static enum store_result sim_acknowledge(struct outbox *outbox, const struct outbox_key *keys, uint32_t count)
{
	struct publisher_process *process = process_of(outbox);
	enum store_result result = refuse(process);
	return result != STORE_OK ? result : answer(process, process->inner->operations->acknowledge(process->inner, keys, count));
}

static const struct outbox_operations outbox_operations = {
	.lease = sim_lease,
	.release = sim_release,
	.next = sim_next,
	.acknowledge = sim_acknowledge,
};

static struct message message_of(const struct event_record *record)
{
	return (struct message){
		.id = record->id,
		.kind = event_type_stream(record->type),
		.number = event_type_stream(record->type) == STREAM_SALE ? event_of(&record->stream_id) : number_of(&record->stream_id),
		.sequence = record->sequence,
	};
}

/* Some messages arrive, and some confirms come back. */
static void proceed(struct publisher_process *process)
{
	struct world *world = process->world;
	uint32_t count = prng_below(&world->prng, process->wire.count + 1);
	arrive(world, &process->wire, count);
	process->arrived += count;
	uint32_t confirms = prng_below(&world->prng, process->arrived + 1);
	process->arrived -= confirms;
	process->bus.confirmed += confirms;
	if (process->wire.count == 0)
		process->wire.first = 0;
}

/* The connection is lost, with the confirms that were on their way. */
static enum bus_result lose(struct publisher_process *process)
{
	abandon_wire(process);
	process->arrived = 0;
	return BUS_DOWN;
}

static enum bus_result sim_send(struct bus *bus, const struct event_record *const *records, uint32_t count, uint64_t timeout_ms,
                                uint32_t *ret_sent)
{
	struct publisher_process *process = container_of(bus, struct publisher_process, bus);
	struct world *world = process->world;
	struct wire *wire = &process->wire;
	(void)timeout_ms;
	*ret_sent = 0;
	pass(process);
	uint32_t room = wire->first + wire->count < WIRE_MAX / 2 ? 1 + prng_below(&world->prng, 2 * count) : 0;
	for (; *ret_sent < count && *ret_sent < room; (*ret_sent)++)
		wire->messages[wire->first + wire->count++] = message_of(records[*ret_sent]);
	if (prng_chance(&world->prng, 300))
		proceed(process);
	pass(process);
	if (prng_chance(&world->prng, world->hardships.down))
		return lose(process);
	return *ret_sent == count ? BUS_OK : BUS_PENDING;
}

static enum bus_result sim_collect(struct bus *bus, uint64_t timeout_ms)
{
	struct publisher_process *process = container_of(bus, struct publisher_process, bus);
	struct world *world = process->world;
	pass(process);
	if (prng_chance(&world->prng, world->hardships.down))
		return lose(process);
	if (prng_below(&world->prng, 2) == 0)
		proceed(process);
	else if (timeout_ms > 0)
		world->now_ms += prng_below(&world->prng, (uint32_t)timeout_ms + 1);
	pass(process);
	return process->wire.count + process->arrived > 0 ? BUS_PENDING : BUS_OK;
}

static const struct bus_operations bus_operations = {.send = sim_send, .collect = sim_collect};

static void start_publisher(struct publisher_process *process)
{
	struct prng *prng = &process->world->prng;
	const struct publisher_options options = {
		.outbox = &process->outbox,
		.bus = &process->bus,
		.clock = &process->clock,
		.dependencies = &process->dependencies,
		.owner = uuid_v7(prng_next(prng) >> 4, prng_next(prng), (uint8_t)process->number),
	};
	process->arrived = 0;
	process->bus.confirmed = 0;
	dependencies_init(&process->dependencies, prng_next(prng));
	process->clock_offset_ms = 1 + prng_below(prng, 1000000);
	if (publisher_new(&options, &process->publisher) != OK)
		abort();
}

void publisher_process_start(struct publisher_process *process, struct world *world, uint32_t number)
{
	process->world = world;
	process->number = number;
	process->outbox.operations = &outbox_operations;
	process->bus.operations = &bus_operations;
	process->clock.operations = &clock_operations;
	process->wire.first = process->wire.count = 0;
	process->is_running = false;
	if (memory_outbox_new(world->database, &process->clock, &process->inner) != OK)
		abort();
	start_publisher(process);
}

void publisher_process_stop(struct publisher_process *process)
{
	publisher_free(process->publisher);
	outbox_free(process->inner);
}

void publisher_process_step(struct publisher_process *process)
{
	struct world *world = process->world;
	uint32_t depth = world->depth;
	if (process->is_running)
		return;
	process->is_running = true;
	world->depth++;
	if (setjmp(process->crash) == 0) {
		(void)publisher_step(process->publisher);
	} else {
		world_trace(world, "process %u crashes", process->number);
		world_cover(world, SITUATION_PUBLISHER_PROCESS_CRASH);
		publisher_free(process->publisher);
		abandon_wire(process);
		start_publisher(process);
	}
	world->depth = depth;
	process->is_running = false;
}

static bool has_entries(const struct world *world)
{
	struct outbox_status status;
	return world->reader->operations->look_at_outbox(world->reader, &status) != STORE_OK || status.entries > 0;
}

static void check_everything_was_heard(struct world *world)
{
	struct arena arena;
	struct event_list list;
	uint32_t published = 0;
	arena_init(&arena, 65536, 16 * 1024 * 1024);
	if (world->reader->operations->list_events(world->reader, NULL, EVENTS_MAX, &arena, &list) != STORE_OK)
		abort();
	for (uint32_t i = 0; i < list.count; i++) {
		if (!event_type_is_published(list.records[i].type))
			continue;
		struct message message = message_of(&list.records[i]);
		const struct hearing *hearing = hearing_of(&world->audience, &message);
		if (hearing->sequence < message.sequence || !uuid_equal(&hearing->ids[message.sequence], &message.id))
			world_fail(world, "nobody hears of event %u of %s %u", message.sequence, kind_names[message.kind], message.number);
		published++;
	}
	arena_release(&arena);
	if (published != world->audience.new_count)
		world_fail(world, "%u messages for %u published events", world->audience.new_count, published);
}

void publisher_processes_finish(struct world *world)
{
	for (uint32_t i = 0; has_entries(world); i++) {
		if (i == FINISH_STEPS_MAX)
			world_fail(world, "something is never published");
		world->now_ms += FINISH_MS;
		publisher_process_step(&world->publisher_processes[i % PUBLISHER_PROCESS_COUNT]);
	}
	while (world->late_wire_count > 0)
		publisher_processes_let_late_arrive(world);
	check_everything_was_heard(world);
}
