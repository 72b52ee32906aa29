/* publishing.h: a process that publishes, the way of its messages, and their consumers.
 *
 * Messages go over a wire in order. Messages that are on a wire when their process gives up or dies may still arrive, or not, at any
 * time. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/memory/database.h"
#include "app/dependencies.h"
#include "app/publisher.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/outbox.h"
#include "tests/sim/request.h"

#define PUBLISHER_PROCESS_COUNT 2
#define WIRE_MAX 2048
#define LATE_WIRES_MAX 4
#define SEQUENCES_MAX 64 /* of a stream, that are remembered */

struct world;

struct message {
	struct uuid id;
	enum stream_kind kind;
	uint16_t number; /* of its hold, order or event */
	uint32_t sequence;
};

struct wire {
	struct message messages[WIRE_MAX];
	uint32_t first, count; /* those that have not arrived */
};

/* The events that have arrived of one stream. */
struct hearing {
	uint32_t sequence; /* of the last that was new */
	struct uuid ids[SEQUENCES_MAX];
};

struct audience {
	struct hearing holds[ATTEMPTS_MAX], orders[ATTEMPTS_MAX], sales[EVENT_COUNT];
	uint32_t new_count; /* of all that has arrived for the first time */
};

struct publisher_process {
	struct world *world;
	uint32_t number;
	struct outbox outbox; /* the publisher's */
	struct outbox *inner; /* the database */
	struct bus bus;
	struct clock clock;
	struct dependencies dependencies;
	uint64_t clock_offset_ms; /* of its monotonic clock */
	struct publisher *publisher;
	struct wire wire;
	uint32_t arrived; /* messages whose confirm has not come */
	bool is_running;
	jmp_buf crash; /* where a crash leads */
};

void publisher_process_start(struct publisher_process *process, struct world *world, uint32_t number);
void publisher_process_stop(struct publisher_process *process);
/* A step of the publisher, unless it crashes or is in one. */
void publisher_process_step(struct publisher_process *process);

/* Some of what is late arrives, or is lost. */
void publisher_processes_let_late_arrive(struct world *world);
/* Until nothing waits to be published; nothing goes wrong any more. Then everybody must have heard of every event. */
void publisher_processes_finish(struct world *world);
