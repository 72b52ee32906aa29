/* courier.h: a process that publishes, the way of its messages, and who hears them.
 *
 * Messages go over a wire in order. What is on a wire when its courier gives up or dies may still arrive, or not, whenever it likes. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/memory/database.h"
#include "app/publisher.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/outbox.h"
#include "ports/random.h"
#include "tests/sim/request.h"

#define COURIER_COUNT 2
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
	uint32_t first, count;
};

/* What has arrived of one stream. */
struct hearing {
	uint32_t sequence; /* of the last that was new */
	struct uuid ids[SEQUENCES_MAX];
};

struct audience {
	struct hearing holds[ATTEMPTS_MAX], orders[ATTEMPTS_MAX], sales[EVENT_COUNT];
	uint32_t new_count; /* of all that has arrived for the first time */
};

struct courier {
	struct world *world;
	uint32_t number;
	struct outbox outbox; /* what the publisher sees */
	struct outbox *inner; /* the database */
	struct bus bus;
	struct clock clock;
	struct random random;
	uint64_t clock_offset_ms; /* of its monotonic clock */
	struct publisher *publisher;
	struct wire wire;
	bool is_running;
	jmp_buf crash; /* where a crash leads */
};

void courier_start(struct courier *courier, struct world *world, uint32_t number);
void courier_stop(struct courier *courier);
/* A step of the publisher, unless it crashes or is in one. */
void courier_step(struct courier *courier);

/* Some of what is late arrives, or is lost. */
void couriers_let_late_arrive(struct world *world);
/* Until nothing waits to be published; nothing goes wrong any more. Then everybody must have heard of every event. */
void couriers_finish(struct world *world);
